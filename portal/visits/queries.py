"""Reading visits, and what is due before one."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from portal.appointments.model import Appointment
from portal.core.db import lock, run
from portal.visits.model import Visit, VisitHistory

_VISIT = """
    SELECT v.id, v.patient_id, v.appointment_id, v.kind, v.status, v.reason, v.starts_at,
           v.started_at, v.ended_at, v.status_at, v.summary_due_at, v.version, v.created_at,
           v.confidential OR coalesce(ap.confidential, false) AS confidential,
           pa.given_name, pa.family_name, v.practitioner_id, pr.name AS practitioner_name,
           v.clinic_id, cl.name AS clinic_name, cl.phone AS clinic_phone, cl.time_zone,
           s.number AS summary_number, s.released_at AS summary_released_at,
           ap.status AS appointment_status, ap.starts_at AS appointment_starts_at,
           ap.ends_at AS appointment_ends_at, ap.about_kind, ap.about_id
    FROM visit v
    JOIN patient pa ON pa.id = v.patient_id
    JOIN practitioner pr ON pr.id = v.practitioner_id
    JOIN clinic cl ON cl.id = v.clinic_id
    LEFT JOIN appointment ap ON ap.id = v.appointment_id
    LEFT JOIN LATERAL (
        SELECT vs.number, vs.released_at FROM visit_summary vs
        WHERE vs.visit_id = v.id AND vs.status = 'released' ORDER BY vs.number DESC LIMIT 1
    ) s ON true
"""
_COMING = """
    {visit}
    WHERE v.{whose} = :id_of AND v.status IN ('planned', 'in_progress')
      AND (CAST(:moment AS timestamptz) IS NULL OR (v.starts_at, v.id) > (:moment, :id))
    ORDER BY v.starts_at, v.id LIMIT :limit
"""
_PAST = """
    {visit}
    WHERE v.{whose} = :id_of AND v.status IN ('finished', 'cancelled')
      AND (CAST(:moment AS timestamptz) IS NULL OR (v.starts_at, v.id) < (:moment, :id))
    ORDER BY v.starts_at DESC, v.id DESC LIMIT :limit
