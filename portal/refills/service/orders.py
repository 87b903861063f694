"""The pharmacies' pull feed and its acknowledgement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.refills import pharmacy_queries as queries
from portal.refills.errors import RefillNotFound
from portal.refills.service import moves
from portal.refills.states import RefillStatus

WITHDRAWN = "withdrawn"


def read_orders(
    *,
    session: Session,
    actor: Actor,
    after: tuple[int, UUID] | None,
    limit: int,
    now: datetime,
) -> Sequence[Row[Any]]:
    """A page of the pharmacy's feed; whose data were on it is audited."""
    rows = queries.orders(session, actor.id, after=after, limit=limit)
    queries.heard_pull(session, actor.id, now)
    for row in rows:
        if row.patient_id is not None:
            audit.record(
                session,
                actor,
                "read",
                "pharmacy_order",
                patient_id=row.patient_id,
                resource_id=row.id,
                at=now,
            )
    return rows


def acknowledge(*, session: Session, actor: Actor, refill_id: UUID, now: datetime) -> str:
    """The pharmacy has an order; returns where the refill stands now. Twice is the same as once.

    A refill that went elsewhere meanwhile is `withdrawn`. Raises RefillNotFound for one that the
    pharmacy was never sent.
    """
    acknowledged = queries.acknowledge(session, actor.id, [refill_id], now)
    try:
        locked = moves.lock(session, refill_id)
    except RefillNotFound:
        if acknowledged:
            return WITHDRAWN
        raise
    if locked.refill.status == RefillStatus.SENDING:
        moves.move(session, locked, RefillStatus.WITH_PHARMACY, actor=actor, now=now)
        session.flush()
    return str(locked.refill.status)
