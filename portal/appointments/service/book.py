"""Booking a time, and taking another one instead."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.appointments import queries, rules
from portal.appointments.errors import (
    AlreadyBooked,
    AppointmentEnded,
    SlotNotFound,
    SlotTaken,
    SlotUnusable,
)
from portal.appointments.model import Appointment, AppointmentHistory
from portal.appointments.rules import About, Needs
from portal.appointments.service import moves
from portal.appointments.service.limits import check_in_time
from portal.appointments.service.overlaps import check_overlaps
from portal.appointments.states import AppointmentStatus, CancellationReason
from portal.appointments.subjects import Booking, Subject, subject_of
from portal.core.actor import PATIENT_SIDE, Actor
from portal.core.errors import Conflict, FieldError
from portal.core.ids import new_id
from portal.patients import confidentiality
from portal.patients import service as patients


def book(
    *,
    session: Session,
    actor: Actor,
    slot_id: UUID,
    about: About | None,
    patient_id: UUID | None,
    now: datetime,
    pointer: str = "/slot_id",
    confirmed_overlaps: Collection[UUID] = (),
) -> Appointment:
    """Book a time for what is named, or for a visit of its own where nothing is.

    Whoever has it already for the same, having clicked twice perhaps, gets that appointment.
    `patient_id` says whose a visit is; what is named says so by itself. `pointer` is the member to
    which a misfit is put. Raises AboutUnknown and what its subject raises, PatientUnknown,
    SlotNotFound, SlotUnusable naming what doesn't fit, SlotTaken for who comes second, and
    AppointmentsOverlap for other appointments that aren't confirmed.
    """
    try:
        needs, subject = lock_needs(session, about, patient_id, Booking(actor, now))
    except Conflict:  # it has its appointment, most likely
        if (had := _had_about(session, slot_id, about)) is not None:
            return had
        raise
    return take(
        session,
        actor=actor,
        slot_id=slot_id,
        about=about,
        needs=needs,
        subject=subject,
        now=now,
        pointer=pointer,
        confirmed_overlaps=confirmed_overlaps,
    )


def _had_about(session: Session, slot_id: UUID, about: About | None) -> Appointment | None:
    """The appointment that something has at this very time."""
    had = queries.booked_at_slot(session, slot_id)
    return had if had is not None and about == moves.about_of(had) else None


def lock_needs(
    session: Session, about: About | None, patient_id: UUID | None, booking: Booking
) -> tuple[Needs, Subject | None]:
    """What an appointment has to be, with what it is about locked.

    Raises AboutUnknown, what the subject raises, PatientUnknown, and SlotUnusable without a patient
    or for another one's.
    """
    if about is not None:
        subject = subject_of(about.kind)
        needs = subject.lock(session, about.id, booking)
        if patient_id not in (None, needs.patient_id):
            message = "What it is about is another patient's."
            raise SlotUnusable(message, errors=[FieldError("/patient_id", message)])
        return needs, subject
    if patient_id is None:
        message = "Say for whom, or what it is about."
        raise SlotUnusable(message, errors=[FieldError("/patient_id", message)])
    patients.clinic_of(session, patient_id)
    return Needs(patient_id), None


def take(
    session: Session,
    *,
    actor: Actor,
    slot_id: UUID,
    about: About | None,
    needs: Needs,
    subject: Subject | None,
    now: datetime,
    pointer: str,
    instead: Appointment | None = None,
    offer_id: UUID | None = None,
    confirmed_overlaps: Collection[UUID] = (),
) -> Appointment:
    """Take a time for what is locked already; `instead` is the appointment that has just ended for
    it, `offer_id` the offer that holds it."""
    queries.lock_for(session, slot_id)
    had = _had_about(session, slot_id, about)
    if had is not None and had.patient_id == needs.patient_id and instead is None:
        return had
    slot = queries.where_and_when(session, slot_id)
    if slot is None:
        raise SlotNotFound()
    if slot.withdrawn_at is not None:
        raise SlotTaken("This time was withdrawn. Choose another of the free times.")
    _check_fit(session, actor, slot, about, needs, now, pointer)
    if queries.is_taken(session, slot_id, offer_id, now):
        raise SlotTaken()
    check_overlaps(
        session,
        needs.patient_id,
        slot.starts_at,
        slot.ends_at,
        confirmed=confirmed_overlaps,
        besides=[about.id] if about else (),
    )
    row = _row(slot, about, needs, actor, instead, now)
    row.confidential = _is_kept(session, about, instead)
    made = queries.write_booked(session, row)
    if made is None:
        if about is not None and queries.booked_about(session, about.kind, about.id):
            raise AlreadyBooked()
        raise SlotTaken()
    if subject is not None:
        subject.placed(session=session, actor=actor, appointment=made, instead=instead, now=now)
    step = AppointmentHistory.of(made, None, actor=actor, now=now)
    moves.remember(session, made, step, actor=actor, action="book", now=now)
    return made


def _check_fit(
    session: Session,
    actor: Actor,
    slot: Row[tuple[object, ...]],
    about: About | None,
    needs: Needs,
    now: datetime,
    pointer: str,
) -> None:
    """Raises SlotUnusable."""
    problem = rules.misfit(slot, needs, slot.time_zone, now)
    if problem is None and about is None:
        problem = _not_for_visits(session, actor, slot, needs.patient_id)
    if problem is not None:
        raise SlotUnusable(problem, errors=[FieldError(pointer, problem)])


def _not_for_visits(
    session: Session, actor: Actor, slot: Row[tuple[object, ...]], patient_id: UUID
) -> str | None:
    """Why a visit about nothing else can't be booked here: patients choose among their own
    clinic's practitioners; others are reached by a referral."""
    if slot.practitioner_id is None:
        return "A department's times are for what was ordered: say what it is about."
    if actor.kind in PATIENT_SIDE and patients.clinic_of(session, patient_id) != slot.clinic_id:
        return "This is another clinic's: choose one of GET /slots, or ask for a referral."
    return None


