"""Reading radiology's free times, and who comes when."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

_FREE = text(
    """
    SELECT s.id, s.laboratory_id, la.name AS laboratory_name, la.phone AS laboratory_phone,
           la.line, la.city, la.state, la.postal_code, la.time_zone,
           s.service_type AS modality, s.room, s.starts_at, s.ends_at
    FROM slot s JOIN laboratory la ON la.id = s.laboratory_id
    WHERE s.service_type = :modality AND s.withdrawn_at IS NULL AND la.active
      AND s.laboratory_id = :laboratory_id
      AND s.starts_at >= :from_ AND (CAST(:to AS timestamptz) IS NULL OR s.starts_at < :to)
      AND s.ends_at - s.starts_at >= make_interval(mins => :minutes)
      AND (CAST(:moment AS timestamptz) IS NULL OR (s.starts_at, s.id) > (:moment, :id))
      AND NOT careloop_slot_taken(s.id, NULL, :now)
    ORDER BY s.starts_at, s.id LIMIT :limit
    """
)
_APPOINTMENTS = text(
    """
    SELECT a.id, a.status, a.about_id AS requisition_id, a.booked_at, a.patient_id,
           s.id AS slot_id, s.service_type AS modality, s.room, s.starts_at, s.ends_at,
           r.placer_number, r.test_code, r.test_name, r.priority,
           pa.mrn, pa.given_name, pa.family_name, pa.birth_date, pa.phone
    FROM appointment a
    JOIN slot s ON s.id = a.slot_id
    JOIN requisition r ON r.id = a.about_id AND a.about_kind = 'requisition'
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
    now: datetime,
) -> Sequence[Row[Any]]:
    """Free times of a place for so long an examination, the first ones first; one more than
    `limit`."""
    moment, id_ = after or (None, None)
    values = {
        "laboratory_id": laboratory_id,
        "modality": modality,
        "minutes": minutes,
        "now": now,
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
