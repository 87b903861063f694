"""Made-up data stays out of real databases."""

import click

from portal.config import Config


def demo_only(config: Config) -> None:
    """Raises ClickException outside the demo."""
    if config.environment != "demo":
        raise click.ClickException(
            "This writes made-up data, or deletes data: it runs with PORTAL_ENV=demo alone."
        )


def refuse_production(config: Config) -> None:
    """Raises ClickException in production, and where the owner's login is missing."""
    if config.environment == "production":
        raise click.ClickException("This writes made-up data: it never runs in production.")
    if not config.owner_database_url:
        raise click.ClickException("PORTAL_OWNER_DATABASE_URL is not set: it is needed for this.")
