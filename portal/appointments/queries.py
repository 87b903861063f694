"""Reading times and who has which, and the locks that keep a time for one patient."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.appointments.model import Appointment, AppointmentHistory, Slot
from portal.appointments.states import AppointmentStatus
from portal.core.db import lock

_TAKEN = text("SELECT careloop_slot_taken(:slot_id, :offer_id, :now)")
_PLACE = """
    coalesce(la.name, cl.name) AS place_name, coalesce(la.phone, cl.phone) AS phone,
    coalesce(la.time_zone, cl.time_zone) AS time_zone, la.line, la.city, la.state, la.postal_code,
    pr.name AS practitioner_name, pr.clinic_id
"""
_AT = """
    LEFT JOIN laboratory la ON la.id = {of}.laboratory_id
    LEFT JOIN practitioner pr ON pr.id = {of}.practitioner_id
    LEFT JOIN clinic cl ON cl.id = pr.clinic_id
"""
SLOT = f"""
    SELECT s.id, s.laboratory_id, s.practitioner_id, s.service_type, s.room, s.starts_at,
           s.ends_at, s.withdrawn_at, {_PLACE}
    FROM slot s {_AT.format(of="s")}
"""
_WHERE_AND_WHEN = text(f"{SLOT} WHERE s.id = :id")
# Of the practitioners of the patient's own clinic, where nobody else is named.
_FREE = text(
    f"""
    {SLOT}
    WHERE s.withdrawn_at IS NULL AND pr.active
      AND s.practitioner_id IN (
        SELECT p.id FROM practitioner p
        WHERE p.clinic_id = (SELECT clinic_id FROM patient WHERE id = :patient_id)
          AND (CAST(:practitioner_id AS uuid) IS NULL OR p.id = :practitioner_id))
      AND (CAST(:service_type AS text) IS NULL OR s.service_type = :service_type)
      AND s.starts_at >= :from_ AND (CAST(:to AS timestamptz) IS NULL OR s.starts_at < :to)
      AND (CAST(:moment AS timestamptz) IS NULL OR (s.starts_at, s.id) > (:moment, :id))
      AND NOT careloop_slot_taken(s.id, NULL, :now)
    ORDER BY s.starts_at, s.id LIMIT :limit
    """
)
_OPENED = text(
    f"""
    SELECT sl.*, careloop_slot_taken(sl.id, NULL, :now) AS taken, a.id AS appointment_id
    FROM ({SLOT}) sl
    LEFT JOIN appointment a ON a.slot_id = sl.id AND a.status <> 'cancelled'
    WHERE sl.practitioner_id = :practitioner_id AND sl.withdrawn_at IS NULL
      AND (CAST(:service_type AS text) IS NULL OR sl.service_type = :service_type)
      AND sl.starts_at >= :from_ AND (CAST(:to AS timestamptz) IS NULL OR sl.starts_at < :to)
      AND (CAST(:moment AS timestamptz) IS NULL OR (sl.starts_at, sl.id) > (:moment, :id))
    ORDER BY sl.starts_at, sl.id LIMIT :limit
    """
)
_NEXT_FREE = text(
    f"""
    {SLOT}
    WHERE s.practitioner_id = :practitioner_id AND s.service_type = :service_type
      AND s.withdrawn_at IS NULL AND s.starts_at > :from_
      AND s.ends_at - s.starts_at >= make_interval(mins => :minutes)
      AND NOT careloop_slot_taken(s.id, NULL, :now)
    ORDER BY s.starts_at, s.id LIMIT :limit
    """
)
_APPOINTMENT = f"""
    SELECT a.id, a.patient_id, a.slot_id, a.about_kind, a.about_id, a.service_type, a.minutes,
           a.not_before, a.starts_at, a.ends_at, a.status, a.confidential, a.booked_at, a.ended_at,
           a.reason_code, a.reason, a.calendar_uid, a.sequence, a.laboratory_id,
           a.practitioner_id, s.room,
           EXISTS (SELECT FROM earlier_wish w WHERE w.appointment_id = a.id
                   AND w.status = 'waiting') AS waits_for_earlier,
           pa.given_name, pa.family_name, {_PLACE}
    FROM appointment a
    JOIN slot s ON s.id = a.slot_id
    LEFT JOIN patient pa ON pa.id = a.patient_id
    {_AT.format(of="a")}
