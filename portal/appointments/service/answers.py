"""What a patient answers to an offer."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import offer_queries, queries
from portal.appointments.errors import NotOffered, OfferEnded
from portal.appointments.model import Appointment
from portal.appointments.offer_model import AppointmentOffer
from portal.appointments.rules import About
from portal.appointments.service import moves
from portal.appointments.service.book import exchange, lock_needs, take
from portal.appointments.service.offers import end_offer, lock_open
from portal.appointments.states import AppointmentStatus, OfferStatus, WaitingStatus
from portal.appointments.subjects import Booking
from portal.core.actor import Actor
from portal.core.errors import FieldError


def accept_offer(
    *,
    session: Session,
    actor: Actor,
    offer_id: UUID,
    slot_id: UUID,
    now: datetime,
    confirmed_overlaps: Collection[UUID] = (),
) -> Appointment:
    """Take one of the times of an offer; the others are free again. Whoever has taken it already
    gets that appointment.

    Raises OfferNotFound, OfferEnded, NotOffered, AppointmentEnded where the appointment to be moved
    is over, and what booking raises.
    """
    try:
        offer = lock_open(session, offer_id, now)
    except OfferEnded:
        if (taken := _taken(session, offer_id, slot_id)) is not None:
            return taken
        raise
    if slot_id not in offer_queries.slot_ids_of(session, offer.id):
        raise NotOffered(errors=[FieldError("/slot_id", NotOffered.detail)])
    if offer.replaces_id is None:
        appointment = _book(session, actor, offer, slot_id, now, confirmed_overlaps)
    else:
        appointment = _move(
            session, actor, offer, offer.replaces_id, slot_id, now, confirmed_overlaps
        )
    offer.appointment_id = appointment.id
    end_offer(session, offer, OfferStatus.ACCEPTED, actor=actor, now=now)
    return appointment


def _taken(session: Session, offer_id: UUID, slot_id: UUID) -> Appointment | None:
    """What was made of an offer, where it is this very time and stands."""
    offer = offer_queries.offer(session, offer_id)
    if offer is None or offer.appointment_id is None:
        return None
    made = queries.appointment(session, offer.appointment_id)
    stands = made is not None and made.status == AppointmentStatus.BOOKED
    return made if stands and made is not None and made.slot_id == slot_id else None


def _book(
    session: Session,
    actor: Actor,
    offer: AppointmentOffer,
    slot_id: UUID,
    now: datetime,
    confirmed_overlaps: Collection[UUID],
) -> Appointment:
    about = None
    if offer.about_kind is not None and offer.about_id is not None:
        about = About(offer.about_kind, offer.about_id)
    needs, subject = lock_needs(session, about, offer.patient_id, Booking(None, now))
    return take(
        session,
        actor=actor,
        slot_id=slot_id,
        about=about,
        needs=needs,
        subject=subject,
        now=now,
        pointer="/slot_id",
        offer_id=offer.id,
        confirmed_overlaps=confirmed_overlaps,
    )


def _move(
    session: Session,
    actor: Actor,
    offer: AppointmentOffer,
    replaces_id: UUID,
    slot_id: UUID,
    now: datetime,
    confirmed_overlaps: Collection[UUID],
) -> Appointment:
    """An earlier time: the patient waits no longer."""
    appointment, subject = moves.lock_booked(session, replaces_id)
    if (wish := offer_queries.wish_of(session, replaces_id)) is not None:
        wish.move_to(WaitingStatus.FOUND, actor=actor, now=now)
    return exchange(
        session,
        appointment,
        subject,
        slot_id,
        actor=actor,
        now=now,
        offer_id=offer.id,
        confirmed_overlaps=confirmed_overlaps,
    )


def decline_offer(
    *, session: Session, actor: Actor, offer_id: UUID, reason: str | None, now: datetime
) -> AppointmentOffer:
    """None of these times: it comes back to who made the offer. Raises OfferNotFound,
    OfferEnded."""
    offer = lock_open(session, offer_id, now)
    end_offer(session, offer, OfferStatus.DECLINED, actor=actor, now=now, reason=reason)
    return offer
