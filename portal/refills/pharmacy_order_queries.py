"""What pharmacies read of their orders, and who has seen whose they are."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from portal.refills.states import HOLDABLE

_ORDER = """
    SELECT o.id, o.xact::text AS xact, o.kind, o.refill_id, o.created_at, o.acknowledged_at,
           r.status, r.kind AS refill_kind, r.delivery, r.note, r.patient_id,
           r.fetched_at, p.refill_number, p.rxnorm_code, p.drug_name, p.strength, p.form,
           p.directions,
           p.quantity, p.unit, p.days_supply, p.max_per_day, p.schedule, p.written_on, p.expires_on,
           pa.given_name, pa.family_name, pa.birth_date, pa.phone, pa.line, pa.city, pa.state,
           pa.postal_code, pr.name AS prescriber_name, pr.npi
    FROM pharmacy_order o
    LEFT JOIN refill r ON r.id = o.refill_id
    LEFT JOIN prescription p ON p.id = r.prescription_id
    LEFT JOIN patient pa ON pa.id = r.patient_id
    LEFT JOIN practitioner pr ON pr.id = p.prescriber_id
"""
# An order is handed out only once nothing that still runs could commit one before it: a cursor
# never passes over an order.
_SETTLED = "o.xact < pg_snapshot_xmin(pg_current_snapshot())"
# What was taken back, or is about to be since its prescription was stopped or put on hold, or went
# elsewhere, is no longer the pharmacy's to see: of its order the `cancel` alone remains.
_HELD_BACK = ", ".join(f"'{status}'" for status in sorted(HOLDABLE))
_TO_BE_SEEN = f"""
    (o.kind = 'cancel' OR (r.status NOT IN ('cancelled', 'held') AND p.status <> 'stopped'
        AND NOT (p.status = 'on_hold' AND r.status IN ({_HELD_BACK}))))
"""
_FEED = text(
    f"""
    {_ORDER} WHERE o.pharmacy_id = :pharmacy_id AND {_SETTLED} AND {_TO_BE_SEEN}
      AND (o.xact, o.id) > (CAST(CAST(:xact AS text) AS xid8), :id)
    ORDER BY o.xact, o.id LIMIT :limit
    """
)
_WAITING = text(
    f"""
    {_ORDER} WHERE o.pharmacy_id = :pharmacy_id AND o.acknowledged_at IS NULL AND {_SETTLED}
      AND {_TO_BE_SEEN}
    ORDER BY o.xact, o.id LIMIT :limit
    """
)
# Waits for whoever is about to take an order back, and then leaves it out.
_MARK_FETCHED = text(
    """
    WITH seen AS (
        SELECT id FROM refill WHERE id = ANY(:ids) AND pharmacy_id = :pharmacy_id
          AND status NOT IN ('cancelled', 'held')
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE refill SET fetched_at = coalesce(fetched_at, :now) FROM seen WHERE refill.id = seen.id
    RETURNING refill.id
    """
)
_WAS_SENT = text(
    "SELECT 1 FROM pharmacy_order WHERE refill_id = :refill_id AND pharmacy_id = :pharmacy_id"
)
_HEARD_PULL = text(
    """
    INSERT INTO pharmacy_feed (pharmacy_id, last_pull_at) VALUES (:id, :now)
    ON CONFLICT (pharmacy_id) DO UPDATE SET last_pull_at = :now
    WHERE pharmacy_feed.last_pull_at IS NULL
       OR pharmacy_feed.last_pull_at < CAST(:now AS timestamptz) - interval '1 minute'
    """
)


def orders(
    session: Session, pharmacy_id: UUID, *, after: tuple[int, UUID] | None, limit: int
) -> Sequence[Row[Any]]:
    """A pharmacy's orders after a cursor; without one, those not acknowledged yet."""
    values: dict[str, Any] = {"pharmacy_id": pharmacy_id, "limit": limit}
    if after is None:
        return session.execute(_WAITING, values).all()
    xact, id_ = after
    return session.execute(_FEED, {**values, "xact": str(xact), "id": id_}).all()


def mark_fetched(
    session: Session, pharmacy_id: UUID, refill_ids: Collection[UUID], now: datetime
) -> set[UUID]:
    """Keep that a pharmacy gets to see whose orders these are; returns those that it still may."""
    values = {"pharmacy_id": pharmacy_id, "ids": list(refill_ids), "now": now}
    return {row.id for row in session.execute(_MARK_FETCHED, values)}


def was_sent(session: Session, pharmacy_id: UUID, refill_id: UUID) -> bool:
    """Whether a pharmacy ever was sent an order of this refill, wherever it is now."""
    values = {"pharmacy_id": pharmacy_id, "refill_id": refill_id}
    return session.execute(_WAS_SENT, values).first() is not None


def heard_pull(session: Session, pharmacy_id: UUID, now: datetime) -> None:
    session.execute(_HEARD_PULL, {"id": pharmacy_id, "now": now})