"""
_ONE = text(f"{_APPOINTMENT} WHERE a.id = :id")
_WHOSE = """
    (CAST(:patient_id AS uuid) IS NULL OR a.patient_id = :patient_id)
      AND (CAST(:practitioner_id AS uuid) IS NULL OR a.practitioner_id = :practitioner_id)
"""
_COMING = text(
    f"""
    {_APPOINTMENT}
    WHERE {_WHOSE} AND a.status = 'booked' AND a.ends_at > :now
      AND (CAST(:moment AS timestamptz) IS NULL OR (a.starts_at, a.id) > (:moment, :id))
    ORDER BY a.starts_at, a.id LIMIT :limit
    """
)
# What was changed to another time is not of the past: that other one is there.
_PAST = text(
    f"""
    {_APPOINTMENT}
    WHERE {_WHOSE} AND (a.status <> 'booked' OR a.ends_at <= :now)
      AND a.reason_code IS DISTINCT FROM 'changed'
      AND (CAST(:moment AS timestamptz) IS NULL OR (a.starts_at, a.id) < (:moment, :id))
    ORDER BY a.starts_at DESC, a.id DESC LIMIT :limit
    """
)
_OVERLAPPING = text(
    f"""
    {_APPOINTMENT}
    WHERE a.patient_id = :patient_id AND a.status = 'booked'
      AND a.starts_at < :ends_at AND a.ends_at > :starts_at
    ORDER BY a.starts_at, a.id
    """
)
# An appointment as calendars know it: whatever stands at the end of its changes.
_LATEST = text(
    f"""
    {_APPOINTMENT}
    WHERE a.calendar_uid = (SELECT calendar_uid FROM appointment WHERE id = :id)
    ORDER BY a.sequence DESC LIMIT 1
    """
)
_HISTORY = text(
    """
    SELECT h.from_status, h.to_status, h.at, h.actor_kind, h.reason_code, h.reason,
           coalesce(pr.name, st.name, la.name, CASE WHEN h.actor_kind = 'delegate'
                THEN careloop_delegate_name(h.actor_id, h.patient_id) END) AS actor_name
    FROM appointment_history h
    LEFT JOIN practitioner pr ON h.actor_kind = 'practitioner' AND pr.id = h.actor_id
    LEFT JOIN staff_member st ON h.actor_kind = 'staff' AND st.id = h.actor_id
    LEFT JOIN laboratory la ON h.actor_kind = 'laboratory' AND la.id = h.actor_id
    WHERE h.appointment_id = :id ORDER BY h.at, h.id
    """
)


def lock_for(session: Session, subject: UUID) -> None:
    """Let one transaction at a time change a time, or somebody's times: whoever books may not lock
    the row itself."""
    lock(session, [f"time {subject}"])


def of_these_for_change(session: Session, ids: Collection[UUID]) -> Sequence[Appointment]:
    """The appointments of these ids, and those about what has them, locked in id order."""
    return session.scalars(
        select(Appointment)
        .where(or_(Appointment.id.in_(ids), Appointment.about_id.in_(ids)))
        .order_by(Appointment.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def slot(session: Session, slot_id: UUID) -> Slot | None:
    return session.get(Slot, slot_id, populate_existing=True)


def where_and_when(session: Session, slot_id: UUID) -> Row[Any] | None:
    """A slot with its place: name, phone, address and time zone."""
    return session.execute(_WHERE_AND_WHEN, {"id": slot_id}).first()


def is_taken(session: Session, slot_id: UUID, offer_id: UUID | None, now: datetime) -> bool:
    """Whether somebody has a slot, or an open offer other than this one holds it."""
    values = {"slot_id": slot_id, "offer_id": offer_id, "now": now}
    return bool(session.execute(_TAKEN, values).scalar())


def slots_between(
    session: Session, resources: Sequence[str], first: datetime, last: datetime
) -> Sequence[Slot]:
    """The times of these rooms or persons that touch a period and stand."""
    return session.scalars(
        select(Slot).where(
            Slot.resource.in_(resources),
            Slot.withdrawn_at.is_(None),
            Slot.starts_at < last,
            Slot.ends_at > first,
        )
    ).all()


def free_slots(session: Session, patient_id: UUID, **wanted: Any) -> Sequence[Row[Any]]:
    """Free times at the patient's clinic, the first ones first; one more than `limit`."""
    return session.execute(_FREE, _paged({"patient_id": patient_id, **wanted})).all()


def opened_slots(session: Session, **wanted: Any) -> Sequence[Row[Any]]:
    """A practitioner's times with who has which; one more than `limit`."""
    return session.execute(_OPENED, _paged(wanted)).all()


