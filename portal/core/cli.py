"""`portal outbox`, `portal audit` and `portal loops`: what waits, whether the trail is whole, and
whether every loop has its owner and its next step."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Table
from sqlalchemy import Row, text

from portal.core import audit_chain
from portal.core import loops as promise
from portal.core.actor import OPERATOR, WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.outbox import wake

outbox = AppGroup("outbox", help="What waits for the workers.")
audit = AppGroup("audit", help="The audit trail.")
loops = AppGroup("loops", help="Open loops and their owners.")

_STANDING = text(
    """
    SELECT kind, status, count(*) AS events,
           greatest(0, round(extract(epoch FROM :now - min(due_at))))::bigint AS oldest
    FROM outbox_event WHERE status <> 'done' GROUP BY kind, status ORDER BY kind, status
    """
)
_DEAD = text(
    "SELECT id, kind, attempts, last_error FROM outbox_event WHERE status = 'dead' ORDER BY id"
)
_RETRY = text(
    "UPDATE outbox_event SET status = 'pending', attempts = 0, due_at = :now, done_at = NULL "
    "WHERE status = 'dead' AND (:all OR id = ANY(:ids))"
)


@outbox.command("status")
@click.option("--max-lag", type=int, help="Exit 1 when something is due for more seconds.")
def show_outbox(max_lag: int | None) -> None:
    """Show what isn't done: how many of each kind, how late, and the dead letters."""
    with transaction(OPERATOR) as session:
        standing = session.execute(_STANDING, {"now": utcnow()}).all()
        dead = session.execute(_DEAD).all()
    if not standing:
        click.echo("Everything is done.")
        return
    _print(("kind", "status", "events", "oldest due since (s)"), standing)
    for row in dead:
        click.echo(f"dead: {row.id}  {row.kind}  {row.attempts} attempts  {row.last_error}")
    lag = max((row.oldest for row in standing if row.status != "dead"), default=0)
    if max_lag is not None and lag > max_lag:
        raise SystemExit(1)


def _print(columns: Sequence[str], rows: Sequence[Row[Any]]) -> None:
    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(value) for value in row))
    Console(soft_wrap=True).print(table)


@outbox.command("retry")
@click.argument("event_ids", nargs=-1, type=click.UUID)
@click.option("--all", "everything", is_flag=True, help="Every dead letter.")
def retry(event_ids: tuple[UUID, ...], everything: bool) -> None:
    """Give dead letters to the workers again."""
    if not (event_ids or everything):
        raise click.UsageError("Name the dead letters, or say --all.")
    values = {"now": utcnow(), "all": everything, "ids": list(event_ids)}
    with transaction(OPERATOR) as session:
        count = session.connection().execute(_RETRY, values).rowcount
        wake(session)
    click.echo(f"{count} dead letters go to the workers again.")
    if count < len(event_ids):
        raise SystemExit(1)


@audit.command("verify")
def verify() -> None:
    """Recompute the chain of seals; exit 1 naming the first row that was altered or removed."""
    with transaction(OPERATOR) as session:
        verdict = audit_chain.verify(session)
    click.echo(f"{verdict.entries} rows under {verdict.seals} seals; head {verdict.head}")
    if verdict.problem:
        click.echo(f"The trail was tampered with: {verdict.problem}", err=True)
        raise SystemExit(1)


@audit.command("seal")
def seal() -> None:
    """Seal what was written until now, without waiting for the workers."""
    total = 0
    while count := _seal_next():
        total += count
    click.echo(f"{total} rows sealed.")


def _seal_next() -> int:
    with transaction(WORKER) as session:
        return audit_chain.seal(session, now=utcnow())


@loops.command("check")
def check_loops() -> None:
    """List every loop that is not as it should be; exit 1 when there is one."""
    with transaction(OPERATOR) as session:
        violations = promise.check(session, now=utcnow())
    for violation in violations:
        click.echo(f"{violation.id}  {violation.rule}")
    click.echo(f"{len(violations)} violations")
    if violations:
        raise SystemExit(1)
