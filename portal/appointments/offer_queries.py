"""Reading offers and waits for earlier times, and what the workers look for."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from portal.appointments.model import Appointment
from portal.appointments.offer_model import AppointmentOffer, AppointmentOfferSlot, EarlierWish
from portal.appointments.queries import SLOT
from portal.appointments.states import AppointmentStatus, OfferStatus, WaitingStatus

_OFFER = """
    SELECT o.id, o.patient_id, o.about_kind, o.about_id, o.replaces_id, o.status, o.created_at,
           o.expires_at, o.ended_at, o.reason, o.appointment_id
    FROM appointment_offer o
"""
_OFFERS = text(
    f"""
    {_OFFER}
    WHERE o.patient_id = :patient_id
      AND (CAST(:statuses AS text[]) IS NULL OR o.status = ANY(CAST(:statuses AS text[])))
      AND (CAST(:moment AS timestamptz) IS NULL OR (o.created_at, o.id) < (:moment, :id))
    ORDER BY o.created_at DESC, o.id DESC LIMIT :limit
    """
)
_ONE = text(f"{_OFFER} WHERE o.id = :id")
_SLOTS = text(
    f"""
    SELECT f.offer_id, sl.* FROM appointment_offer_slot f JOIN ({SLOT}) sl ON sl.id = f.slot_id
    WHERE f.offer_id = ANY(:ids) AND sl.withdrawn_at IS NULL ORDER BY sl.starts_at, sl.id
    """
)
# The first who asked, whose appointment is at the same place for the same, who would come earlier
# by this time and has not been asked about it, nor is being asked about another.
_FIRST_IN_LINE = text(
    """
    SELECT w.id AS wish_id, w.appointment_id
    FROM earlier_wish w
    JOIN appointment a ON a.id = w.appointment_id AND a.status = 'booked'
    JOIN slot s ON s.id = :slot_id
    WHERE w.status = 'waiting' AND a.service_type = s.service_type
      AND (a.laboratory_id = s.laboratory_id OR a.practitioner_id = s.practitioner_id)
      AND a.starts_at > s.starts_at
      AND s.ends_at - s.starts_at >= make_interval(mins => a.minutes)
      AND (a.not_before IS NULL OR a.not_before <= CAST(:day AS date))
      AND NOT EXISTS (
        SELECT FROM appointment_offer o LEFT JOIN appointment_offer_slot f
            ON f.offer_id = o.id AND f.slot_id = s.id
        WHERE o.replaces_id = a.id AND (o.status = 'open' OR f.slot_id IS NOT NULL))
    ORDER BY w.wished_at, w.id LIMIT 1
    FOR UPDATE OF w SKIP LOCKED
    """
)
_NOBODY_ASKED = text(
    """
    NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = appointment.id
                AND w.kind = 'appointment_outcome')
    """
)
# What was to be arranged for this patient at this place, and now is.
_ARRANGED = text(
    """
    SELECT w.kind, w.subject_id FROM work_item w
    LEFT JOIN appointment a ON a.id = w.subject_id
    LEFT JOIN appointment_offer o ON o.id = w.subject_id
    WHERE w.patient_id = :patient_id AND w.status IN ('open', 'claimed')
      AND w.kind IN ('appointment_no_show', 'appointment_to_arrange', 'appointment_offer_untaken')
      AND CASE WHEN coalesce(a.about_id, o.about_id, CAST(:about_id AS uuid)) IS NOT NULL
          THEN coalesce(a.about_id, o.about_id) = :about_id
          ELSE coalesce(a.practitioner_id, (
            SELECT s.practitioner_id FROM appointment_offer_slot f JOIN slot s ON s.id = f.slot_id
            WHERE f.offer_id = o.id LIMIT 1)) = :practitioner_id END
    """
)


def offers(
    session: Session,
    patient_id: UUID,
    *,
    statuses: Sequence[str] | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """A patient's offers, newest first; one more than `limit`."""
    moment, id_ = after or (None, None)
    values = {"patient_id": patient_id, "statuses": statuses, "moment": moment, "id": id_}
    return session.execute(_OFFERS, {**values, "limit": limit + 1}).all()


