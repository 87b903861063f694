"""The hot writes of the worklist, set-based: one round trip for one item or ten thousand."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import orjson
from sqlalchemy import CursorResult, Row, TextClause, text
from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import Actor
from portal.core.ids import new_id
from portal.worklist.rules import Hop
from portal.worklist.states import Priority

# Without an arbiter and without RETURNING: a pharmacy may write items, but not read them.
_INSERT = text(
    """
    INSERT INTO work_item (id, kind, subject_id, patient_id, status, priority, responsible_id,
                           alternate_ids, pool_id, due_at, cause_ids, created_at)
    SELECT id, kind, subject_id, patient_id, 'open', priority, responsible_id,
           coalesce(alternate_ids, '{}'), pool_id, due_at, array_remove(ARRAY[cause_id], NULL), :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id uuid, kind text, subject_id uuid, patient_id uuid, priority text, responsible_id uuid,
        alternate_ids uuid[], pool_id uuid, due_at timestamptz, cause_id uuid)
    ON CONFLICT DO NOTHING
    """
)
# Something else asks for what is asked already: whoever has it has not seen that yet.
_ASK_AGAIN = text(
    """
    UPDATE work_item SET cause_ids = cause_ids || CAST(:cause_id AS uuid), asked_again_at = :now,
           version = version + 1, due_at = least(due_at, :due_at),
           priority = CASE WHEN priority = ANY(:lower) THEN :priority ELSE priority END
    WHERE id = :id AND status IN ('open', 'claimed') AND NOT :cause_id = ANY(cause_ids)
    RETURNING id, patient_id, pool_id, coalesce(claimed_by, assignee_id) AS holder_id,
              escalation_level, routed_at IS NOT NULL AS is_routed
    """
)
_CLOSE = text(
    """
    UPDATE work_item SET status = :status, closed_at = :now, closed_by = :closed_by,
                         outcome = :outcome, version = version + 1
    WHERE kind = :kind AND subject_id = ANY(:subject_ids) AND status IN ('open', 'claimed')
    """
)
_CLOSE_OF_PATIENT = text(
    """
    UPDATE work_item SET status = 'cancelled', closed_at = :now, closed_by = :closed_by,
                         outcome = :outcome, version = version + 1
    WHERE patient_id = :patient_id AND kind = ANY(:kinds) AND status IN ('open', 'claimed')
    RETURNING kind, subject_id
    """
)
_RAISE = text(
    """
    UPDATE work_item SET priority = :priority, due_at = least(due_at, :due_at),
                         version = version + 1
    WHERE kind = :kind AND subject_id = :subject_id AND status IN ('open', 'claimed')
      AND priority = ANY(:lower)
    """
)
_PUT_OFF = text(
    """
    UPDATE work_item SET due_at = :due_at, version = version + 1
    WHERE kind = :kind AND subject_id = :subject_id AND status IN ('open', 'claimed')
    """
)
_ROUTE = text(
    """
    UPDATE work_item w SET assignee_id = coalesce(r.assignee_id, w.assignee_id), routed_at = :now,
                           responsible_id = r.responsible_id, pool_id = r.pool_id,
                           version = w.version + 1
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id uuid, assignee_id uuid, responsible_id uuid, pool_id uuid)
    WHERE w.id = r.id
    """
)
# A step up frees the item: who had it did not answer, and whoever gets it may claim it.
_ESCALATE = text(
    """
    UPDATE work_item w SET assignee_id = r.assignee_id, claimed_by = NULL, status = 'open',
                           due_at = r.due_at, escalation_level = r.escalation_level,
                           routed_at = coalesce(w.routed_at, :now), version = w.version + 1
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id uuid, assignee_id uuid, due_at timestamptz, escalation_level int)
    WHERE w.id = r.id
    """
)
_REROUTE = text(
    """
    UPDATE work_item w SET assignee_id = r.assignee_id, version = w.version + 1
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, assignee_id uuid)
    WHERE w.id = r.id
    """
)
_HOPS = text(
    """
    INSERT INTO work_item_hop (id, work_item_id, patient_id, at, assignee_id, pool_id,
                               escalation_level, reason, actor_kind, actor_id)
    SELECT r.id, r.work_item_id, r.patient_id, :now, r.assignee_id, r.pool_id,
           r.escalation_level, r.reason, :actor_kind, :actor_id
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id uuid, work_item_id uuid, patient_id uuid, assignee_id uuid, pool_id uuid,
        escalation_level int, reason text)
    """
)


@dataclass(frozen=True, slots=True)
class Move:
    """The steps that an item takes at once; none where it stays with whom it is."""

    item_id: UUID
    patient_id: UUID | None
    pool_id: UUID
    hops: Sequence[Hop]
    escalation_level: int = 0


def _run(session: Session, statement: TextClause, values: Mapping[str, Any]) -> int:
    return cast(CursorResult[Any], session.execute(statement, values)).rowcount


def insert_items(session: Session, rows: Sequence[Mapping[str, Any]], now: datetime) -> int:
    """How many were written: an item whose subject has an open one is left out."""
    return _run(session, _INSERT, {"rows": _json(rows), "now": now})


def ask_again(
    session: Session, item_id: UUID, row: Mapping[str, Any], now: datetime
) -> Row[Any] | None:
    """Note in an open item that something else asks for it, as urgently as `row` says; None where
    it is known, or the item was closed meanwhile."""
    values = {
        "id": item_id,
        "cause_id": row["cause_id"],
        "priority": row["priority"],
        "lower": _lower(row["priority"]),
        "due_at": row["due_at"],
        "now": now,
    }
    return session.execute(_ASK_AGAIN, values).first()


def _lower(priority: Priority) -> list[str]:
    rising = list(Priority)
    return [lower.value for lower in rising[: rising.index(priority)]]


def close_items(
    session: Session, kind: str, subject_ids: Collection[UUID], closing: Mapping[str, Any]
) -> int:
    """Close the open items of these subjects; returns how many there were."""
    return _run(session, _CLOSE, {**closing, "kind": kind, "subject_ids": list(subject_ids)})


def close_items_of(
    session: Session, patient_id: UUID, kinds: Collection[str], values: Mapping[str, Any]
) -> Sequence[Row[Any]]:
    """Cancel a patient's open items of these kinds; returns kind and subject of each."""
    given = {"patient_id": patient_id, "kinds": list(kinds), **values}
    return session.execute(_CLOSE_OF_PATIENT, given).all()


