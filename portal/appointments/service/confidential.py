"""Keeping appointments from delegates: with what they are about, or with their visit."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import queries
from portal.appointments.model import Appointment
from portal.core.actor import Actor
from portal.patients import confidentiality
from portal.patients.confidentiality import Confidential


def keep_confidential(
    *,
    session: Session,
    actor: Actor,
    ids: Collection[UUID],
    command: Confidential,
    now: datetime,
) -> None:
    """Keep appointments from delegates, or open them again: those of these ids, and all that were
    about what has one of these ids and is locked already. What is about something else that is
    kept stays so."""
    rows = queries.of_these_for_change(session, ids)
    if not command.confidential:
        rows = [row for row in rows if not _is_about_kept(session, row, ids)]
    confidentiality.mark(
        session=session, actor=actor, rows=rows, resource="appointment", command=command, now=now
    )


def _is_about_kept(session: Session, row: Appointment, ids: Collection[UUID]) -> bool:
    if row.about_id is None or row.about_id in ids:
        return False
    return confidentiality.is_kept(session, [row.about_id])
