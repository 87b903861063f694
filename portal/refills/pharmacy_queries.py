"""What pharmacies read, and the set-based statements of their status updates."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from portal.core.actor import Actor

_HEARD_UPDATE = text(
    """
    INSERT INTO pharmacy_feed (pharmacy_id, last_update_at) VALUES (:id, :now)
    ON CONFLICT (pharmacy_id) DO UPDATE SET last_update_at = :now
    """
)
ACKNOWLEDGE = text(
    "UPDATE pharmacy_order SET acknowledged_at = :now "
    "WHERE refill_id = ANY(:refill_ids) AND pharmacy_id = :pharmacy_id "
    "AND acknowledged_at IS NULL"
)

# The first to bring an event keeps it; a twin waits here for the other's transaction to end.
_KEEP = text(
    """
    INSERT INTO pharmacy_update (pharmacy_id, event_id, refill_id, content_digest, content,
                                 occurred_at, received_at, outcome)
    SELECT :pharmacy_id, event_id, refill_id, decode(digest, 'hex'), content, occurred_at, :now,
           'invalid'
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        event_id text, refill_id uuid, digest text, content jsonb, occurred_at timestamptz)
    ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
    """
)
_KEPT = text(
    "SELECT event_id, content_digest, outcome, refill_status FROM pharmacy_update "
    "WHERE pharmacy_id = :pharmacy_id AND event_id = ANY(:event_ids)"
)
_LOCK_PRESCRIPTIONS = text(
    """
    SELECT p.id FROM prescription p
    WHERE p.id IN (SELECT r.prescription_id FROM refill r WHERE r.id = ANY(:ids))
    ORDER BY p.id FOR NO KEY UPDATE OF p
    """
)
_LOCK_REFILLS = text(
    """
    SELECT r.id, r.kind, r.status, r.occurred_at, r.reserved, r.prescription_id, r.patient_id,
           r.pharmacy_id, r.requested_at, r.delivery, r.quantity_ready, r.quantity_dispensed,
           r.rest_due_at, p.quantity, p.days_supply, p.max_per_day, p.schedule, p.expires_on,
           p.last_filled_on, p.supply_days, pa.time_zone, ph.opening, ph.time_zone AS pharmacy_zone
    FROM refill r
    JOIN prescription p ON p.id = r.prescription_id
    JOIN patient pa ON pa.id = r.patient_id
    JOIN pharmacy ph ON ph.id = r.pharmacy_id
    WHERE r.id = ANY(:ids) AND r.status <> 'awaiting_prescriber'
    ORDER BY r.id FOR NO KEY UPDATE OF r
    """
)
_MOVE = text(
    """
    UPDATE refill r SET status = m.status, status_at = :now, occurred_at = m.occurred_at,
        reason_code = m.reason_code, expected_by = m.expected_by, expected_on = m.expected_on,
        quantity_ready = m.quantity_ready, quantity_dispensed = m.quantity_dispensed,
        rest_due_at = m.rest_due_at, fetched_at = coalesce(r.fetched_at, :now),
        carrier = coalesce(m.carrier, r.carrier),
        tracking_number = coalesce(m.tracking_number, r.tracking_number),
        next_step = m.next_step, reserved = m.reserved,
        closed_at = CASE WHEN m.expected_by IS NULL THEN CAST(:now AS timestamptz) END,
        cancel_answer = CASE WHEN r.cancel_asked_at IS NOT NULL THEN m.cancel_answer END,
        cancel_answered_at = CASE WHEN r.cancel_asked_at IS NOT NULL
                                  THEN CAST(:now AS timestamptz) END
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS m(
        id uuid, status text, occurred_at timestamptz, reason_code text, expected_by timestamptz,
        expected_on date, quantity_ready numeric, quantity_dispensed numeric,
        rest_due_at timestamptz, carrier text, tracking_number text, next_step text,
        reserved boolean, cancel_answer text)
    WHERE r.id = m.id
    """
)
_REMEMBER = text(
    """
    INSERT INTO refill_history (id, refill_id, patient_id, pharmacy_id, from_status, to_status, at,
                                actor_kind, actor_id, reason_code, note)
    SELECT h.id, h.refill_id, h.patient_id, h.pharmacy_id, h.from_status, h.to_status, :now,
           :actor_kind, :actor_id, h.reason_code, h.note
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS h(
        id uuid, refill_id uuid, patient_id uuid, pharmacy_id uuid, from_status text,
        to_status text, reason_code text, note text)
    """
)
# An early fill that was allowed is one: once something was handed over, it is asked anew.
# What was cancelled and handed over all the same takes its refill again; where none is left, it has
# the first that is given back.
_SETTLE_PRESCRIPTIONS = text(
    """
    UPDATE prescription p SET
        refills_used = least(p.refills_used + p.refills_beyond - s.refills, p.refills_authorized),
        refills_beyond = greatest(p.refills_used + p.refills_beyond - s.refills
                                  - p.refills_authorized, 0),
        first_fill_used = greatest(least(p.first_fill_used + p.first_fills_beyond - s.first_fills,
                                         1), (s.filled_on IS NOT NULL)::int),
        first_fills_beyond = greatest(p.first_fill_used + p.first_fills_beyond - s.first_fills
                                      - 1, 0),
        last_filled_on = s.filled_on, supply_days = s.supply_days,
        early_refill_until = CASE WHEN NOT s.handed THEN p.early_refill_until END,
        version = p.version + 1
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS s(
        id uuid, refills int, first_fills int, filled_on date, supply_days int, handed boolean)
    WHERE p.id = s.id
    """
)
_DISPENSE = text(
    """
    INSERT INTO dispense (id, prescription_id, refill_id, patient_id, pharmacy_id, quantity,
                          days_supply, dispensed_at)
    SELECT d.id, d.prescription_id, d.refill_id, d.patient_id, d.pharmacy_id, d.quantity,
           d.days_supply, d.dispensed_at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS d(
        id uuid, prescription_id uuid, refill_id uuid, patient_id uuid, pharmacy_id uuid,
        quantity numeric, days_supply int, dispensed_at timestamptz)
    """
)
_SETTLE_UPDATES = text(
    """
    UPDATE pharmacy_update u SET outcome = o.outcome, refill_status = o.refill_status,
                                 problem = o.problem
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS o(
        event_id text, outcome text, refill_status text, problem text)
    WHERE u.pharmacy_id = :pharmacy_id AND u.event_id = o.event_id
    """
)
_HEALTH = text("SELECT * FROM careloop_feed_health(:id)")
_UPDATES = text(
    """
    SELECT event_id, refill_id, content::text AS content, occurred_at, received_at, outcome,
           refill_status, problem
    FROM pharmacy_update
    WHERE pharmacy_id = :pharmacy_id
      AND (CAST(:outcome AS text) IS NULL OR outcome = :outcome)
      AND (CAST(:moment AS timestamptz) IS NULL
           OR (received_at, event_id) < (:moment, CAST(:event_id AS text)))
    ORDER BY received_at DESC, event_id DESC LIMIT :limit
    """
)
_ONE_UPDATE = text(
    "SELECT outcome, refill_id, refill_status, content::text AS content FROM pharmacy_update "
    "WHERE pharmacy_id = :pharmacy_id AND event_id = :event_id FOR UPDATE"
)
_WITHDRAW = text(
    "UPDATE pharmacy_update SET outcome = 'withdrawn' "
    "WHERE pharmacy_id = :pharmacy_id AND event_id = :event_id"
)
_PRESCRIPTION_OF_NUMBER = text("SELECT id FROM prescription WHERE refill_number = :number")
_SET_ASIDE = text(
    "SELECT u.pharmacy_id, u.event_id FROM refill r "
    "JOIN pharmacy_update u ON u.pharmacy_id = r.pharmacy_id "
    "AND u.outcome = 'quarantined' AND u.refill_id = r.id WHERE r.id = :id "
    "ORDER BY u.received_at DESC, u.event_id DESC LIMIT 1"
)


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps(rows, default=str).decode()


def refill_is_seen(session: Session, refill_id: UUID) -> Row[Any] | None:
    return session.execute(text("SELECT id FROM refill WHERE id = :id"), {"id": refill_id}).first()


def heard_update(session: Session, pharmacy_id: UUID, now: datetime) -> None:
    session.execute(_HEARD_UPDATE, {"id": pharmacy_id, "now": now})


def acknowledge(
    session: Session, pharmacy_id: UUID, refill_ids: Collection[UUID], now: datetime
) -> int:
    """Mark a pharmacy's orders of these refills as acknowledged."""
    values = {"pharmacy_id": pharmacy_id, "refill_ids": list(refill_ids), "now": now}
    return session.connection().execute(ACKNOWLEDGE, values).rowcount


