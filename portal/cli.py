"""The `portal` command: what the people who run Careloop do with it."""

import os

import click
from flask.cli import FlaskGroup

from portal.accounts.cli import accounts, clients
from portal.app import create_app
from portal.attachments.cli import attachments
from portal.config import ConfigurationError, load_config
from portal.core.cli import audit, loops, outbox
from portal.core.content_cli import content
from portal.demo.cli import demo
from portal.demo.seed.cli import seed
from portal.directory.cli import directory
from portal.messages.cli import red_flags
from portal.migrate import drift
from portal.migrate import migrate as bring_up_to_date
from portal.requisitions.cli import catalog
from portal.results.cli import messages
from portal.scratch import drift_of_new


class Portal(FlaskGroup):
    """Its commands are known without the application, which needs settings that a help page
    doesn't."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return click.Group.list_commands(self, ctx)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return click.Group.get_command(self, ctx, name)


portal = Portal(
    name="portal",
    create_app=create_app,
    add_default_commands=False,
    add_version_option=False,
    load_dotenv=False,
    set_debug_flag=False,
    help="Run and look after Careloop. Settings come from the environment: docs/operations.md.",
)
for group in (
    accounts,
    clients,
    directory,
    catalog,
    red_flags,
    attachments,
    content,
    messages,
    outbox,
    loops,
    audit,
    demo,
    seed,
):
    portal.add_command(group)


@portal.command(with_appcontext=False)
def migrate() -> None:
    """Bring the database to this version. Safe to run again."""
    bring_up_to_date(load_config())


@portal.group()
def migrations() -> None:
    """Migrations against the models."""


@migrations.command(with_appcontext=False)
def check() -> None:
    """Say what the models declare and the migrations lack; exit 1 when there is anything.

    In the database that PORTAL_OWNER_DATABASE_URL names; without one, in a new one of its own.
    """
    found = drift(load_config()) if "PORTAL_OWNER_DATABASE_URL" in os.environ else drift_of_new()
    for change in found:
        click.echo(change)
    if found:
        raise SystemExit(1)


def main() -> None:
    try:
        portal()
    except ConfigurationError as error:
        raise SystemExit(f"portal: {error}") from None