"""
# By whether they are to come, and by whose they are.
_LISTS = {
    (coming, whose): text(statement.format(visit=_VISIT, whose=whose))
    for coming, statement in ((True, _COMING), (False, _PAST))
    for whose in ("patient_id", "practitioner_id")
}
_ONE = text(f"{_VISIT} WHERE v.id = :id")
_HISTORY = text(
    """
    SELECT h.id, h.from_status, h.to_status, h.at, h.starts_at, h.actor_kind, h.reason,
           coalesce(pr.name, st.name) AS actor_name
    FROM visit_history h
    LEFT JOIN practitioner pr ON h.actor_kind = 'practitioner' AND pr.id = h.actor_id
    LEFT JOIN staff_member st ON h.actor_kind = 'staff' AND st.id = h.actor_id
    WHERE h.visit_id = :id ORDER BY h.at, h.id
    """
)
_TESTS_DUE = text(
    """
    SELECT r.id, r.kind, r.test_name, r.status, r.not_before, r.collect_by,
           la.name AS laboratory_name, r.fasting, t.fasting_hours
    FROM requisition r
    JOIN laboratory la ON la.id = r.laboratory_id
    JOIN catalog_test t ON t.code = r.test_code
    WHERE r.patient_id = :patient_id AND r.status IN ('placed', 'sent', 'accepted', 'scheduled')
      AND (r.not_before IS NULL OR r.not_before <= :day)
    ORDER BY r.collect_by, r.id LIMIT :limit
    """
)
_MEDICINES_DUE = text(
    """
    SELECT p.id, p.drug_name, p.strength,
           p.last_filled_on + coalesce(p.supply_days, p.days_supply) AS runs_out_on
    FROM prescription p
    WHERE p.patient_id = :patient_id AND p.status = 'active' AND p.max_per_day IS NULL
      AND p.last_filled_on + coalesce(p.supply_days, p.days_supply) < :day
      AND p.last_filled_on + coalesce(p.supply_days, p.days_supply) >= :since
    ORDER BY runs_out_on, p.id LIMIT :limit
    """
)
_INSTRUCTIONS_DUE = text(
    """
    SELECT i.id, i.visit_id, i.kind, i.text, i.due_on, i.target_id
    FROM visit_instruction i
    WHERE i.patient_id = :patient_id AND i.status = 'open' AND i.due_at < :starts_at
      AND i.kind <> 'visit'
    ORDER BY i.due_at, i.id LIMIT :limit
    """
)
# Nobody was told of this due time: no item about it since.
_NOBODY_TOLD = text(
    """
    NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = visit.id
                AND w.kind = 'summary_missing'
                AND (w.status IN ('open', 'claimed') OR w.created_at >= visit.summary_due_at))
    """
)
MOST_DUE = 50


def visits(
    session: Session,
    *,
    patient_id: UUID | None,
    practitioner_id: UUID | None,
    coming: bool,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """A patient's visits, else a practitioner's; one more than `limit`. Those to come, the next
    first, or those that are past, the last first. One that was entered in error is neither."""
    moment, id_ = after or (None, None)
    values = {
        "id_of": patient_id or practitioner_id,
        "moment": moment,
        "id": id_,
        "limit": limit + 1,
    }
    whose = "practitioner_id" if patient_id is None else "patient_id"
    return run(session, _LISTS[coming, whose], values)


def visit(session: Session, visit_id: UUID) -> Row[Any] | None:
    return session.execute(_ONE, {"id": visit_id}).first()


def history(session: Session, visit_id: UUID) -> Sequence[Row[Any]]:
    """Every step of a visit in order, with the names of those who made it."""
    return session.execute(_HISTORY, {"id": visit_id}).all()


def get_visit(session: Session, visit_id: UUID) -> Visit | None:
    return session.get(Visit, visit_id)


def visits_by_id(session: Session, ids: Collection[UUID]) -> Mapping[UUID, Visit]:
    found = session.scalars(select(Visit).where(Visit.id.in_(ids)))
    return {one.id: one for one in found}


def lock_appointment(session: Session, calendar_uid: UUID) -> None:
    """Let one transaction at a time bring a visit to where its appointment is."""
    lock(session, [f"visit of {calendar_uid}"])


def step(session: Session, history_id: UUID) -> VisitHistory | None:
    return session.get(VisitHistory, history_id)


def for_change(session: Session, visit_id: UUID) -> Visit | None:
    """A visit, locked until the transaction ends: a concurrent mover waits, then sees our move."""
    return session.scalars(
        select(Visit)
        .where(Visit.id == visit_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def of_appointments(session: Session, calendar_uid: UUID) -> Visit | None:
    """The visit that an appointment, or one that it was changed to, was booked for; locked."""
    same = select(Appointment.id).where(Appointment.calendar_uid == calendar_uid)
    return session.scalars(
        select(Visit)
        .where(Visit.appointment_id.in_(same))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def without_summary(session: Session, now: datetime, limit: int) -> Sequence[Visit]:
    """Held, past the time of their summary, and nobody was told; locked."""
    return session.scalars(
        select(Visit)
        .where(Visit.summary_due_at < now, _NOBODY_TOLD)
        .order_by(Visit.summary_due_at, Visit.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def tests_due(session: Session, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """Tests that were ordered, may be done by the `day` of a visit, and wait for the patient."""
    return session.execute(_TESTS_DUE, {**values, "limit": MOST_DUE}).all()


def medicines_due(session: Session, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """Medicines that run out before the `day` of a visit; what ran out before `since` was given up
    long ago."""
    return session.execute(_MEDICINES_DUE, {**values, "limit": MOST_DUE}).all()


def instructions_due(session: Session, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """What earlier visits asked for by the time of this one and is still open."""
    return session.execute(_INSTRUCTIONS_DUE, {**values, "limit": MOST_DUE}).all()