def raise_item(
    session: Session, kind: str, subject_id: UUID, priority: Priority, due_at: datetime
) -> int:
    """How many were made more pressing: an item that is as pressing already stays."""
    values = {"kind": kind, "subject_id": subject_id, "priority": priority, "due_at": due_at}
    return _run(session, _RAISE, {**values, "lower": _lower(priority)})


def put_off(session: Session, kind: str, subject_id: UUID, due_at: datetime) -> int:
    """Give the open item of this subject another due time; returns how many there were."""
    values = {"kind": kind, "subject_id": subject_id, "due_at": due_at}
    return _run(session, _PUT_OFF, values)


def write_routes(
    session: Session,
    actor: Actor,
    moves: Sequence[Move],
    responsible: Mapping[UUID, UUID | None],
    now: datetime,
) -> None:
    """Mark the items as routed, to the last of their hops, and say so to those they go to. Who is
    responsible for each is by the item's id."""
    if not moves:
        return
    rows = [
        {
            "id": move.item_id,
            "assignee_id": move.hops[-1].assignee_id if move.hops else None,
            "responsible_id": responsible[move.item_id],
            "pool_id": move.pool_id,
        }
        for move in moves
    ]
    _run(session, _ROUTE, {"rows": _json(rows), "now": now})
    write_hops(session, actor, moves, now)


def write_escalations(
    session: Session,
    actor: Actor,
    moves: Sequence[Move],
    due_at: Mapping[UUID, datetime],
    now: datetime,
) -> None:
    """Move items a step up, each with its new due time."""
    rows = [
        {
            "id": move.item_id,
            "assignee_id": move.hops[-1].assignee_id,
            "due_at": due_at[move.item_id],
            "escalation_level": move.escalation_level,
        }
        for move in moves
    ]
    _run(session, _ESCALATE, {"rows": _json(rows), "now": now})
    write_hops(session, actor, moves, now)


def write_reroutes(session: Session, actor: Actor, moves: Sequence[Move], now: datetime) -> None:
    """Give items to the last of their hops."""
    if not moves:
        return
    rows = [{"id": move.item_id, "assignee_id": move.hops[-1].assignee_id} for move in moves]
    _run(session, _REROUTE, {"rows": _json(rows)})
    write_hops(session, actor, moves, now)


def write_hops(
    session: Session,
    actor: Actor,
    moves: Sequence[Move],
    now: datetime,
    *,
    tell: bool = True,
) -> None:
    """Write each move's hops; those to whom it went are told, by one event for each move."""
    rows: list[dict[str, Any]] = []
    for move in moves:
        rows.extend(_hop_row(move, hop) for hop in move.hops)
        if move.hops and tell:
            outbox.emit(
                session,
                "work_item.assigned",
                now=now,
                work_item_id=move.item_id,
                hop_id=rows[-1]["id"],
            )
    if rows:
        by = {"actor_kind": actor.kind, "actor_id": actor.id}
        _run(session, _HOPS, {"rows": _json(rows), "now": now, **by})


def _hop_row(move: Move, hop: Hop) -> dict[str, Any]:
    return {
        "id": new_id(),
        "work_item_id": move.item_id,
        "patient_id": move.patient_id,
        "assignee_id": hop.assignee_id,
        "pool_id": move.pool_id,
        "escalation_level": move.escalation_level,
        "reason": hop.reason,
    }


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps(rows).decode()