def keep_updates(
    session: Session, pharmacy_id: UUID, rows: Sequence[Mapping[str, Any]], now: datetime
) -> set[str]:
    """Keep updates as they were received; returns the ids of those that are new."""
    values = {"pharmacy_id": pharmacy_id, "rows": _json(rows), "now": now}
    return {row.event_id for row in session.execute(_KEEP, values)}


def kept_updates(
    session: Session, pharmacy_id: UUID, event_ids: Collection[str]
) -> dict[str, Row[Any]]:
    values = {"pharmacy_id": pharmacy_id, "event_ids": list(event_ids)}
    return {row.event_id: row for row in session.execute(_KEPT, values)}


def lock_refills(session: Session, ids: Collection[UUID]) -> dict[UUID, Row[Any]]:
    """Lock refills that the pharmacy holds, their prescriptions first, each in id order."""
    if not ids:
        return {}
    session.execute(_LOCK_PRESCRIPTIONS, {"ids": list(ids)})
    return {row.id: row for row in session.execute(_LOCK_REFILLS, {"ids": list(ids)})}


def write_moves(
    session: Session,
    actor: Actor,
    *,
    refills: Sequence[Mapping[str, Any]],
    history: Sequence[Mapping[str, Any]],
    prescriptions: Sequence[Mapping[str, Any]],
    dispenses: Sequence[Mapping[str, Any]],
    now: datetime,
) -> None:
    """Write what a batch of updates moved: a statement for each table that it touches."""
    common = {"actor_kind": actor.kind, "actor_id": actor.id, "now": now}
    for statement, rows in (
        (_MOVE, refills),
        (_REMEMBER, history),
        (_SETTLE_PRESCRIPTIONS, prescriptions),
        (_DISPENSE, dispenses),
    ):
        if rows:
            session.execute(statement, {**common, "rows": _json(rows)})


