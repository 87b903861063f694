"""Opening, closing and routing work items: what the other slices and the workers ask for."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import Actor
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.worklist import queries, rules, statements
from portal.worklist.errors import OpeningLost
from portal.worklist.states import WORK_ITEM, Priority, WorkItemKind, WorkItemStatus

TRIES = 3


def open_item(
    *,
    session: Session,
    actor: Actor,
    kind: WorkItemKind,
    subject_id: UUID,
    patient_id: UUID | None,
    responsible_id: UUID | None,
    pool_id: UUID,
    priority: Priority,
    due_at: datetime,
    now: datetime,
) -> UUID:
    """The open item of this subject: a new one, left to the workers to route, or the one there is.

    It is with the pool until it is routed; `actor` is whoever gave cause for it.
    """
    item_id = new_id()
    item = {
        "id": item_id,
        "kind": kind,
        "subject_id": subject_id,
        "patient_id": patient_id,
        "responsible_id": responsible_id,
        "pool_id": pool_id,
        "priority": priority,
        "due_at": due_at,
        "now": now,
    }
    for _ in range(TRIES):
        if statements.insert_item(session, item):
            outbox.emit(session, "work_item.opened", now=now, work_item_id=item_id)
            return item_id
        if (there := queries.open_item_of(session, kind, subject_id)) is not None:
            return there
    raise OpeningLost()


def close_item(
    *,
    session: Session,
    actor: Actor,
    kind: WorkItemKind,
    subject_id: UUID,
    outcome: str,
    now: datetime,
    cancelled: bool = False,
) -> bool:
    """Close the open item of this subject; False when there is none (any more)."""
    status = WorkItemStatus.CANCELLED if cancelled else WorkItemStatus.DONE
    WORK_ITEM.check(WorkItemStatus.OPEN, status, actor.kind)
    closing = {"status": status, "now": now, "closed_by": actor.id, "outcome": outcome}
    return statements.close_items(session, kind, [subject_id], closing) == 1


def route_item(*, session: Session, actor: Actor, item_id: UUID, now: datetime) -> None:
    """Give an item to who is responsible, who covers, or the pool. Twice is the same as once."""
    route_items(session=session, actor=actor, item_ids=[item_id], now=now)


def route_items(
    *, session: Session, actor: Actor, item_ids: Collection[UUID], now: datetime
) -> int:
    """Route those of the items that are not yet; returns how many. Four statements for any number.

    An item that somebody claimed meanwhile stays with them.
    """
    items = queries.lock_unrouted(session, item_ids)
    responsible = {item.responsible_id for item in items if item.responsible_id}
    chains = directory.coverage_chains(session, responsible, now) if responsible else {}
    moves = [
        statements.Move(
            item_id=item.id,
            patient_id=item.patient_id,
            pool_id=item.pool_id,
            hops=[] if item.claimed_by else rules.route(chains.get(item.responsible_id, [])),
        )
        for item in items
    ]
    statements.write_routes(session, actor, moves, now)
    return len(moves)
