"""Offering several times, which are held meanwhile, and taking offers back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import offer_queries, queries, rules
from portal.appointments.errors import OfferEnded, OfferNotFound, OfferUnusable
from portal.appointments.offer_model import AppointmentOffer, AppointmentOfferSlot
from portal.appointments.rules import About, Needs
from portal.appointments.service.book import lock_needs
from portal.appointments.states import OfferStatus
from portal.appointments.subjects import Booking
from portal.core import audit, outbox
from portal.core.actor import WORKER, Actor, ActorKind
from portal.core.errors import FieldError
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.directory.model import PoolKind
from portal.patients import service as patients


@dataclass(frozen=True, slots=True)
class OfferTimes:
    """Times of which a patient is to take one, and until when (UTC)."""

    patient_id: UUID | None
    about: About | None
    slot_ids: Sequence[UUID]
    expires_at: datetime | None = None


def offer_times(
    *, session: Session, actor: Actor, command: OfferTimes, now: datetime
) -> AppointmentOffer:
    """Offer free times to a patient; they are held until the offer ends.

    Raises PatientUnknown, AboutUnknown and what its subject raises, OfferUnusable naming each time
    that is taken or doesn't fit.
    """
    if command.expires_at is not None:
        _check_end(command.expires_at, now)
    booking = Booking(actor, now)
    needs, _subject = lock_needs(session, command.about, command.patient_id, booking)
    return make_offer(
        session,
        actor=actor,
        about=command.about,
        needs=needs,
        slot_ids=command.slot_ids,
        expires_at=command.expires_at,
        now=now,
    )


def _check_end(expires_at: datetime, now: datetime) -> None:
    if not now + rules.SHORTEST_OFFER <= expires_at <= now + rules.LONGEST_OFFER:
        message = "An offer stands for at least an hour and at most fourteen days."
        raise OfferUnusable(message, errors=[FieldError("/expires_at", message)])


def make_offer(
    session: Session,
    *,
    actor: Actor,
    about: About | None,
    needs: Needs,
    slot_ids: Sequence[UUID],
    expires_at: datetime | None,
    now: datetime,
    replaces_id: UUID | None = None,
    offer_id: UUID | None = None,
) -> AppointmentOffer:
    """Hold these times for a patient, and leave the event by which they are told."""
    for slot_id in sorted(set(slot_ids)):
        queries.lock_for(session, slot_id)
    slots = [queries.where_and_when(session, slot_id) for slot_id in slot_ids]
    errors = []
    for number, slot in enumerate(slots):
        problem = "There is no such time." if slot is None else None
        if slot is not None:
            problem = rules.misfit(slot, needs, slot.time_zone, now)
            if slot.withdrawn_at is not None or queries.is_taken(session, slot.id, None, now):
                problem = "This time is taken, offered to somebody else, or withdrawn."
        if problem is not None:
            errors.append(FieldError(f"/slot_ids/{number}", problem))
    if errors:
        raise OfferUnusable(errors[0].message, errors=errors)
    there = [slot for slot in slots if slot is not None]
    last_start = max(slot.starts_at for slot in there)
    offer = AppointmentOffer(
        id=offer_id or new_id(),
        patient_id=needs.patient_id,
        about_kind=None if about is None else about.kind,
        about_id=None if about is None else about.id,
        minutes=needs.minutes,
        not_before=needs.not_before,
        replaces_id=replaces_id,
        practitioner_id=actor.id if actor.kind == ActorKind.PRACTITIONER else None,
        pool_id=_pool(session, there[0].practitioner_id, needs.patient_id),
        status=OfferStatus.OPEN,
        created_at=now,
        made_by_kind=actor.kind,
        made_by=actor.id,
        expires_at=rules.offer_until(expires_at, last_start, now),
    )
    session.add(offer)
    session.flush()
    session.add_all(AppointmentOfferSlot(offer_id=offer.id, slot_id=slot.id) for slot in there)
    session.flush()
    outbox.emit(session, "appointment.offered", now=now, offer_id=offer.id)
    record(session, offer, actor=actor, action="offer", now=now)
    return offer


def _pool(session: Session, practitioner_id: UUID | None, patient_id: UUID) -> UUID:
    """The team that answers for an offer: the practitioner's, else the staff of the patient's
    clinic."""
    if practitioner_id is not None:
        return directory.get_practitioner(session, practitioner_id).pool_id
    clinic_id = patients.clinic_of(session, patient_id)
    return directory.pool_of(session, clinic_id, PoolKind.CLINIC_STAFF)


def lock_open(session: Session, offer_id: UUID, now: datetime) -> AppointmentOffer:
    """An open offer, locked. Raises OfferNotFound, OfferEnded, also past its end."""
    offer = offer_queries.offer_for_change(session, offer_id)
    if offer is None:
        raise OfferNotFound()
    if offer.status != OfferStatus.OPEN:
        raise OfferEnded(status_now=offer.status)
    if offer.expires_at <= now:
        raise OfferEnded(status_now=OfferStatus.EXPIRED.value)
    return offer


def withdraw_offer(
    *, session: Session, actor: Actor, offer_id: UUID, now: datetime
) -> AppointmentOffer:
    """Take an offer back; its times are free again. Raises OfferNotFound, OfferEnded."""
    offer = lock_open(session, offer_id, now)
    end_offer(session, offer, OfferStatus.WITHDRAWN, actor=actor, now=now)
    return offer


def withdraw_offers_about(*, session: Session, about: About, now: datetime) -> int:
    """Take the open offers for something back that waits for no appointment any more; returns how
    many. For the workers: offers are locked before what they are about."""
    offers = offer_queries.open_offers_about(session, about.kind, about.id)
    for offer in offers:
        end_offer(session, offer, OfferStatus.WITHDRAWN, actor=WORKER, now=now)
    return len(offers)


def end_offer(
    session: Session,
    offer: AppointmentOffer,
    status: OfferStatus,
    *,
    actor: Actor,
    now: datetime,
    reason: str | None = None,
) -> None:
    """End a locked offer, and leave the events by which its times go to others."""
    offer.move_to(status, actor=actor, now=now, reason=reason)
    session.flush()
    for slot_id in offer_queries.slot_ids_of(session, offer.id):
        outbox.emit(session, "slot.freed", now=now, slot_id=slot_id)
    outbox.emit(session, "appointment.offer_ended", now=now, offer_id=offer.id)
    record(session, offer, actor=actor, action=status.value, now=now)


def record(
    session: Session, offer: AppointmentOffer, *, actor: Actor, action: str, now: datetime
) -> None:
    """Audit what somebody did with an offer."""
    audit.record(
        session,
        actor,
        action,
        "appointment_offer",
        patient_id=offer.patient_id,
        resource_id=offer.id,
        at=now,
    )
