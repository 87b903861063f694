"""`portal demo`: a small clinic to try everything with."""

import click
from flask.cli import AppGroup

from portal.config import Config
from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import PortalError, TransportError
from portal.core.web import extension
from portal.demo import reporting
from portal.demo.guard import demo_only
from portal.demo.lab_report import STATUSES
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


@demo.command("report")
@click.argument("placer_number")
@click.option("--status", type=click.Choice(list(STATUSES)), default="final", show_default=True)
@click.option("--critical", is_flag=True, help="With one value far above what is expected.")
def report(placer_number: str, status: str, critical: bool) -> None:
    """Have a laboratory report the result of an order, over MLLP to the running listener."""
    config: Config = extension("config")
    demo_only(config)
    try:
        with transaction(OPERATOR) as session:
            order = reporting.find_order(session, placer_number)
        raw = reporting.compose(order, status=status, critical=critical, now=utcnow())
        click.echo(reporting.send(config, raw))
    except PortalError as error:
        raise click.ClickException(error.detail) from None
    except TransportError as error:
        raise click.ClickException(f"The listener at {config.mllp_bind}: {error}") from None


def _load(config: Config) -> None:
    path, fresh = load_clinic(config=config, vault=extension("vault"), now=utcnow())
    click.echo("The demo clinic was loaded." if fresh else "The demo clinic is there already.")
    click.echo(f"Its logins are in {path}.")
