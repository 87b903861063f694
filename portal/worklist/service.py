"""Opening, closing and routing work items: what the other slices and the workers ask for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import WORKER, Actor
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.directory.rules import CoverageStep
from portal.patients import deaths
from portal.patients.deaths import PatientDeath
from portal.worklist import queries, rules, statements
from portal.worklist.answering import Reassign, claim, complete, reassign, release
from portal.worklist.errors import OpeningLost
from portal.worklist.escalation import escalate_due, follow_coverage, told_of
from portal.worklist.queries import item_about, open_subjects
from portal.worklist.rules import Hop
from portal.worklist.states import WORK_ITEM, Priority, WorkItemKind, WorkItemStatus
from portal.worklist.whose import Owner, who_answers

__all__ = [
    "NewItem",
    "Reassign",
    "ask_pool",
    "cancel_for_deceased",
    "claim",
    "close_item",
    "complete",
    "escalate_due",
    "follow_coverage",
    "item_about",
    "open_for_operations",
    "open_item",
    "open_items",
    "open_subjects",
    "put_off",
    "raise_priority",
    "reassign",
    "release",
    "route_item",
    "route_items",
    "told_of",
    "was_asked",
]

TRIES = 3


@dataclass(frozen=True, slots=True)
class NewItem:
    """A loop to be opened: what it is about, who answers for it, and by when."""

    kind: WorkItemKind
    subject_id: UUID
    patient_id: UUID | None
    responsible_id: UUID | None
    pool_id: UUID
    priority: Priority
    due_at: datetime
    alternate_ids: Sequence[UUID] = ()
    cause_id: UUID | None = None


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
    alternate_ids: Sequence[UUID] = (),
    cause_id: UUID | None = None,
) -> UUID:
    """The open item of this subject: a new one, left to the workers to route, or the one there is.

    It is with the pool until it is routed; where who is responsible doesn't answer in time, the
    alternates are asked one after another, then the pool, then its lead. `actor` is whoever gave
    cause for it. `cause_id` is what happened, where several things may ask for one item: of each
    that comes while it is open, whoever has the item is told, and has to have seen it to complete
    the item. For the workers.
    """
    item = NewItem(
        kind,
        subject_id,
        patient_id,
        responsible_id,
        pool_id,
        priority,
        due_at,
        alternate_ids,
        cause_id,
    )
    return open_items(session=session, actor=actor, items=[item], now=now)[0]


def ask_pool(
    *,
    session: Session,
    kind: WorkItemKind,
    subject_id: UUID,
    patient_id: UUID | None,
    pool_id: UUID,
    priority: Priority,
    now: datetime,
    responsible_id: UUID | None = None,
    cause_id: UUID | None = None,
) -> UUID:
    """The open item of this subject, as open_item() gives it: the workers ask a pool, or somebody
    of it, in the usual time for its priority by the pool's calendar."""
    calendar = directory.calendar_of_pool(session, pool_id)
    return open_item(
        session=session,
        actor=WORKER,
        kind=kind,
        subject_id=subject_id,
        patient_id=patient_id,
        responsible_id=responsible_id,
        pool_id=pool_id,
        priority=priority,
        due_at=rules.due_at(calendar, priority, now),
        now=now,
        cause_id=cause_id,
    )


def open_for_operations(
    *, session: Session, kind: WorkItemKind, subject_id: UUID, priority: Priority, now: datetime
) -> UUID:
    """An item about what belongs to no patient, for a clinic's staff. Raises NoPool."""
    return ask_pool(
        session=session,
        kind=kind,
        subject_id=subject_id,
        patient_id=None,
        pool_id=directory.operations_pool(session),
        priority=priority,
        now=now,
    )


def open_items(
    *, session: Session, actor: Actor, items: Sequence[NewItem], now: datetime
) -> list[UUID]:
    """The open item of each subject, as open_item() gives it; one statement for any number."""
    rows = [{"id": new_id(), **asdict(item)} for item in items]
    written = statements.insert_items(session, rows, now) if rows else 0
    ids = [row["id"] for row in rows]
    if written < len(rows):
        ids = [_there_or_written(session, actor, row, now) for row in rows]
    for row, item_id in zip(rows, ids, strict=True):
        if row["id"] == item_id:
            outbox.emit(session, "work_item.opened", now=now, work_item_id=item_id)
    return ids


