"""Keeping appointments from delegates: with what they are about, or with their visit."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import queries
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
    about what has one of these ids and is locked already."""
    rows = queries.of_these_for_change(session, ids)
    confidentiality.mark(
        session=session, actor=actor, rows=rows, resource="appointment", command=command, now=now
    )
