"""Reading refills, and prescriptions together with their open refill."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, exists, select, text
from sqlalchemy.orm import Session

from portal.core.db import run
from portal.refills.model import Refill, RefillHistory
from portal.refills.pharmacy_model import (
    OrderKind,
    PharmacyOrder,
    PharmacyWebhook,
    WebhookStatus,
)
from portal.refills.states import ENDED, RefillStatus

_FACTS = """
    p.id, p.status, p.schedule, p.written_on, p.expires_on, p.quantity, p.days_supply,
    p.max_per_day, p.refills_authorized,
    p.refills_used, p.first_fill_used, p.refills_beyond, p.first_fills_beyond, p.last_filled_on,
    p.supply_days, p.early_refill_until,
    r.id AS open_refill_id
"""
# Locked in the order of their ids, so that two batches with the same prescriptions can't block
# each other for ever. A refill that a concurrent request commits while we wait for the lock isn't
# seen here: the unique index on open refills catches it when ours is written.
_CANDIDATES = text(
    f"""
    SELECT {_FACTS}, p.patient_id, p.prescriber_id, p.pharmacy_id, p.drug_name, p.strength,
           p.refill_number, pr.clinic_id, pr.pool_id, pr.name AS prescriber_name,
           pa.time_zone, careloop_has_address(p.patient_id) AS has_address,
           ph.name AS pharmacy_name, ph.active, ph.mail_order, ph.mails, ph.opening,
           ph.time_zone AS pharmacy_zone
    FROM prescription p
    JOIN patient pa ON pa.id = p.patient_id
    JOIN practitioner pr ON pr.id = p.prescriber_id
    JOIN pharmacy ph ON ph.id = p.pharmacy_id
    LEFT JOIN refill r ON r.prescription_id = p.id AND r.status NOT IN {ENDED}
    WHERE p.id = ANY(:ids)
    ORDER BY p.id
    FOR NO KEY UPDATE OF p
    """
)

_PHARMACIES = text(
    "SELECT id, name, active, mail_order, mails, opening, time_zone AS pharmacy_zone FROM pharmacy "
    "WHERE id = ANY(:ids)"
)

_PRESCRIPTION = f"""
    SELECT {_FACTS}, p.refill_number, p.patient_id, p.rxnorm_code, p.drug_name, p.strength, p.form,
           p.directions, p.unit, p.status_reason, p.previous_id, p.confidential,
           p.created_at,
           p.prescriber_id, pr.name AS prescriber_name,
           p.pharmacy_id, ph.name AS pharmacy_name, ph.phone AS pharmacy_phone, pa.time_zone
    FROM prescription p
    JOIN patient pa ON pa.id = p.patient_id
    JOIN practitioner pr ON pr.id = p.prescriber_id
    JOIN pharmacy ph ON ph.id = p.pharmacy_id
    LEFT JOIN refill r ON r.prescription_id = p.id AND r.status NOT IN {ENDED}
"""
_PRESCRIPTIONS = text(
    f"""
    {_PRESCRIPTION}
    WHERE p.patient_id = :patient_id AND (:everything OR p.status <> 'superseded')
      AND (CAST(:moment AS timestamptz) IS NULL OR (p.created_at, p.id) < (:moment, :id))
    ORDER BY p.created_at DESC, p.id DESC
    LIMIT :limit
    """
)
_ONE_PRESCRIPTION = text(f"{_PRESCRIPTION} WHERE p.id = :id")

_REFILL = """
    SELECT r.id, r.prescription_id, r.patient_id, r.kind, r.channel, r.status, r.delivery, r.note,
           r.urgent, r.requested_at, r.status_at, r.expected_by, r.reason_code, r.expected_on,
           r.quantity_ready, r.carrier, r.tracking_number, r.decision_note, r.next_step,
           r.original_prescription_id, r.replaces_id, r.closed_at, r.quantity_dispensed,
           r.rest_due_at, r.cancel_asked_at, r.cancel_answer, r.cancel_answered_at, p.quantity,
           p.drug_name, p.strength, p.form, p.unit, p.refill_number,
           r.pharmacy_id, ph.name AS pharmacy_name, ph.phone AS pharmacy_phone,
           r.prescriber_id, pr.name AS prescriber_name
    FROM refill r
    JOIN prescription p ON p.id = r.prescription_id
    JOIN pharmacy ph ON ph.id = r.pharmacy_id
    JOIN practitioner pr ON pr.id = r.prescriber_id
