"""What every move of a requisition brings with it, in one place."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.appointments.rules import About
from portal.appointments.states import AboutKind, AppointmentStatus
from portal.core import audit, outbox
from portal.core.actor import Actor
from portal.requisitions import queries, rules
from portal.requisitions.errors import RequisitionNotFound
from portal.requisitions.model import Requisition, RequisitionHistory
from portal.requisitions.states import (
    REOPENING,
    UNRESULTED,
    RequisitionPriority,
    RequisitionStatus,
)

S = RequisitionStatus
# What becomes of an appointment with its order. One that is called off by itself has ended before.
_APPOINTMENT_ENDS: Mapping[RequisitionStatus, tuple[AppointmentStatus, str | None]] = {
    **dict.fromkeys((S.COLLECTED, S.IN_PROGRESS, S.RESULTED), (AppointmentStatus.ATTENDED, None)),
    S.CANCELLED: (AppointmentStatus.CANCELLED, "cancelled"),
    S.REJECTED: (AppointmentStatus.CANCELLED, "rejected"),
    S.EXPIRED: (AppointmentStatus.CANCELLED, "expired"),
}


def lock(session: Session, requisition_id: UUID) -> Requisition:
    """Raises RequisitionNotFound for one that the actor may not see."""
    requisition = queries.for_change(session, requisition_id)
    if requisition is None:
        raise RequisitionNotFound()
    return requisition


def move(
    session: Session,
    requisition: Requisition,
    status: RequisitionStatus,
    *,
    actor: Actor,
    now: datetime,
    expected_by: datetime | None = None,
    reason_code: str | None = None,
    reason: str | None = None,
) -> RequisitionHistory:
    """Move a requisition: history, the next due time, its appointment, event and audit row.

    Raises IllegalTransition when the table has no such move for this actor.
    """
    before = RequisitionStatus(requisition.status)
    if expected_by is None:
        expected_by = _next_due(session, requisition, status, now)
    step = requisition.move_to(
        status,
        actor=actor,
        now=now,
        expected_by=expected_by,
        reason_code=reason_code,
        reason=reason,
    )
    if before == S.SCHEDULED and status in _APPOINTMENT_ENDS:
        _settle_appointment(session, requisition, status, actor, now)
    remember(session, requisition, step, actor=actor, action=status.value, now=now)
    return step


def reopen(
    session: Session,
    requisition: Requisition,
    *,
    actor: Actor,
    now: datetime,
    reason: str,
    filler_number: str,
) -> None:
    """Have an order wait for its result again, and forget a laboratory's number that came with
    another's. One that no result has ended stays as it is."""
    if filler_number and requisition.filler_number == filler_number:
        requisition.filler_number = None
    if not REOPENING.allows(RequisitionStatus(requisition.status), S.IN_PROGRESS, actor.kind):
        return
    due = _next_due(session, requisition, S.IN_PROGRESS, now)
    step = requisition.reopen(actor=actor, now=now, expected_by=max(due, now), reason=reason)
    remember(session, requisition, step, actor=actor, action="reopened", now=now)


def _next_due(
    session: Session, requisition: Requisition, status: RequisitionStatus, now: datetime
) -> datetime:
    """When the next step is due; what is asked of the patient is due when it should be done."""
    if status not in UNRESULTED:
        return requisition.collect_by
    test = queries.tests(session, [requisition.test_code])[requisition.test_code]
    priority = RequisitionPriority(requisition.priority)
    return rules.result_due(priority, test.turnaround_hours, requisition.collected_at or now)


def _settle_appointment(
    session: Session,
    requisition: Requisition,
    status: RequisitionStatus,
    actor: Actor,
    now: datetime,
) -> None:
    """An appointment ends with what became of its order."""
    outcome, reason = _APPOINTMENT_ENDS[status]
    appointments.settle_about(
        session=session,
        actor=actor,
        about=About(AboutKind.REQUISITION, requisition.id),
        status=outcome,
        reason=reason,
        now=now,
    )


def remember(
    session: Session,
    requisition: Requisition,
    step: RequisitionHistory,
    *,
    actor: Actor,
    action: str,
    now: datetime,
) -> None:
    """Keep a step that was made, and leave the event by which the workers follow it."""
    session.add(step)
    outbox.emit(
        session,
        "requisition.moved",
        now=now,
        requisition_id=requisition.id,
        history_id=step.id,
    )
    record(session, requisition, actor=actor, action=action, now=now)


def record(
    session: Session, requisition: Requisition, *, actor: Actor, action: str, now: datetime
) -> None:
    """Audit what somebody did with a requisition."""
    audit.record(
        session,
        actor,
        action,
        "requisition",
        patient_id=requisition.patient_id,
        resource_id=requisition.id,
        at=now,
    )