def seen_offer(session: Session, offer_id: UUID) -> Row[Any] | None:
    return session.execute(_ONE, {"id": offer_id}).first()


def slots_of(session: Session, offer_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """The times of several offers that still stand, in one query."""
    return session.execute(_SLOTS, {"ids": list(offer_ids)}).all()


def slot_ids_of(session: Session, offer_id: UUID) -> Sequence[UUID]:
    return session.scalars(
        select(AppointmentOfferSlot.slot_id)
        .where(AppointmentOfferSlot.offer_id == offer_id)
        .order_by(AppointmentOfferSlot.slot_id)
    ).all()


def offer_for_change(session: Session, offer_id: UUID) -> AppointmentOffer | None:
    """An offer, locked until the transaction ends."""
    return session.get(AppointmentOffer, offer_id, with_for_update=True, populate_existing=True)


def offer(session: Session, offer_id: UUID) -> AppointmentOffer | None:
    return session.get(AppointmentOffer, offer_id)


def open_offers_instead_of(session: Session, appointment_id: UUID) -> Sequence[AppointmentOffer]:
    """The open offers of an earlier time than an appointment's, locked."""
    return session.scalars(
        select(AppointmentOffer)
        .where(
            AppointmentOffer.replaces_id == appointment_id,
            AppointmentOffer.status == OfferStatus.OPEN,
        )
        .with_for_update()
    ).all()


def open_offers_about(
    session: Session, about_kind: str, about_id: UUID
) -> Sequence[AppointmentOffer]:
    """The open offers of a first appointment for something, locked."""
    return session.scalars(
        select(AppointmentOffer)
        .where(
            AppointmentOffer.about_kind == about_kind,
            AppointmentOffer.about_id == about_id,
            AppointmentOffer.replaces_id.is_(None),
            AppointmentOffer.status == OfferStatus.OPEN,
        )
        .order_by(AppointmentOffer.id)
        .with_for_update()
    ).all()


def over(session: Session, now: datetime, limit: int) -> Sequence[AppointmentOffer]:
    """Open offers past their end, locked; those that somebody answers are left to them."""
    return session.scalars(
        select(AppointmentOffer)
        .where(AppointmentOffer.status == OfferStatus.OPEN, AppointmentOffer.expires_at <= now)
        .order_by(AppointmentOffer.expires_at, AppointmentOffer.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def wish_of(session: Session, appointment_id: UUID) -> EarlierWish | None:
    """The wait of an appointment's patient for an earlier time, locked."""
    return session.scalars(
        select(EarlierWish)
        .where(
            EarlierWish.appointment_id == appointment_id,
            EarlierWish.status == WaitingStatus.WAITING,
        )
        .with_for_update()
    ).first()


def first_in_line(session: Session, slot_id: UUID, day: Any) -> Row[Any] | None:
    """Who is asked next about a time that has become free, locked."""
    return session.execute(_FIRST_IN_LINE, {"slot_id": slot_id, "day": day}).first()


def to_remind(session: Session, now: datetime, limit: int) -> Sequence[Appointment]:
    """Booked appointments of which the patient is to be reminded now, locked."""
    return session.scalars(
        select(Appointment)
        .where(Appointment.status == AppointmentStatus.BOOKED, Appointment.next_reminder_at <= now)
        .order_by(Appointment.next_reminder_at, Appointment.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def without_outcome(session: Session, ended: datetime, limit: int) -> Sequence[Appointment]:
    """Appointments with practitioners that ended before then, and nobody said what came of them nor
    was asked to; locked."""
    return session.scalars(
        select(Appointment)
        .where(
            Appointment.status == AppointmentStatus.BOOKED,
            Appointment.ends_at < ended,
            Appointment.practitioner_id.is_not(None),
            _NOBODY_ASKED,
        )
        .order_by(Appointment.ends_at, Appointment.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def arranged_by(session: Session, appointment: Appointment) -> Collection[Row[Any]]:
    """The open items that asked for an appointment like this one."""
    values = {
        "patient_id": appointment.patient_id,
        "about_id": appointment.about_id,
        "practitioner_id": appointment.practitioner_id,
    }
    return session.execute(_ARRANGED, values).all()