def next_free(session: Session, appointment: Appointment, **wanted: Any) -> Sequence[Row[Any]]:
    """The next free times with the same practitioner for the same."""
    values = {
        "practitioner_id": appointment.practitioner_id,
        "service_type": appointment.service_type,
        "minutes": appointment.minutes,
    }
    return session.execute(_NEXT_FREE, {**values, **wanted}).all()


def appointments(
    session: Session,
    *,
    patient_id: UUID | None,
    practitioner_id: UUID | None,
    coming: bool,
    after: tuple[datetime, UUID] | None,
    limit: int,
    now: datetime,
) -> Sequence[Row[Any]]:
    """Coming appointments, the next first, or past ones, the last first; one more than `limit`."""
    values = {
        "patient_id": patient_id,
        "practitioner_id": practitioner_id,
        "now": now,
        "after": after,
        "limit": limit,
    }
    return session.execute(_COMING if coming else _PAST, _paged(values)).all()


def _paged(values: dict[str, Any]) -> dict[str, Any]:
    moment, id_ = values.pop("after") or (None, None)
    return {**values, "moment": moment, "id": id_, "limit": values["limit"] + 1}


def seen_appointment(session: Session, appointment_id: UUID) -> Row[Any] | None:
    """An appointment with its place, as it is shown."""
    return session.execute(_ONE, {"id": appointment_id}).first()


def latest_of(session: Session, appointment_id: UUID) -> Row[Any] | None:
    """What an appointment has become by its changes."""
    return session.execute(_LATEST, {"id": appointment_id}).first()


def overlapping(
    session: Session, patient_id: UUID, starts_at: datetime, ends_at: datetime
) -> Sequence[Row[Any]]:
    """A patient's booked appointments that share a moment with a period."""
    values = {"patient_id": patient_id, "starts_at": starts_at, "ends_at": ends_at}
    return session.execute(_OVERLAPPING, values).all()


def history(session: Session, appointment_id: UUID) -> Sequence[Row[Any]]:
    """Every step of an appointment in order, with the names of those who made it."""
    return session.execute(_HISTORY, {"id": appointment_id}).all()


def appointment(session: Session, appointment_id: UUID) -> Appointment | None:
    return session.get(Appointment, appointment_id, populate_existing=True)


def standing(session: Session, appointment_id: UUID) -> Appointment | None:
    """The last of an appointment's changes."""
    one = select(Appointment.calendar_uid).where(Appointment.id == appointment_id)
    return session.scalars(
        select(Appointment)
        .where(Appointment.calendar_uid == one.scalar_subquery())
        .order_by(Appointment.sequence.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).first()


def for_change(session: Session, appointment_id: UUID) -> Appointment | None:
    """An appointment, locked until the transaction ends."""
    return session.get(Appointment, appointment_id, with_for_update=True, populate_existing=True)


def booked_at_slot(session: Session, slot_id: UUID) -> Appointment | None:
    return session.scalars(
        select(Appointment)
        .where(Appointment.slot_id == slot_id, Appointment.status == AppointmentStatus.BOOKED)
        .execution_options(populate_existing=True)
    ).first()


def booked_about(session: Session, about_kind: str, about_id: UUID) -> Appointment | None:
    """The booked appointment of something, locked."""
    return session.scalars(
        select(Appointment)
        .where(
            Appointment.about_kind == about_kind,
            Appointment.about_id == about_id,
            Appointment.status == AppointmentStatus.BOOKED,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def is_booked_about(session: Session, about_kind: str, about_id: UUID) -> bool:
    query = select(Appointment.id).where(
        Appointment.about_kind == about_kind,
        Appointment.about_id == about_id,
        Appointment.status == AppointmentStatus.BOOKED,
    )
    return session.scalars(query).first() is not None


def step(session: Session, history_id: UUID) -> AppointmentHistory | None:
    return session.get(AppointmentHistory, history_id)


def write_booked(session: Session, row: Appointment) -> Appointment | None:
    """Write an appointment; None where somebody else has the slot. The database decides, by the
    unique index: who comes second waits for the first and then finds it taken."""
    values = {
        column.key: value
        for column in Appointment.__table__.columns
        if (value := getattr(row, column.key)) is not None
    }
    statement = (
        insert(Appointment).values(**values).on_conflict_do_nothing().returning(Appointment.id)
    )
    if session.execute(statement).first() is None:
        return None
    return session.get_one(Appointment, row.id)