def _there_or_written(session: Session, actor: Actor, row: dict[str, Any], now: datetime) -> UUID:
    for _ in range(TRIES):
        there = queries.open_item_of(session, row["kind"], row["subject_id"])
        if there is not None and row["cause_id"] is not None:
            _ask_again(session, actor, there, row, now)
            there = queries.open_item_of(session, row["kind"], row["subject_id"])
        if there is not None:
            return there
        # What stood in the way was closed just now.
        statements.insert_items(session, [row], now)
    raise OpeningLost()


def _ask_again(
    session: Session, actor: Actor, item_id: UUID, row: dict[str, Any], now: datetime
) -> None:
    item = statements.ask_again(session, item_id, row, now)
    if item is not None and item.is_routed:
        hops = [Hop(item.holder_id, rules.ASKED_AGAIN)]
        move = statements.Move(item.id, item.patient_id, item.pool_id, hops, item.escalation_level)
        statements.write_hops(session, actor, [move], now)


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


def cancel_for_deceased(
    *, session: Session, death: PatientDeath, kinds: Collection[WorkItemKind], now: datetime
) -> None:
    """Nobody has to do for a patient any more what items of these kinds asked for: they have died.
    For the workers."""
    closing = {"now": now, "closed_by": WORKER.id, "outcome": deaths.PATIENT_DIED}
    for row in statements.close_items_of(session, death.patient_id, kinds, closing):
        deaths.note_step(session, death, row.kind, row.subject_id, "open", now)


def was_asked(session: Session, kind: WorkItemKind, subject_id: UUID) -> bool:
    """Whether there is or was an item of this kind about something."""
    return queries.had_item(session, kind, subject_id)


def raise_priority(
    *, session: Session, kind: WorkItemKind, subject_id: UUID, priority: Priority, due_at: datetime
) -> bool:
    """Make the open item of this subject more pressing, due by `due_at`; False when there is none,
    or it is as pressing already."""
    return statements.raise_item(session, kind, subject_id, priority, due_at) == 1


def put_off(*, session: Session, kind: WorkItemKind, subject_id: UUID, due_at: datetime) -> bool:
    """Have the open item of this subject due at another time, with whom it is; False when there is
    none (any more)."""
    return statements.put_off(session, kind, subject_id, due_at) == 1


def route_item(*, session: Session, actor: Actor, item_id: UUID, now: datetime) -> None:
    """Give an item to who is responsible, who covers, or the pool. Twice is the same as once."""
    route_items(session=session, actor=actor, item_ids=[item_id], now=now)


def route_items(
    *, session: Session, actor: Actor, item_ids: Collection[UUID], now: datetime
) -> int:
    """Route those of the items that are not yet; returns how many. Four statements for any number,
    and a few for each patient whose care somebody has ended: who answers now gets their items.

    An item that somebody was given or claimed meanwhile stays with them.
    """
    items = queries.lock_unrouted(session, item_ids)
    owners = _owners(session, items)
    responsible = {one.practitioner_id for one in owners.values() if one.practitioner_id}
    chains = directory.coverage_chains(session, responsible, now) if responsible else {}
    moves = [
        statements.Move(
            item_id=item.id,
            patient_id=item.patient_id,
            pool_id=owners[item.id].pool_id,
            hops=_way(item, owners[item.id], chains),
        )
        for item in items
    ]
    by_item = {item.id: owners[item.id].practitioner_id or item.responsible_id for item in items}
    statements.write_routes(session, actor, moves, by_item, now)
    return len(moves)


def _owners(session: Session, items: Sequence[Row[Any]]) -> dict[UUID, Owner]:
    """Who answers for each item: who is responsible, unless their care of the patient ended."""
    left = {item.patient_id for item in items if item.care_ended}
    now_by = {patient_id: who_answers(session, patient_id) for patient_id in sorted(left)}
    return {
        item.id: now_by[item.patient_id]
        if item.care_ended
        else Owner(item.responsible_id, item.pool_id)
        for item in items
    }


def _way(
    item: Row[Any], owner: Owner, chains: Mapping[UUID, Sequence[CoverageStep]]
) -> Sequence[Hop]:
    if item.claimed_by is not None or item.assignee_id is not None:
        return []
    chain = chains.get(owner.practitioner_id, []) if owner.practitioner_id else []
    return rules.route(chain, care_ended=item.care_ended)
