"""`portal messages`: what laboratories sent and we failed to take in."""

from uuid import UUID

import click
from flask.cli import AppGroup

from portal.core.actor import WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import PortalError
from portal.results import case_queries, service

messages = AppGroup("messages", help="What laboratories sent and failed on our side.")


@messages.command("status")
def show_status() -> None:
    """List the messages that were set aside, the oldest first."""
    with transaction(WORKER) as session:
        found = case_queries.set_aside(session)
    for row in found:
        click.echo(f"{row.id}  {row.transport} {row.sender} since {row.opened_at:%Y-%m-%d %H:%M}Z")
    click.echo(f"{len(found)} messages are set aside.")


@messages.command("replay")
@click.argument("case_id", type=click.UUID, required=False)
def replay(case_id: UUID | None) -> None:
    """Take a message in again, or without a case's id all that were set aside."""
    with transaction(WORKER) as session:
        wanted = [row.id for row in case_queries.set_aside(session)]
    failed = 0
    for one in wanted if case_id is None else [case_id]:
        try:
            with transaction(WORKER) as session:
                service.replay(session=session, actor=WORKER, case_id=one, now=utcnow())
        except PortalError as error:
            failed += 1
            click.echo(f"{one}  {error.detail}")
        else:
            click.echo(f"{one}  taken in")
    if failed:
        raise SystemExit(1)
