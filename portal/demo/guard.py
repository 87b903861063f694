"""Made-up data stays out of real databases."""

import click

from portal.config import Config


def refuse_production(config: Config) -> None:
    """Raises ClickException in production."""
    if config.environment == "production":
        raise click.ClickException(
            "This writes made-up data: it runs with PORTAL_ENV=demo alone, never in production."
        )
    if not config.owner_database_url:
        raise click.ClickException("PORTAL_OWNER_DATABASE_URL is not set: it is needed for this.")
