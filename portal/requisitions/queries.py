"""Reading requisitions and the catalogue."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from portal.core.db import run
from portal.directory.model import Laboratory
from portal.patients.model import Patient
from portal.requisitions.model import CatalogTest, Requisition, RequisitionHistory, StandingOrder

_NUMBERS = text("SELECT nextval('placer_number') AS number FROM generate_series(1, :count)")
_CATALOG = text(
    """
    SELECT code, kind, name, specimen_code, specimen_name, fasting_hours, preparation, modality,
           duration_minutes, turnaround_hours, components
    FROM catalog_test
    WHERE active AND (CAST(:kind AS text) IS NULL OR kind = :kind)
      AND (CAST(:wanted AS text) IS NULL
           OR strpos(careloop_name_key(name), careloop_name_key(:wanted)) > 0
           OR strpos(lower(code), lower(:wanted)) > 0)
      AND (CAST(:name AS text) IS NULL
           OR (careloop_name_key(name), code) > (careloop_name_key(:name), CAST(:code AS text)))
    ORDER BY careloop_name_key(name), code LIMIT :limit
    """
)
# The booked appointment, else the one that was kept.
_APPOINTMENT = """
    LEFT JOIN LATERAL (
        SELECT a.id, a.status, s.id AS slot_id, s.room, s.starts_at, s.ends_at
        FROM appointment a JOIN slot s ON s.id = a.slot_id
        WHERE a.about_kind = 'requisition' AND a.about_id = r.id
          AND a.status IN ('booked', 'attended')
        ORDER BY a.booked_at DESC LIMIT 1
    ) ap ON true
"""
_REQUISITION = f"""
    SELECT r.id, r.placer_number, r.group_number, r.filler_number, r.patient_id, r.kind,
           r.test_code, r.test_name, r.status, r.priority, r.diagnoses, r.specimen_code,
           r.specimen_name, r.fasting, r.note, r.draft, r.confidential, r.not_before,
           r.ordered_at, r.status_at, r.collect_by, r.expires_at, r.expected_by, r.collected_at,
           r.reason_code, r.reason, r.closed_at, r.orderer_id, pr.name AS orderer_name,
           r.laboratory_id, la.name AS laboratory_name, la.kind AS laboratory_kind,
           la.phone AS laboratory_phone, la.hours AS laboratory_hours,
           la.time_zone AS laboratory_time_zone, la.line, la.city, la.state, la.postal_code,
           t.fasting_hours, t.preparation, t.modality, t.duration_minutes,
           r.standing_order_id, so.status AS standing_status, so.ordered_count, so.interval_days,
           so.made, so.next_on,
           ap.id AS appointment_id, ap.status AS appointment_status, ap.slot_id, ap.room,
           ap.starts_at, ap.ends_at
    FROM requisition r
    JOIN laboratory la ON la.id = r.laboratory_id
    JOIN practitioner pr ON pr.id = r.orderer_id
    JOIN catalog_test t ON t.code = r.test_code
    LEFT JOIN standing_order so ON so.id = r.standing_order_id
    {_APPOINTMENT}