"""
_REFILLS = text(
    f"""
    {_REFILL}
    WHERE r.patient_id = :patient_id
      AND (CAST(:statuses AS text[]) IS NULL OR r.status = ANY(CAST(:statuses AS text[])))
      AND (CAST(:moment AS timestamptz) IS NULL OR (r.requested_at, r.id) < (:moment, :id))
    ORDER BY r.requested_at DESC, r.id DESC
    LIMIT :limit
    """
)
_ONE_REFILL = text(f"{_REFILL} WHERE r.id = :id")
_HISTORY = text(
    """
    SELECT h.id, h.from_status, h.to_status, h.at, h.actor_kind, h.reason_code, h.note,
           coalesce(pr.name, st.name, ph.name, CASE WHEN h.actor_kind = 'delegate'
                THEN careloop_delegate_name(h.actor_id, h.patient_id) END) AS actor_name
    FROM refill_history h
    LEFT JOIN practitioner pr ON h.actor_kind = 'practitioner' AND pr.id = h.actor_id
    LEFT JOIN staff_member st ON h.actor_kind = 'staff' AND st.id = h.actor_id
    LEFT JOIN pharmacy ph ON h.actor_kind = 'pharmacy' AND ph.id = h.actor_id
    WHERE h.refill_id = :id
    ORDER BY h.at, h.id
    """
)
_STOPPED = text(
    """
    SELECT 1 FROM prescription p
    WHERE p.id = :id AND p.status = ANY(:statuses) AND p.status = (
        SELECT h.to_status FROM prescription_history h
        WHERE h.prescription_id = p.id AND h.at <= :moment ORDER BY h.at DESC, h.id DESC LIMIT 1)
    """
)
_NOBODY_TOLD = """
    NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = refill.id
                AND w.kind = 'refill_overdue' AND w.created_at > refill.status_at)
"""


def candidates(session: Session, ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    """The prescriptions that the actor may see, locked, with all that a decision needs."""
    return {row.id: row for row in run(session, _CANDIDATES, {"ids": list(ids)})}


def pharmacies(session: Session, ids: Collection[UUID]) -> dict[UUID, Row[Any]]:
    """What a request needs to know of the pharmacies that it names."""
    return {row.id: row for row in session.execute(_PHARMACIES, {"ids": list(ids)})}


def prescriptions(
    session: Session,
    patient_id: UUID,
    *,
    everything: bool,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """A patient's prescriptions, newest first, each with its open refill's id: one statement."""
    moment, id_ = after or (None, None)
    return run(
        session,
        _PRESCRIPTIONS,
        {
            "patient_id": patient_id,
            "everything": everything,
            "moment": moment,
            "id": id_,
            "limit": limit + 1,
        },
    )


def prescription(session: Session, prescription_id: UUID) -> Row[Any] | None:
    return session.execute(_ONE_PRESCRIPTION, {"id": prescription_id}).first()


def refills(
    session: Session,
    patient_id: UUID,
    *,
    statuses: Sequence[str] | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """A patient's refills, newest first."""
    moment, id_ = after or (None, None)
    return run(
        session,
        _REFILLS,
        {
            "patient_id": patient_id,
            "statuses": None if statuses is None else list(statuses),
            "moment": moment,
            "id": id_,
            "limit": limit + 1,
        },
    )


def refill(session: Session, refill_id: UUID) -> Row[Any] | None:
    return session.execute(_ONE_REFILL, {"id": refill_id}).first()


def history(session: Session, refill_id: UUID) -> Sequence[Row[Any]]:
    """Every move of a refill in order, with the names of those who made it."""
    return session.execute(_HISTORY, {"id": refill_id}).all()


