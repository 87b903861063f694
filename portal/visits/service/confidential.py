"""Keeping visits from delegates."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.core.actor import Actor
from portal.patients import confidentiality
from portal.patients.confidentiality import Confidential
from portal.visits.model import Visit
from portal.visits.service import moves

SAYS_CONFIDENTIAL = "Its summary names something that is confidential"


def keep_confidential(
    *, session: Session, actor: Actor, visit_id: UUID, command: Confidential, now: datetime
) -> Visit:
    """Keep a visit from delegates, or open it to them again, with all that belongs to it and the
    appointment that it was booked as. Raises VisitNotFound.

    The history has no word of it: whoever may read it once it is opened need not know.
    """
    visit = moves.lock(session, visit_id)
    if visit.confidential != command.confidential:
        visit.version += 1
    mark(session, actor, visit, command, now)
    return visit


def mark(
    session: Session, actor: Actor, visit: Visit, command: Confidential, now: datetime
) -> None:
    """The same for a visit that is locked, or new."""
    confidentiality.mark(
        session=session, actor=actor, rows=[visit], resource="visit", command=command, now=now
    )
    if visit.appointment_id is not None:
        appointments.keep_confidential(
            session=session, actor=actor, ids=[visit.appointment_id], command=command, now=now
        )


def keep_with_what_it_says(
    session: Session, actor: Actor, visit: Visit, content: Mapping[str, Any], now: datetime
) -> None:
    """A summary is shown whole: one that names something confidential makes its visit so."""
    if not visit.confidential and confidentiality.is_kept(session, list(_named(content))):
        mark(session, actor, visit, Confidential(True, SAYS_CONFIDENTIAL), now)


def _named(content: Mapping[str, Any]) -> Iterator[UUID]:
    """What a summary names of the patient's record, by id."""
    named = [
        *(one["target_id"] for one in content["instructions"]),
        *(one["prescription_id"] for one in content["medicines"]),
        *content["problem_ids"],
    ]
    return (UUID(str(one)) for one in named if one is not None)
