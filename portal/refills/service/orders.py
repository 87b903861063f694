"""The pharmacies' pull feed and its acknowledgement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.refills import pharmacy_order_queries, pharmacy_queries
from portal.refills.errors import RefillNotFound
from portal.refills.pharmacy_model import OrderKind
from portal.refills.service import moves
from portal.refills.states import RefillStatus

WITHDRAWN = "withdrawn"


class OrderRow(NamedTuple):
    """An order, and whether the pharmacy may see more of it than its ids."""

    row: Row[Any]
    whole: bool


def read_orders(
    *,
    session: Session,
    actor: Actor,
    after: tuple[int, UUID] | None,
    limit: int,
    now: datetime,
) -> Sequence[OrderRow]:
    """A page of the pharmacy's feed; whose data were on it is audited.

    From here on the pharmacy knows whose orders these are, unless one was taken back just now: it
    then has its ids alone.
    """
    rows = pharmacy_order_queries.orders(session, actor.id, after=after, limit=limit)
    pharmacy_order_queries.heard_pull(session, actor.id, now)
    orders = {row.refill_id for row in rows if row.kind != OrderKind.CANCEL}
    new = sorted({row.refill_id for row in rows if row.fetched_at is None} & orders)
    gone = (
        set(new) - pharmacy_order_queries.mark_fetched(session, actor.id, new, now)
        if new
        else set()
    )
    left = {row.id for row in rows if row.kind == OrderKind.CANCEL or row.refill_id in gone}
    page = [OrderRow(row, row.id not in left) for row in rows]
    for row, whole in page:
        if whole:
            audit.record(
                session,
                actor,
                "read",
                "pharmacy_order",
                patient_id=row.patient_id,
                resource_id=row.id,
                at=now,
            )
    return page


def acknowledge(*, session: Session, actor: Actor, refill_id: UUID, now: datetime) -> str:
    """The pharmacy has an order; returns where the refill stands now. Twice is the same as once.

    A refill that went elsewhere meanwhile is `withdrawn`. Raises RefillNotFound for one that the
    pharmacy was never sent.
    """
    pharmacy_queries.acknowledge(session, actor.id, [refill_id], now)
    try:
        locked = moves.lock(session, refill_id)
    except RefillNotFound:
        if pharmacy_order_queries.was_sent(session, actor.id, refill_id):
            return WITHDRAWN
        raise
    locked.refill.fetched_at = locked.refill.fetched_at or now
    if locked.refill.status == RefillStatus.SENDING:
        moves.move(session, locked, RefillStatus.WITH_PHARMACY, actor=actor, now=now)
        session.flush()
    return str(locked.refill.status)
