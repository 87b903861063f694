"""Appointments of imaging: booked, changed, cancelled, kept or missed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.core.errors import FieldError
from portal.core.ids import new_id
from portal.requisitions import imaging_queries, queries, rules
from portal.requisitions.errors import (
    AppointmentEnded,
    AppointmentNotFound,
    NotBookable,
    SlotNotFound,
    SlotTaken,
    SlotUnusable,
)
from portal.requisitions.imaging_model import ImagingAppointment, ImagingSlot
from portal.requisitions.model import Requisition, RequisitionHistory
from portal.requisitions.service import moves
from portal.requisitions.service.change_laboratory import check_place
from portal.requisitions.service.follow import APPOINTMENT_CHANGED
from portal.requisitions.states import (
    UNCOLLECTED,
    AppointmentStatus,
    RequisitionKind,
    RequisitionStatus,
)

S = RequisitionStatus


def book_slot(
    *, session: Session, actor: Actor, slot_id: UUID, requisition_id: UUID, now: datetime
) -> Requisition:
    """Book a time for a requisition, which goes to that radiology where it was sent to another.

    Raises RequisitionNotFound, NotBookable, SlotNotFound, SlotUnusable naming what doesn't fit,
    SlotTaken for who comes second.
    """
    requisition = moves.lock(session, requisition_id)
    status = RequisitionStatus(requisition.status)
    if requisition.kind != RequisitionKind.IMAGING:
        raise NotBookable("A laboratory test needs no appointment.", status_now=status)
    if status == S.SCHEDULED:
        raise NotBookable("An appointment is booked already: change that one.", status_now=status)
    if status not in UNCOLLECTED:
        raise NotBookable(status_now=status)
    slot = _take(session, requisition, slot_id, actor, now, pointer="/requisition_id")
    moves.move(
        session,
        requisition,
        S.SCHEDULED,
        actor=actor,
        now=now,
        expected_by=rules.appointment_due(slot.ends_at),
    )
    session.flush()
    return requisition


def _take(
    session: Session,
    requisition: Requisition,
    slot_id: UUID,
    actor: Actor,
    now: datetime,
    *,
    pointer: str,
) -> ImagingSlot:
    imaging_queries.lock_for(session, slot_id)
    slot = imaging_queries.slot(session, slot_id)
    if slot is None:
        raise SlotNotFound()
    _check_fit(session, requisition, slot, now, pointer)
    if slot.laboratory_id != requisition.laboratory_id:
        check_place(session, requisition, slot.laboratory_id)
        requisition.laboratory_id = slot.laboratory_id
        requisition.filler_number = None
    appointment = ImagingAppointment(
        id=new_id(),
        slot_id=slot.id,
        requisition_id=requisition.id,
        patient_id=requisition.patient_id,
        laboratory_id=slot.laboratory_id,
        status=AppointmentStatus.BOOKED,
        booked_at=now,
        booked_by_kind=actor.kind,
        booked_by=actor.id,
    )
    if not imaging_queries.take_slot(session, appointment):
        raise SlotTaken()
    return slot


def _check_fit(
    session: Session, requisition: Requisition, slot: ImagingSlot, now: datetime, pointer: str
) -> None:
    """Raises SlotUnusable, or SlotTaken for a time that was withdrawn."""
    if slot.withdrawn_at is not None:
        raise SlotTaken("This time was withdrawn. Choose another of GET /imaging/slots.")
    test = queries.tests(session, [requisition.test_code])[requisition.test_code]
    place = queries.laboratory(session, slot.laboratory_id)
    zone = place.time_zone if place else "UTC"
    first = requisition.not_before
    problem = None
    if slot.starts_at <= now:
        problem = "This time is over: choose a later one."
    elif slot.modality != test.modality:
        problem = f"This is a time for {slot.modality}; {test.modality} was ordered."
    elif first is not None and local_day(slot.starts_at, zone) < first:
        problem = f"This must not be done before {first.isoformat()}: choose a later time."
    if problem is not None:
        raise SlotUnusable(problem, errors=[FieldError(pointer, problem)])


def change_appointment(
    *, session: Session, actor: Actor, appointment_id: UUID, slot_id: UUID, now: datetime
) -> Requisition:
    """Another time instead of the booked one: the new one is taken and the old one freed, or
    nothing is changed.

    Raises AppointmentNotFound, AppointmentEnded, and what book_slot() raises.
    """
    requisition, appointment = _lock_booked(session, appointment_id)
    if appointment.slot_id == slot_id:
        return requisition
    appointment.move_to(AppointmentStatus.CANCELLED, actor=actor, now=now, reason="changed")
    session.flush()
    slot = _take(session, requisition, slot_id, actor, now, pointer="/slot_id")
    requisition.expected_by = rules.appointment_due(slot.ends_at)
    step = RequisitionHistory.of(requisition, S.SCHEDULED, actor=actor, now=now)
    step.reason_code = APPOINTMENT_CHANGED
    moves.remember(session, requisition, step, actor=actor, action="change_appointment", now=now)
    session.flush()
    return requisition


def _lock_booked(session: Session, appointment_id: UUID) -> tuple[Requisition, ImagingAppointment]:
    seen = imaging_queries.appointment(session, appointment_id)
    if seen is None:
        raise AppointmentNotFound()
    requisition = moves.lock(session, seen.requisition_id)
    appointment = imaging_queries.appointment(session, appointment_id)
    if appointment is None or appointment.status != AppointmentStatus.BOOKED:
        raise AppointmentEnded(status_now=appointment.status if appointment else None)
    return requisition, appointment


def cancel_appointment(
    *, session: Session, actor: Actor, appointment_id: UUID, reason: str | None, now: datetime
) -> Requisition:
    """Free a booked time; the order stays, and another can be booked.

    Raises AppointmentNotFound, AppointmentEnded.
    """
    requisition, appointment = _lock_booked(session, appointment_id)
    call_off(session, requisition, appointment, actor=actor, reason=reason, now=now)
    session.flush()
    return requisition


def call_off(
    session: Session,
    requisition: Requisition,
    appointment: ImagingAppointment,
    *,
    actor: Actor,
    reason: str | None,
    now: datetime,
) -> None:
    """End a booked appointment of a locked requisition, which waits for another one."""
    appointment.move_to(AppointmentStatus.CANCELLED, actor=actor, now=now, reason=reason)
    moves.move(
        session,
        requisition,
        S.ACCEPTED,
        actor=actor,
        now=now,
        reason_code="appointment_cancelled",
        reason=reason,
    )


def attended(*, session: Session, actor: Actor, appointment_id: UUID, now: datetime) -> Requisition:
    """The patient came and the images were taken. Raises AppointmentNotFound, AppointmentEnded."""
    requisition, _appointment = _lock_booked(session, appointment_id)
    requisition.collected_at = now
    requisition.occurred_at = now
    # The appointment ends with the move.
    moves.move(session, requisition, S.COLLECTED, actor=actor, now=now)
    session.flush()
    return requisition


def no_show(*, session: Session, actor: Actor, appointment_id: UUID, now: datetime) -> Requisition:
    """The patient did not come: the order stays, and the team asks why.

    Raises AppointmentNotFound, AppointmentEnded.
    """
    requisition, appointment = _lock_booked(session, appointment_id)
    appointment.move_to(AppointmentStatus.NO_SHOW, actor=actor, now=now)
    moves.move(session, requisition, S.ACCEPTED, actor=actor, now=now, reason_code=rules.NO_SHOW)
    session.flush()
    return requisition
