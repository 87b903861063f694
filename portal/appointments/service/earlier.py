"""Waiting for an earlier time: asked for by patients, offered by the workers, one after another."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import offer_queries, queries, rules
from portal.appointments.errors import NotWaiting, SlotUnusable
from portal.appointments.model import Appointment
from portal.appointments.offer_model import EarlierWish
from portal.appointments.rules import Needs
from portal.appointments.service import moves
from portal.appointments.service.offers import make_offer
from portal.appointments.states import WaitingStatus
from portal.core.actor import WORKER, Actor
from portal.core.clock import local_day
from portal.core.ids import new_id


def wish_earlier(
    *, session: Session, actor: Actor, appointment_id: UUID, now: datetime
) -> Appointment:
    """Wait for an earlier time; to ask twice is to ask once.

    Raises AppointmentNotFound, AppointmentEnded, SlotUnusable for one that has begun.
    """
    appointment, _subject = moves.lock_booked(session, appointment_id)
    if appointment.starts_at <= now:
        raise SlotUnusable("This appointment has begun: there is no earlier time.")
    if offer_queries.wish_of(session, appointment.id) is None:
        session.add(
            EarlierWish(
                id=new_id(),
                appointment_id=appointment.id,
                patient_id=appointment.patient_id,
                status=WaitingStatus.WAITING,
                wished_at=now,
            )
        )
        session.flush()
    moves.record(session, appointment, actor=actor, action="wish_earlier", now=now)
    return appointment


def leave_waiting(
    *, session: Session, actor: Actor, appointment_id: UUID, now: datetime
) -> Appointment:
    """Wait no longer for an earlier time; an offer that is open stays.

    Raises AppointmentNotFound, AppointmentEnded, NotWaiting.
    """
    appointment, _subject = moves.lock_booked(session, appointment_id)
    wish = offer_queries.wish_of(session, appointment.id)
    if wish is None:
        raise NotWaiting()
    wish.move_to(WaitingStatus.LEFT, actor=actor, now=now)
    session.flush()
    moves.record(session, appointment, actor=actor, action="leave_waiting", now=now)
    return appointment


def offer_freed(*, session: Session, slot_id: UUID, now: datetime) -> UUID | None:
    """Offer a time that has become free to the first who waits for one like it; the offer's id.

    When they decline or don't answer in time it is the next one's turn. None where it isn't free,
    is too near, or nobody waits.
    """
    queries.lock_for(session, slot_id)
    slot = queries.where_and_when(session, slot_id)
    if slot is None or slot.withdrawn_at is not None:
        return None
    until = rules.earlier_until(slot.starts_at, slot.time_zone, now)
    if until is None or queries.is_taken(session, slot_id, None, now):
        return None
    day = local_day(slot.starts_at, slot.time_zone)
    first = offer_queries.first_in_line(session, slot_id, day)
    if first is None:
        return None
    appointment = queries.appointment(session, first.appointment_id)
    if appointment is None:
        return None
    offer = make_offer(
        session,
        actor=WORKER,
        about=moves.about_of(appointment),
        needs=Needs(
            appointment.patient_id,
            appointment.service_type,
            appointment.minutes,
            appointment.not_before,
        ),
        slot_ids=[slot_id],
        expires_at=until,
        now=now,
        replaces_id=appointment.id,
    )
    return offer.id
