"""Items of somebody who has left go to who takes over, else to the team; and what nobody else could
be given becomes an item."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.directory import departures
from portal.directory.departure_model import Departure
from portal.worklist import service, statements
from portal.worklist.rules import Hop
from portal.worklist.states import Priority, WorkItemKind

DEPARTED = "departed"
_HELD = text(
    """
    SELECT id, patient_id, pool_id, assignee_id = :id OR claimed_by = :id AS is_theirs
    FROM work_item
    WHERE status IN ('open', 'claimed')
      AND :id IN (assignee_id, claimed_by, responsible_id) OR
          status IN ('open', 'claimed') AND :id = ANY(alternate_ids)
    ORDER BY id LIMIT :limit FOR UPDATE
    """
)
_HAND_OVER = text(
    """
    UPDATE work_item SET
        responsible_id = CASE WHEN responsible_id = :id THEN :to ELSE responsible_id END,
        assignee_id = CASE WHEN :id IN (assignee_id, claimed_by) THEN :to ELSE assignee_id END,
        status = CASE WHEN claimed_by = :id THEN 'open' ELSE status END,
        claimed_by = nullif(claimed_by, :id),
        alternate_ids = array_remove(alternate_ids, :id),
        routed_at = coalesce(routed_at, :now), version = version + 1
    WHERE id = ANY(:ids)
    """
)


def hand_over(*, session: Session, departure: Departure, now: datetime, limit: int) -> int:
    """Open items that are with who left, or would come to them. Returns how many."""
    values = {"id": departure.subject_id, "to": departure.successor_id, "now": now}
    items = session.execute(_HELD, {**values, "limit": limit}).all()
    if items:
        session.execute(_HAND_OVER, {**values, "ids": [item.id for item in items]})
        moves = [_move(item, departure) for item in items if item.is_theirs]
        statements.write_hops(session, WORKER, moves, now)
    return len(items)


def _move(item: Row[tuple[UUID, UUID, UUID, bool]], departure: Departure) -> statements.Move:
    hop = Hop(departure.successor_id, DEPARTED)
    return statements.Move(item.id, item.patient_id, item.pool_id, [hop])


def leave_to_person(
    *,
    session: Session,
    departure: Departure,
    resource: str,
    subject_id: UUID,
    patient_id: UUID,
    pool_id: UUID,
    why: str,
    now: datetime,
    responsible_id: UUID | None = None,
) -> None:
    """Nobody else could be given this: it is listed, and a person is asked, once."""
    departures.note_left(session, departure, resource, subject_id, why, now)
    service.ask_pool(
        session=session,
        kind=WorkItemKind.REROUTING,
        subject_id=subject_id,
        patient_id=patient_id,
        responsible_id=responsible_id,
        pool_id=pool_id,
        priority=Priority.URGENT,
        now=now,
        cause_id=departure.id,
    )