"""
_REQUISITIONS = text(
    f"""
    {_REQUISITION}
    WHERE r.patient_id = :patient_id
      AND (CAST(:statuses AS text[]) IS NULL OR r.status = ANY(CAST(:statuses AS text[])))
      AND (CAST(:moment AS timestamptz) IS NULL OR (r.ordered_at, r.id) < (:moment, :id))
    ORDER BY r.ordered_at DESC, r.id DESC
    LIMIT :limit
    """
)
_SOME_REQUISITIONS = text(f"{_REQUISITION} WHERE r.id = ANY(:ids) ORDER BY r.id")
_HISTORY = text(
    """
    SELECT h.id, h.from_status, h.to_status, h.at, h.actor_kind, h.reason_code, h.reason,
           coalesce(pr.name, st.name, la.name, CASE WHEN h.actor_kind = 'delegate'
                THEN careloop_delegate_name(h.actor_id, h.patient_id) END) AS actor_name
    FROM requisition_history h
    LEFT JOIN practitioner pr ON h.actor_kind = 'practitioner' AND pr.id = h.actor_id
    LEFT JOIN staff_member st ON h.actor_kind = 'staff' AND st.id = h.actor_id
    LEFT JOIN laboratory la ON h.actor_kind = 'laboratory' AND la.id = h.actor_id
    WHERE h.requisition_id = :id
    ORDER BY h.at, h.id
    """
)


def placer_numbers(session: Session, count: int) -> list[str]:
    """Numbers of ours for so many orders (ORC-2)."""
    return [f"ORD-{row.number}" for row in session.execute(_NUMBERS, {"count": count})]


def catalog(
    session: Session,
    *,
    wanted: str | None,
    kind: str | None,
    after: tuple[str, str] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """What can be ordered, by name; one more than `limit`."""
    name, code = after or (None, None)
    values = {"kind": kind, "wanted": wanted, "name": name, "code": code, "limit": limit + 1}
    return session.execute(_CATALOG, values).all()


def tests(session: Session, codes: Collection[str]) -> Mapping[str, CatalogTest]:
    found = session.scalars(select(CatalogTest).where(CatalogTest.code.in_(codes)))
    return {test.code: test for test in found}


def laboratory(session: Session, id_: UUID) -> Laboratory | None:
    return session.get(Laboratory, id_)


def requisitions(
    session: Session,
    patient_id: UUID,
    *,
    statuses: Sequence[str] | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """A patient's requisitions, newest first, each with its place and appointment; one more than
    `limit`, in one statement."""
    moment, id_ = after or (None, None)
    return run(
        session,
        _REQUISITIONS,
        {
            "patient_id": patient_id,
            "statuses": None if statuses is None else list(statuses),
            "moment": moment,
            "id": id_,
            "limit": limit + 1,
        },
    )


def requisitions_by_id(session: Session, ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """These requisitions, in the order in which they were made."""
    return run(session, _SOME_REQUISITIONS, {"ids": list(ids)})


def requisition(session: Session, requisition_id: UUID) -> Row[Any] | None:
    return next(iter(requisitions_by_id(session, [requisition_id])), None)


def history(session: Session, requisition_id: UUID) -> Sequence[Row[Any]]:
    """Every move of a requisition in order, with the names of those who made it."""
    return session.execute(_HISTORY, {"id": requisition_id}).all()


def for_change(session: Session, requisition_id: UUID) -> Requisition | None:
    """A requisition, locked until the transaction ends: a concurrent mover waits, then sees our
    move."""
    return session.scalars(
        select(Requisition)
        .where(Requisition.id == requisition_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def sent_of(session: Session, patient_id: UUID) -> Sequence[UUID]:
    """The requisitions of a patient that have not ended, drafts aside, in id order."""
    return session.scalars(
        select(Requisition.id)
        .where(
            Requisition.patient_id == patient_id,
            Requisition.closed_at.is_(None),
            Requisition.draft.is_(False),
        )
        .order_by(Requisition.id)
    ).all()


def standing_for_change(session: Session, standing_order_id: UUID) -> StandingOrder | None:
    return session.scalars(
        select(StandingOrder)
        .where(StandingOrder.id == standing_order_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def by_placer_number(
    session: Session, laboratory_id: UUID, placer_number: str
) -> Requisition | None:
    """A laboratory's requisition by our number, locked."""
    return session.scalars(
        select(Requisition)
        .where(
            Requisition.placer_number == placer_number, Requisition.laboratory_id == laboratory_id
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def patient_of(session: Session, patient_id: UUID) -> Patient | None:
    return session.get(Patient, patient_id)


def last_of_standing(session: Session, standing_order_id: UUID) -> Requisition | None:
    """The latest requisition of a standing order: the next one is like it."""
    return session.scalars(
        select(Requisition)
        .where(Requisition.standing_order_id == standing_order_id)
        .order_by(Requisition.id.desc())
        .limit(1)
    ).first()


def of_standing_for_change(session: Session, standing_order_id: UUID) -> Sequence[Requisition]:
    """Every requisition of a standing order, locked in id order."""
    return session.scalars(
        select(Requisition)
        .where(Requisition.standing_order_id == standing_order_id)
        .order_by(Requisition.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def step(session: Session, history_id: UUID) -> RequisitionHistory | None:
    return session.get(RequisitionHistory, history_id)
