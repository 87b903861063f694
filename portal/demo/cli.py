"""`portal demo`: a small clinic to try everything with."""

import click
from flask.cli import AppGroup

from portal.config import Config
from portal.core.clock import utcnow
from portal.core.web import extension
from portal.demo.guard import demo_only
from portal.demo.loading import load as load_clinic
from portal.demo.loading import wipe

demo = AppGroup("demo", help="The demo clinic. Runs with PORTAL_ENV=demo alone.")


@demo.command("load")
def load() -> None:
    """Load the demo clinic, unless it is there, and write its logins to demo.json."""
    config: Config = extension("config")
    demo_only(config)
    _load(config)


@demo.command("reset")
@click.confirmation_option(prompt="This deletes everything in the database. Go on?")
def reset() -> None:
    """Delete everything in the database and load the demo clinic as of today."""
    config: Config = extension("config")
    demo_only(config)
    wipe(config)
    _load(config)


def _load(config: Config) -> None:
    path, fresh = load_clinic(config=config, vault=extension("vault"), now=utcnow())
    click.echo("The demo clinic was loaded." if fresh else "The demo clinic is there already.")
    click.echo(f"Its logins are in {path}.")
