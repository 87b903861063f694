"""`portal attachments`: what is kept back, what nobody needs, and another try at scanning."""

import click
from flask.cli import AppGroup

from portal.attachments import queries, service
from portal.attachments.storage import Storage
from portal.attachments.sweeping import sweep
from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.web import extension

BATCH = 500

attachments = AppGroup("attachments", help="Files that people attached.")


@attachments.command("status")
def show_status() -> None:
    """List what is not handed out: what waits, what could not be scanned, what was infected."""
    with transaction(OPERATOR) as session:
        found = queries.not_clean(session)
    for row in found:
        finding = f"  {row.finding}" if row.finding else ""
        click.echo(
            f"{row.id}  {row.status} since {row.status_at:%Y-%m-%d %H:%M}Z  "
            f"from {row.uploader_kind} {row.uploader_id}{finding}"
        )
    click.echo(f"{len(found)} attachments are kept back.")


@attachments.command("sweep")
def sweep_now() -> None:
    """Delete uploads that were not used within a day, and files that no attachment names."""
    swept = sweep(Storage(extension("config").attachments), utcnow())
    click.echo(f"{swept.uploads} unused uploads and {swept.files} files deleted.")


@attachments.command("rescan")
def scan_again() -> None:
    """Have what could not be scanned scanned again, once the scanner works."""
    total = 0
    while True:
        with transaction(OPERATOR) as session:
            count = service.scan_again(session=session, actor=OPERATOR, limit=BATCH, now=utcnow())
        total += count
        if count < BATCH:
            break
    click.echo(f"{total} attachments go to the scanner again.")
