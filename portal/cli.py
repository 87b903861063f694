"""The `portal` command: what the people who run Careloop do with it."""

import click

from portal.config import ConfigurationError, load_config
from portal.core.log import configure_logging
from portal.migrate import drift
from portal.migrate import migrate as bring_up_to_date


@click.group()
def portal() -> None:
    """Run and look after Careloop. Settings come from the environment: see docs/operations.md."""
    configure_logging("WARNING")


@portal.command()
def migrate() -> None:
    """Bring the database to this version. Safe to run again."""
    bring_up_to_date(load_config())


@portal.group()
def migrations() -> None:
    """Migrations against the models."""


@migrations.command()
def check() -> None:
    """Say what the models declare and the migrations lack; exit 1 when there is anything."""
    found = drift(load_config())
    for change in found:
        click.echo(change)
    if found:
        raise SystemExit(1)


def main() -> None:
    try:
        portal()
    except ConfigurationError as error:
        raise SystemExit(f"portal: {error}") from None
