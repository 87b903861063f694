"""What every step of an appointment brings with it, in one place."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import queries
from portal.appointments.errors import AppointmentEnded, AppointmentNotFound
from portal.appointments.model import Appointment, AppointmentHistory
from portal.appointments.rules import About
from portal.appointments.states import AppointmentStatus, CancellationReason
from portal.appointments.subjects import Subject, subject_of
from portal.core import audit, outbox
from portal.core.actor import Actor

S = AppointmentStatus


def about_of(appointment: Appointment) -> About | None:
    if appointment.about_kind is None or appointment.about_id is None:
        return None
    return About(appointment.about_kind, appointment.about_id)


def lock_booked(session: Session, appointment_id: UUID) -> tuple[Appointment, Subject | None]:
    """A booked appointment, locked after what it is about, which is locked first by everybody.

    Raises AppointmentNotFound, AppointmentEnded.
    """
    seen = queries.appointment(session, appointment_id)
    if seen is None:
        raise AppointmentNotFound()
    about = about_of(seen)
    subject = None if about is None else subject_of(about.kind)
    if about is not None and subject is not None:
        subject.lock(session, about.id, None)
    appointment = queries.for_change(session, appointment_id)
    if appointment is None:
        raise AppointmentNotFound()
    if appointment.status != S.BOOKED:
        raise AppointmentEnded(status_now=appointment.status)
    return appointment, subject


def place_of(session: Session, appointment: Appointment) -> str:
    """Where an appointment is, in words."""
    slot = queries.where_and_when(session, appointment.slot_id)
    if slot is None:
        raise AppointmentNotFound()
    return ", ".join(part for part in (slot.place_name, slot.room) if part)


def end(
    session: Session,
    appointment: Appointment,
    status: AppointmentStatus,
    *,
    actor: Actor,
    now: datetime,
    reason_code: CancellationReason | None = None,
    reason: str | None = None,
) -> None:
    """End a locked appointment. Raises IllegalTransition."""
    step = appointment.move_to(status, actor=actor, now=now, reason_code=reason_code, reason=reason)
    if status == S.CANCELLED and reason_code != CancellationReason.CHANGED:
        appointment.sequence += 1
    if status == S.CANCELLED and reason_code != CancellationReason.SLOT_WITHDRAWN:
        outbox.emit(session, "slot.freed", now=now, slot_id=appointment.slot_id)
    session.flush()
    remember(session, appointment, step, actor=actor, action=status.value, now=now)


def end_and_tell(
    session: Session,
    appointment: Appointment,
    subject: Subject | None,
    status: AppointmentStatus,
    *,
    actor: Actor,
    now: datetime,
    reason_code: CancellationReason | None = None,
    reason: str | None = None,
) -> None:
    """End a locked appointment, and have what it is about follow."""
    end(
        session,
        appointment,
        status,
        actor=actor,
        now=now,
        reason_code=reason_code,
        reason=reason,
    )
    if subject is not None:
        subject.ended(session=session, actor=actor, appointment=appointment, now=now)
        session.flush()


def remember(
    session: Session,
    appointment: Appointment,
    step: AppointmentHistory,
    *,
    actor: Actor,
    action: str,
    now: datetime,
) -> None:
    """Keep a step that was made, and leave the event by which the workers follow it."""
    session.add(step)
    session.flush()
    outbox.emit(
        session,
        "appointment.moved",
        now=now,
        appointment_id=appointment.id,
        history_id=step.id,
    )
    record(session, appointment, actor=actor, action=action, now=now)


def record(
    session: Session, appointment: Appointment, *, actor: Actor, action: str, now: datetime
) -> None:
    """Audit what somebody did with an appointment."""
    audit.record(
        session,
        actor,
        action,
        "appointment",
        patient_id=appointment.patient_id,
        resource_id=appointment.id,
        at=now,
    )
