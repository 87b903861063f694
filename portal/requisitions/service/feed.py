"""The laboratories' pull feed and its acknowledgement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.requisitions import laboratory_queries
from portal.requisitions.errors import RequisitionNotFound
from portal.requisitions.service import moves
from portal.requisitions.service.progress import advance
from portal.requisitions.states import RequisitionStatus

WITHDRAWN = "withdrawn"


def read_orders(
    *,
    session: Session,
    actor: Actor,
    after: tuple[int, UUID] | None,
    limit: int,
    now: datetime,
) -> Sequence[Row[Any]]:
    """A page of the laboratory's feed; whose data were on it is audited."""
    rows = laboratory_queries.entries(session, actor.id, after=after, limit=limit)
    laboratory_queries.heard(session, actor.id, now)
    for row in rows:
        if row.patient_id is not None:
            audit.record(
                session,
                actor,
                "read",
                "laboratory_order",
                patient_id=row.patient_id,
                resource_id=row.requisition_id,
                at=now,
            )
    return rows


def acknowledge(
    *,
    session: Session,
    actor: Actor,
    requisition_id: UUID,
    filler_number: str | None,
    now: datetime,
) -> str:
    """The laboratory has an order; returns where it stands now. Twice is the same as once.

    One that went elsewhere meanwhile is `withdrawn`. Raises RequisitionNotFound for one that the
    laboratory was never sent.
    """
    # The requisition before its messages: everybody locks the two in this order.
    try:
        requisition = moves.lock(session, requisition_id)
    except RequisitionNotFound:
        if laboratory_queries.acknowledge(session, actor.id, requisition_id, now):
            return WITHDRAWN
        raise
    laboratory_queries.acknowledge(session, actor.id, requisition_id, now)
    advance(
        session,
        requisition,
        RequisitionStatus.ACCEPTED,
        actor=actor,
        now=now,
        filler_number=filler_number,
    )
    session.flush()
    return str(requisition.status)
