"""Refills and prescriptions at a pharmacy that has closed. For the workers.

Where a medicine is filled is the patient's to choose: they are asked, and the liaison has each open
refill meanwhile.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.directory import service as directory
from portal.directory.departure_model import Departure, DepartureLeft
from portal.directory.model import PoolKind
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.patients import service as patients
from portal.refills.model import Refill
from portal.refills.states import OPEN
from portal.worklist import departing

# The patient's own choice first, then the pharmacy that takes over.
_PRESCRIPTIONS = text(
    """
    UPDATE prescription p SET pharmacy_id = t.pharmacy_id, version = p.version + 1
    FROM (
        SELECT o.id, coalesce(chosen.id, CAST(:to AS uuid)) AS pharmacy_id
        FROM prescription o JOIN patient pa ON pa.id = o.patient_id
        LEFT JOIN pharmacy chosen ON chosen.id = pa.preferred_pharmacy_id AND chosen.active
        WHERE o.pharmacy_id = :id AND o.status IN ('active', 'on_hold')
          AND coalesce(chosen.id, CAST(:to AS uuid)) IS NOT NULL
        ORDER BY o.id LIMIT :limit
    ) t WHERE t.id = p.id
    RETURNING p.id
    """
)
_WITHOUT_CHOICE = text(
    """
    SELECT DISTINCT o.patient_id FROM prescription o
    WHERE o.pharmacy_id = :id AND o.status IN ('active', 'on_hold') AND NOT EXISTS (
        SELECT FROM departure_left l WHERE l.departure_id = :departure_id
        AND l.subject_id = o.patient_id)
    ORDER BY o.patient_id LIMIT :limit
    """
)


def ask_for_other_pharmacies(
    *, session: Session, departure: Departure, now: datetime, limit: int
) -> int:
    """Have somebody ask about each open refill at a pharmacy that has closed, and about the
    prescriptions of patients who have no other one. Returns how many were looked at."""
    listed = select(DepartureLeft.subject_id).where(DepartureLeft.departure_id == departure.id)
    found = session.scalars(
        select(Refill)
        .where(
            Refill.pharmacy_id == departure.subject_id,
            Refill.status.in_(OPEN),
            Refill.id.not_in(listed),
        )
        .order_by(Refill.id)
        .limit(limit)
        .with_for_update()
    ).all()
    for refill in found:
        _ask(session, departure, "refill", refill.id, refill.patient_id, now)
    values = {
        "id": departure.subject_id,
        "to": departure.successor_id,
        "departure_id": departure.id,
        "limit": limit,
    }
    moved = session.execute(_PRESCRIPTIONS, values).all()
    alone = session.execute(_WITHOUT_CHOICE, values).scalars().all() if not moved else []
    for patient_id in alone:
        _ask(session, departure, "patient", patient_id, patient_id, now)
    session.flush()
    return len(found) + len(moved) + len(alone)


def _ask(
    session: Session,
    departure: Departure,
    resource: str,
    subject_id: UUID,
    patient_id: UUID,
    now: datetime,
) -> None:
    clinic_id = patients.clinic_of(session, patient_id)
    departing.leave_to_person(
        session=session,
        departure=departure,
        resource=resource,
        subject_id=subject_id,
        patient_id=patient_id,
        pool_id=directory.pool_of(session, clinic_id, PoolKind.PHARMACY_LIAISON),
        why="pharmacy_left",
        now=now,
    )
    notifications.tell_patient(
        session,
        patient_id,
        NotificationEvent.REFILL_PHARMACY_CLOSED,
        source_id=departure.id if resource == "patient" else subject_id,
        subject_id=subject_id if resource == "refill" else None,
        now=now,
    )
