"""Reading appointment times and who has which, and the locks that keep a time for one patient."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.core.db import lock
from portal.requisitions.imaging_model import ImagingAppointment, ImagingSlot
from portal.requisitions.states import AppointmentStatus

_FREE = text(
    """
    SELECT s.id, s.laboratory_id, la.name AS laboratory_name, la.phone AS laboratory_phone,
           la.line, la.city, la.state, la.postal_code, la.time_zone,
           s.modality, s.room, s.starts_at, s.ends_at
    FROM imaging_slot s JOIN laboratory la ON la.id = s.laboratory_id
    WHERE s.modality = :modality AND s.withdrawn_at IS NULL AND la.active
      AND s.laboratory_id = :laboratory_id
      AND s.starts_at >= :from_ AND (CAST(:to AS timestamptz) IS NULL OR s.starts_at < :to)
      AND s.ends_at - s.starts_at >= make_interval(mins => :minutes)
      AND (CAST(:moment AS timestamptz) IS NULL OR (s.starts_at, s.id) > (:moment, :id))
      AND NOT careloop_slot_taken(s.id)
    ORDER BY s.starts_at, s.id LIMIT :limit
    """
)
_APPOINTMENTS = text(
    """
    SELECT a.id, a.status, a.requisition_id, a.booked_at, a.patient_id, s.id AS slot_id,
           s.modality, s.room, s.starts_at, s.ends_at, r.placer_number, r.test_code, r.test_name,
           r.priority, pa.mrn, pa.given_name, pa.family_name, pa.birth_date, pa.phone
    FROM imaging_appointment a
    JOIN imaging_slot s ON s.id = a.slot_id
    JOIN requisition r ON r.id = a.requisition_id
    JOIN patient pa ON pa.id = a.patient_id
    WHERE a.laboratory_id = :laboratory_id AND a.status <> 'cancelled'
      AND s.starts_at >= :from_ AND (CAST(:to AS timestamptz) IS NULL OR s.starts_at < :to)
      AND (CAST(:moment AS timestamptz) IS NULL OR (s.starts_at, a.id) > (:moment, :id))
    ORDER BY s.starts_at, a.id LIMIT :limit
    """
)


def free_slots(
    session: Session,
    laboratory_id: UUID,
    modality: str,
    minutes: int,
    *,
    from_: datetime,
    to: datetime | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Free times of a place for so long an examination, the first ones first; one more than
    `limit`."""
    moment, id_ = after or (None, None)
    values = {
        "laboratory_id": laboratory_id,
        "modality": modality,
        "minutes": minutes,
        "from_": from_,
        "to": to,
        "moment": moment,
        "id": id_,
        "limit": limit + 1,
    }
    return session.execute(_FREE, values).all()


def appointments(
    session: Session,
    laboratory_id: UUID,
    *,
    from_: datetime,
    to: datetime | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Who comes to a radiology department and when; one more than `limit`."""
    moment, id_ = after or (None, None)
    values = {
        "laboratory_id": laboratory_id,
        "from_": from_,
        "to": to,
        "moment": moment,
        "id": id_,
        "limit": limit + 1,
    }
    return session.execute(_APPOINTMENTS, values).all()


def slot(session: Session, slot_id: UUID) -> ImagingSlot | None:
    return session.get(ImagingSlot, slot_id, populate_existing=True)


def slots_between(
    session: Session, laboratory_id: UUID, rooms: Sequence[str], first: datetime, last: datetime
) -> Sequence[ImagingSlot]:
    """The times of these rooms that touch a period and stand."""
    return session.scalars(
        select(ImagingSlot).where(
            ImagingSlot.laboratory_id == laboratory_id,
            ImagingSlot.room.in_(rooms),
            ImagingSlot.withdrawn_at.is_(None),
            ImagingSlot.starts_at < last,
            ImagingSlot.ends_at > first,
        )
    ).all()


def lock_for(session: Session, subject: UUID) -> None:
    """Let one transaction at a time change a time, or a department's times: whoever books may not
    lock the row itself."""
    lock(session, [f"time {subject}"])


def booked(session: Session, requisition_id: UUID) -> ImagingAppointment | None:
    """The booked appointment of a requisition that is locked."""
    return session.scalars(
        select(ImagingAppointment)
        .where(
            ImagingAppointment.requisition_id == requisition_id,
            ImagingAppointment.status == AppointmentStatus.BOOKED,
        )
        .execution_options(populate_existing=True)
    ).first()


def booked_at_slot(session: Session, slot_id: UUID) -> ImagingAppointment | None:
    return session.scalars(
        select(ImagingAppointment)
        .where(
            ImagingAppointment.slot_id == slot_id,
            ImagingAppointment.status == AppointmentStatus.BOOKED,
        )
        .execution_options(populate_existing=True)
    ).first()


def appointment(session: Session, appointment_id: UUID) -> ImagingAppointment | None:
    return session.get(ImagingAppointment, appointment_id, populate_existing=True)


def take_slot(session: Session, row: ImagingAppointment) -> bool:
    """Write an appointment; False where somebody else has the slot. The database decides, by the
    unique index: who comes second waits for the first and then finds it taken."""
    values = {
        name: getattr(row, name)
        for name in (
            "id",
            "slot_id",
            "requisition_id",
            "patient_id",
            "laboratory_id",
            "status",
            "booked_at",
            "booked_by_kind",
            "booked_by",
        )
    }
    statement = (
        insert(ImagingAppointment)
        .values(**values)
        .on_conflict_do_nothing()
        .returning(ImagingAppointment.id)
    )
    return session.execute(statement).first() is not None