def for_change(session: Session, refill_id: UUID) -> Refill | None:
    """A refill, locked until the transaction ends: a concurrent mover waits, then sees our move."""
    return session.scalars(
        select(Refill)
        .where(Refill.id == refill_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def last_move(session: Session, refill_id: UUID) -> RefillHistory | None:
    return session.scalars(
        select(RefillHistory)
        .where(RefillHistory.refill_id == refill_id)
        .order_by(RefillHistory.at.desc(), RefillHistory.id.desc())
        .limit(1)
    ).first()


def open_refill_of(session: Session, prescription_id: UUID, *, lock: bool = True) -> Refill | None:
    """The open refill of a prescription, locked unless it is only looked for."""
    wanted = select(Refill).where(
        Refill.prescription_id == prescription_id, Refill.closed_at.is_(None)
    )
    if lock:
        wanted = wanted.with_for_update()
    return session.scalars(wanted.execution_options(populate_existing=True)).first()


def stopped_before(
    session: Session, prescription_id: UUID, moment: datetime, *, or_held: bool = False
) -> bool:
    """Whether a prescription is stopped, or also on hold, and was so already at a moment."""
    statuses = ["stopped", "on_hold"] if or_held else ["stopped"]
    values = {"id": prescription_id, "moment": moment, "statuses": statuses}
    return session.execute(_STOPPED, values).first() is not None


def rests_too_late(session: Session, now: datetime, limit: int) -> Sequence[UUID]:
    """The refills whose rest can't be handed over any more, by law."""
    return session.scalars(
        select(Refill.id)
        .where(
            Refill.rest_due_at < now,
            Refill.closed_at.is_(None),
            Refill.status != RefillStatus.SHIPPED,
        )
        .order_by(Refill.rest_due_at, Refill.id)
        .limit(limit)
    ).all()


def replacement_of(session: Session, refill_id: UUID) -> UUID | None:
    """The refill that took another one's place."""
    return session.scalar(select(Refill.id).where(Refill.replaces_id == refill_id))


def last_orders(session: Session, refill_id: UUID) -> dict[UUID, str]:
    """What each pharmacy was asked last about a refill: to fill it, or to leave it."""
    rows = session.execute(
        select(PharmacyOrder.pharmacy_id, PharmacyOrder.kind)
        .where(PharmacyOrder.refill_id == refill_id, PharmacyOrder.kind != OrderKind.UPDATE)
        .order_by(PharmacyOrder.id)
    )
    return {row.pharmacy_id: row.kind for row in rows}


def sent_of(session: Session, patient_id: UUID) -> Sequence[UUID]:
    """The open refills of a patient that a pharmacy was sent, in id order."""
    return session.scalars(
        select(Refill.id)
        .where(
            Refill.patient_id == patient_id,
            Refill.closed_at.is_(None),
            exists().where(PharmacyOrder.refill_id == Refill.id),
        )
        .order_by(Refill.id)
    ).all()


def told_of(session: Session, refill_id: UUID, correction_id: UUID) -> bool:
    """Whether a pharmacy was told of a correction of the patient's data with this refill."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    PharmacyOrder.refill_id == refill_id,
                    PharmacyOrder.correction_id == correction_id,
                )
            )
        )
    )


def has_webhook(session: Session, pharmacy_id: UUID) -> bool:
    """Whether orders are pushed to this pharmacy; to a paused one they wait in its feed."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    PharmacyWebhook.pharmacy_id == pharmacy_id,
                    PharmacyWebhook.status == WebhookStatus.ACTIVE,
                )
            )
        )
    )


def was_sent(session: Session, prescription_id: UUID) -> bool:
    """Whether there ever was a refill on a prescription."""
    return bool(session.scalar(select(exists().where(Refill.prescription_id == prescription_id))))


def overdue(session: Session, now: datetime, limit: int) -> Sequence[Refill]:
    """Late refills for whose present step nobody was told yet, locked; the latest first.

    A request that waits for its prescriber isn't among them: its work item escalates by itself.
    """
    return session.scalars(
        select(Refill)
        .where(
            Refill.closed_at.is_(None),
            Refill.expected_by < now,
            Refill.status != RefillStatus.AWAITING_PRESCRIBER,
            text(_NOBODY_TOLD),
        )
        .order_by(Refill.expected_by, Refill.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def last_refill_of(
    session: Session, prescription_id: UUID
) -> Row[UUID, str, str, datetime | None] | None:
    """The latest refill that began on a prescription, also where a renewal replaced it since."""
    return session.execute(
        select(Refill.id, Refill.kind, Refill.status, Refill.expected_by)
        .where(
            (Refill.prescription_id == prescription_id)
            | (Refill.original_prescription_id == prescription_id)
        )
        .order_by(Refill.requested_at.desc())
        .limit(1)
    ).first()
