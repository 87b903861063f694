"""Calling an appointment off, and saying what came of it."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import queries
from portal.appointments.errors import AppointmentEnded, NotYet
from portal.appointments.model import Appointment
from portal.appointments.rules import About
from portal.appointments.service import moves
from portal.appointments.service.limits import check_in_time
from portal.appointments.states import AppointmentStatus, CancellationReason
from portal.core.actor import Actor, ActorKind

S = AppointmentStatus


def cancel_appointment(
    *, session: Session, actor: Actor, appointment_id: UUID, reason: str | None, now: datetime
) -> Appointment:
    """Free a booked time. Raises AppointmentNotFound, AppointmentEnded, TooLate."""
    appointment, subject = moves.lock_booked(session, appointment_id)
    check_in_time(session, actor, appointment, now)
    moves.end_and_tell(
        session,
        appointment,
        subject,
        S.CANCELLED,
        actor=actor,
        now=now,
        reason_code=CancellationReason.CALLED_OFF,
        reason=reason,
    )
    return appointment


def attended(*, session: Session, actor: Actor, appointment_id: UUID, now: datetime) -> Appointment:
    """The patient came. Raises AppointmentNotFound, AppointmentEnded, NotYet."""
    return _outcome(session, actor, appointment_id, S.ATTENDED, None, now)


def no_show(
    *, session: Session, actor: Actor, appointment_id: UUID, reason: str | None, now: datetime
) -> Appointment:
    """The patient did not come. Raises AppointmentNotFound, AppointmentEnded, NotYet."""
    return _outcome(session, actor, appointment_id, S.NO_SHOW, reason, now)


def note_attended(*, session: Session, actor: Actor, appointment_id: UUID, now: datetime) -> None:
    """The patient is being seen, be it ahead of time. What has ended stays as it is."""
    with suppress(AppointmentEnded):
        appointment, subject = moves.lock_booked(session, appointment_id)
        moves.end_and_tell(session, appointment, subject, S.ATTENDED, actor=actor, now=now)


def call_off(
    *, session: Session, actor: Actor, appointment_id: UUID, reason: str | None, now: datetime
) -> None:
    """Free the time of a visit that was called off. What has ended stays as it is."""
    with suppress(AppointmentEnded):
        cancel_appointment(
            session=session, actor=actor, appointment_id=appointment_id, reason=reason, now=now
        )


def _outcome(
    session: Session,
    actor: Actor,
    appointment_id: UUID,
    status: AppointmentStatus,
    reason: str | None,
    now: datetime,
) -> Appointment:
    appointment, subject = moves.lock_booked(session, appointment_id)
    if actor.kind != ActorKind.LABORATORY:
        _check_for_us(appointment, now)
    moves.end_and_tell(session, appointment, subject, status, actor=actor, now=now, reason=reason)
    return appointment


def _check_for_us(appointment: Appointment, now: datetime) -> None:
    """A department says itself who came, on its own clock. Raises NotYet."""
    if appointment.laboratory_id is not None:
        raise NotYet("The department itself says what came of its appointments.")
    if appointment.starts_at > now:
        raise NotYet()


def settle_about(
    *,
    session: Session,
    actor: Actor,
    about: About,
    status: AppointmentStatus,
    reason: str | None,
    now: datetime,
) -> None:
    """End the booked appointment of something that has gone on or ended by itself, where there is
    one. For the slice whose it is, which holds it locked."""
    appointment = queries.booked_about(session, about.kind, about.id)
    if appointment is not None:
        code = CancellationReason.NOT_NEEDED if status == S.CANCELLED else None
        moves.end(
            session, appointment, status, actor=actor, now=now, reason_code=code, reason=reason
        )
