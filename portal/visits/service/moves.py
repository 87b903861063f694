"""What every step of a visit brings with it, in one place."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import Actor
from portal.visits import queries
from portal.visits.errors import VisitNotFound, VisitNotHeld
from portal.visits.model import Visit, VisitHistory
from portal.visits.states import HELD, VisitStatus


def lock(session: Session, visit_id: UUID) -> Visit:
    """A visit, locked until the transaction ends. Raises VisitNotFound."""
    visit = queries.for_change(session, visit_id)
    if visit is None:
        raise VisitNotFound()
    return visit


def lock_held(session: Session, visit_id: UUID) -> Visit:
    """A visit that has begun, locked. Raises VisitNotFound, VisitNotHeld."""
    visit = lock(session, visit_id)
    if visit.status not in HELD:
        raise VisitNotHeld(status_now=visit.status)
    return visit


def move(
    session: Session,
    visit: Visit,
    status: VisitStatus,
    *,
    actor: Actor,
    now: datetime,
    reason: str | None = None,
) -> VisitHistory:
    """Move a visit: history, event and audit row.

    Raises IllegalTransition when the table has no such move for this actor.
    """
    step = visit.move_to(status, actor=actor, now=now, reason=reason)
    remember(session, visit, step, actor=actor, action=status.value, now=now)
    return step


def remember(
    session: Session,
    visit: Visit,
    step: VisitHistory,
    *,
    actor: Actor,
    action: str,
    now: datetime,
) -> None:
    """Keep a step that was made, and leave the event by which the workers follow it."""
    session.add(step)
    outbox.emit(session, "visit.moved", now=now, visit_id=visit.id, history_id=step.id)
    record(session, actor, action, "visit", visit.patient_id, visit.id, now)


def record(
    session: Session,
    actor: Actor,
    action: str,
    resource: str,
    patient_id: UUID,
    resource_id: UUID | None,
    now: datetime,
) -> None:
    """Audit what somebody did with something of a patient's."""
    audit.record(
        session, actor, action, resource, patient_id=patient_id, resource_id=resource_id, at=now
    )
