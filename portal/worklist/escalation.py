"""Steps that items take by themselves: up when they are late, across when somebody goes away."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.directory import service as directory
from portal.directory.rules import Calendar
from portal.worklist import queries, rules, statements
from portal.worklist.states import Priority, WorkItemKind


def escalate_due(*, session: Session, actor: Actor, now: datetime, limit: int) -> int:
    """Move what is past its due time one step up, and give it a new one; returns how many.

    Practitioner, then pool, then the pool's lead; there it stays, and the lead is reminded.
    """
    items = queries.due(session, now, limit)
    if not items:
        return 0
    calendars = directory.calendars_of(session, {item.clinic_id for item in items})
    moves = [_step_up(item) for item in items]
    due_at = {item.id: _next_due(item, calendars[item.clinic_id], now) for item in items}
    statements.write_escalations(session, actor, moves, due_at, now)
    return len(items)


def _step_up(item: Row[Any]) -> statements.Move:
    hop = rules.step_up(
        assignee_id=item.claimed_by or item.assignee_id,
        lead_id=item.lead_id,
        level=item.escalation_level,
        alternates=item.alternate_ids,
    )
    return statements.Move(
        item_id=item.id,
        patient_id=item.patient_id,
        pool_id=item.pool_id,
        hops=[hop],
        escalation_level=item.escalation_level + 1,
    )


def _next_due(item: Row[Any], calendar: Calendar, now: datetime) -> datetime:
    kind, priority = WorkItemKind(item.kind), Priority(item.priority)
    return rules.step_due_at(calendar, kind, priority, now)


def follow_coverage(*, session: Session, actor: Actor, coverage_id: UUID, now: datetime) -> int:
    """Coverage began, ended or was called off: unclaimed items go to who answers now."""
    away = directory.get_coverage(session, coverage_id).practitioner_id
    chain = directory.coverage_chain(session, away, now)
    hops = rules.route(chain)
    moves = [
        statements.Move(item.id, item.patient_id, item.pool_id, hops[-1:])
        for item in queries.routed_by_responsible(session, away)
        if item.assignee_id != hops[-1].assignee_id
    ]
    statements.write_reroutes(session, actor, moves, now)
    return len(moves)


def told_of(session: Session, hop_id: UUID) -> tuple[Row[Any], dict[str, list[UUID]]] | None:
    """An item's hop and whom it concerns, by their kind; None when the item has moved on."""
    item = queries.assigned(session, hop_id)
    if item is None or item.status not in ("open", "claimed"):
        return None
    people: dict[str, list[UUID]] = {"practitioner": [], "staff": []}
    if item.assignee_id is None:
        for member in queries.members(session, item.pool_id):
            people[member.member_kind].append(member.member_id)
        return item, people
    people["practitioner" if item.to_practitioner else "staff"].append(item.assignee_id)
    escalated = item.escalation_level > 0 and item.responsible_id is not None
    if escalated and item.responsible_id not in people["practitioner"]:
        people["practitioner"].append(item.responsible_id)
    return item, people