def _is_kept(session: Session, about: About | None, instead: Appointment | None) -> bool:
    """Whether an appointment is kept from delegates: as what it is about, and as the one before."""
    if instead is not None and instead.confidential:
        return True
    return about is not None and confidentiality.is_kept(session, [about.id])


def _row(
    slot: Row[tuple[object, ...]],
    about: About | None,
    needs: Needs,
    actor: Actor,
    instead: Appointment | None,
    now: datetime,
) -> Appointment:
    id_ = new_id()
    return Appointment(
        id=id_,
        slot_id=slot.id,
        patient_id=needs.patient_id,
        laboratory_id=slot.laboratory_id,
        practitioner_id=slot.practitioner_id,
        about_kind=None if about is None else about.kind,
        about_id=None if about is None else about.id,
        service_type=slot.service_type,
        minutes=needs.minutes,
        not_before=needs.not_before,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        status=AppointmentStatus.BOOKED,
        booked_at=now,
        booked_by_kind=actor.kind,
        booked_by=actor.id,
        calendar_uid=instead.calendar_uid if instead else id_,
        sequence=instead.sequence + 1 if instead else 0,
        next_reminder_at=rules.next_reminder(slot.starts_at, slot.time_zone, now),
    )


def change_appointment(
    *,
    session: Session,
    actor: Actor,
    appointment_id: UUID,
    slot_id: UUID,
    now: datetime,
    confirmed_overlaps: Collection[UUID] = (),
) -> Appointment:
    """Another time instead of the booked one: the new one is taken and the old one freed, or
    nothing is changed. What was changed to that very time already stands.

    Raises AppointmentNotFound, AppointmentEnded, TooLate for a patient shortly before, and what
    book() raises.
    """
    try:
        appointment, subject = moves.lock_booked(session, appointment_id)
    except AppointmentEnded:
        became = queries.standing(session, appointment_id)
        if became is None or (became.slot_id, became.status) != (slot_id, AppointmentStatus.BOOKED):
            raise
        return became
    if appointment.slot_id == slot_id:
        return appointment
    check_in_time(session, actor, appointment, now)
    return exchange(
        session,
        appointment,
        subject,
        slot_id,
        actor=actor,
        now=now,
        confirmed_overlaps=confirmed_overlaps,
    )


def exchange(
    session: Session,
    appointment: Appointment,
    subject: Subject | None,
    slot_id: UUID,
    *,
    actor: Actor,
    now: datetime,
    offer_id: UUID | None = None,
    confirmed_overlaps: Collection[UUID] = (),
) -> Appointment:
    """End a locked appointment and book another time for the same."""
    about = moves.about_of(appointment)
    needs = Needs(
        appointment.patient_id,
        appointment.service_type,
        appointment.minutes,
        appointment.not_before,
    )
    if about is not None and subject is not None:
        needs = subject.lock(session, about.id, None)
    moves.end(
        session,
        appointment,
        AppointmentStatus.CANCELLED,
        actor=actor,
        now=now,
        reason_code=CancellationReason.CHANGED,
    )
    return take(
        session,
        actor=actor,
        slot_id=slot_id,
        about=about,
        needs=needs,
        subject=subject,
        now=now,
        pointer="/slot_id",
        instead=appointment,
        offer_id=offer_id,
        confirmed_overlaps=confirmed_overlaps,
    )