def settle_updates(session: Session, pharmacy_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep what became of updates."""
    if rows:
        session.execute(_SETTLE_UPDATES, {"pharmacy_id": pharmacy_id, "rows": _json(rows)})


def set_aside(session: Session, refill_id: UUID) -> Row[Any] | None:
    """The newest update of a refill that is still in quarantine, by pharmacy and event id: neither
    replayed nor withdrawn."""
    return session.execute(_SET_ASIDE, {"id": refill_id}).first()


def health(session: Session, pharmacy_id: UUID) -> Row[Any] | None:
    """How a pharmacy's connection is."""
    return session.execute(_HEALTH, {"id": pharmacy_id}).first()


def updates(
    session: Session,
    pharmacy_id: UUID,
    *,
    outcome: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """The updates that a pharmacy sent, newest first."""
    moment, event_id = after or (None, None)
    values = {
        "pharmacy_id": pharmacy_id,
        "outcome": outcome,
        "moment": moment,
        "event_id": event_id,
        "limit": limit + 1,
    }
    return session.execute(_UPDATES, values).all()


def update(session: Session, pharmacy_id: UUID, event_id: str) -> Row[Any] | None:
    """One update as it was received, locked."""
    values = {"pharmacy_id": pharmacy_id, "event_id": event_id}
    return session.execute(_ONE_UPDATE, values).first()


def withdraw_update(session: Session, pharmacy_id: UUID, event_id: str) -> None:
    session.execute(_WITHDRAW, {"pharmacy_id": pharmacy_id, "event_id": event_id})


def prescription_of(session: Session, refill_number: str) -> UUID | None:
    """The prescription with this number on its label, where the pharmacy may see it."""
    row = session.execute(_PRESCRIPTION_OF_NUMBER, {"number": refill_number}).first()
    return row.id if row else None
