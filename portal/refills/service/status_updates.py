"""Pharmacies' status updates: a batch in a constant number of statements."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.core.ids import new_id
from portal.directory.hours import calendar_of
from portal.prescriptions.rules import Supply, supply_after
from portal.refills import pharmacy_queries as queries
from portal.refills import rules
from portal.refills.pharmacy_model import UpdateOutcome
from portal.refills.states import GIVES_BACK, CancelAnswer, RefillKind, RefillStatus
from portal.refills.update_rules import Standing, StatusUpdate, decide_update


@dataclass(frozen=True, slots=True)
class Received:
    """One item of a batch: as it was sent, and read where it could be."""

    event_id: str | None
    content: Mapping[str, Any]
    update: StatusUpdate | None
    problem: str | None = None

    @property
    def digest(self) -> bytes:
        """Of the content in one spelling, whatever the order of its members."""
        return hashlib.sha256(orjson.dumps(self.content, option=orjson.OPT_SORT_KEYS)).digest()


@dataclass(slots=True)
class Answer:
    """What the pharmacy is told about one item."""

    event_id: str | None
    outcome: UpdateOutcome
    refill_status: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """One update that is applied: the refill's row, where it stood, where it stands."""

    row: Row[Any]
    before: Standing
    after: Standing
    handed: Decimal | None
    update: StatusUpdate


@dataclass(slots=True)
class _Moves:
    """What a batch moves, gathered to be written at once."""

    refills: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    prescriptions: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    dispenses: list[dict[str, Any]] = field(default_factory=list)


def take_updates(
    *, session: Session, actor: Actor, items: Sequence[Received], now: datetime
) -> list[Answer]:
    """Take a batch of updates; answers in the order of the items, each for itself.

    Everything with a usable event id is kept. Updates of one refill are applied in the order in
    which they occurred.
    """
    answers = {
        number: Answer(item.event_id, UpdateOutcome.INVALID, problem=item.problem)
        for number, item in enumerate(items)
    }
    fresh = _keep(session, actor, items, answers, now)
    _apply(session, actor, [(number, items[number]) for number in fresh], answers, now)
    queries.heard_update(session, actor.id, now)
    return [answers[number] for number in range(len(items))]


def _keep(
    session: Session,
    actor: Actor,
    items: Sequence[Received],
    answers: dict[int, Answer],
    now: datetime,
) -> list[int]:
    """Keep what is new, answer what was known; returns the numbers of the new items."""
    first: dict[str, int] = {}
    again: list[int] = []
    for number, item in enumerate(items):
        if item.event_id is None:
            continue
        if item.event_id in first:
            again.append(number)
        first.setdefault(item.event_id, number)
    rows = [_row(items[number]) for number in first.values()]
    new = queries.keep_updates(session, actor.id, rows, now) if rows else set()
    known = [number for event_id, number in first.items() if event_id not in new]
    if known:
        kept = queries.kept_updates(session, actor.id, [items[n].event_id or "" for n in known])
        for number in known:
            row = kept[items[number].event_id or ""]
            same = bytes(row.content_digest) == items[number].digest
            answers[number] = _known(items[number], same, row.refill_status)
    for number in again:
        twin = items[first[items[number].event_id or ""]]
        answers[number] = _known(items[number], twin.digest == items[number].digest, None)
    return [number for event_id, number in first.items() if event_id in new]


def _row(item: Received) -> dict[str, Any]:
    update = item.update
    return {
        "event_id": item.event_id,
        "refill_id": update.refill_id if update else None,
        "digest": item.digest.hex(),
        "content": item.content,
        "occurred_at": update.occurred_at if update else None,
    }


def _known(item: Received, same: bool, refill_status: str | None) -> Answer:
    if same:
        return Answer(item.event_id, UpdateOutcome.DUPLICATE, refill_status)
    return Answer(
        item.event_id,
        UpdateOutcome.CONFLICT,
        problem="This event_id came with another content before: use a new one.",
    )


def _apply(
    session: Session,
    actor: Actor,
    fresh: Sequence[tuple[int, Received]],
    answers: dict[int, Answer],
    now: datetime,
) -> None:
    """Decide about new items in the order in which they occurred, and write what they move."""
    readable = [(number, item.update) for number, item in fresh if item.update is not None]
    rows = queries.lock_refills(session, {update.refill_id for _, update in readable})
    standing = {row.id: _standing(row) for row in rows.values()}
    moves = _Moves()
    for number, update in sorted(readable, key=lambda pair: (pair[1].occurred_at, pair[0])):
        before = standing.get(update.refill_id)
        verdict = decide_update(before, update, now)
        if verdict.outcome == UpdateOutcome.APPLIED and before and verdict.standing:
            step = _Step(rows[update.refill_id], before, verdict.standing, verdict.handed, update)
            _gather(session, actor, moves, step, now)
            standing[update.refill_id] = verdict.standing
        elif verdict.outcome == UpdateOutcome.QUARANTINED:
            _have_looked_into(session, actor, update, now)
        status = verdict.standing.status if verdict.standing else None
        answers[number] = Answer(update.event_id, verdict.outcome, status, verdict.problem)
    _write(session, actor, moves, now)
    queries.settle_updates(session, actor.id, [_settled(answers[number]) for number, _ in fresh])


def _standing(row: Row[Any]) -> Standing:
    return Standing(
        status=RefillStatus(row.status),
        occurred_at=row.occurred_at,
        requested_at=row.requested_at,
        ordered=row.quantity,
        expires_on=row.expires_on,
        time_zone=row.time_zone,
        delivery=row.delivery,
        schedule=row.schedule,
        dispensed=row.quantity_dispensed,
        ready=row.quantity_ready,
        rest_due_at=row.rest_due_at,
    )


def _settled(answer: Answer) -> dict[str, Any]:
    return {
        "event_id": answer.event_id,
        "outcome": answer.outcome,
        "refill_status": answer.refill_status,
        "problem": answer.problem,
    }


def _have_looked_into(session: Session, actor: Actor, update: StatusUpdate, now: datetime) -> None:
    outbox.emit(session, "pharmacy_update.quarantined", now=now, refill_id=update.refill_id)


def _gather(session: Session, actor: Actor, moves: _Moves, step: _Step, now: datetime) -> None:
    row, update, status = step.row, step.update, step.after.status
    history_id = new_id()
    earlier = moves.refills.get(row.id, {})
    reserved = earlier.get("reserved", row.reserved)
    gives_back = reserved and status in GIVES_BACK
    # One first fill at most is reserved: what was handed over in its stead isn't given back.
    takes_again = _takes_again(step) and row.kind == RefillKind.REFILL
    columns = _columns(step, (reserved and not gives_back) or takes_again, now)
    for name in ("carrier", "tracking_number"):  # said once, these stay
        columns[name] = columns[name] or earlier.get(name)
    moves.refills[row.id] = columns
    moves.history.append(
        {
            "id": history_id,
            "refill_id": row.id,
            "patient_id": row.patient_id,
            "pharmacy_id": row.pharmacy_id,
            "from_status": step.before.status,
            "to_status": status,
            "reason_code": update.reason_code,
            "note": update.note,
        }
    )
    _gather_supply(moves, step, gives_back=gives_back)
    outbox.emit(session, "refill.moved", now=now, refill_id=row.id, history_id=history_id)
    audit.record(
        session,
        actor,
        status.value,
        "refill",
        patient_id=row.patient_id,
        resource_id=row.id,
        at=now,
    )


def _columns(step: _Step, reserved: bool, now: datetime) -> dict[str, Any]:
    row, after, update = step.row, step.after, step.update
    due = rules.expected_by(
        after.status,
        now,
        calendar=calendar_of(row.opening, row.pharmacy_zone),
        expected_on=update.expected_on,
    )
    if due is not None and after.rest_due_at is not None:
        due = min(due, after.rest_due_at)
    return {
        "id": row.id,
        "status": after.status,
        "occurred_at": after.occurred_at,
        "reason_code": update.reason_code,
        "expected_by": due,
        "expected_on": update.expected_on,
        "quantity_ready": after.ready,
        "quantity_dispensed": after.dispensed,
        "rest_due_at": after.rest_due_at,
        "carrier": update.carrier,
        "tracking_number": update.tracking_number,
        "next_step": rules.next_step(after.status, update.reason_code),
        "reserved": reserved,
        "cancel_answer": CancelAnswer.ALREADY_HANDED_OVER
        if step.handed
        else CancelAnswer.CANCELLED,
    }


def _gather_supply(moves: _Moves, step: _Step, *, gives_back: bool) -> None:
    """What a move means for the prescription: a fill given back, or a supply handed over."""
    row = step.row
    if not (gives_back or step.handed):
        return
    settled = moves.prescriptions.setdefault(
        row.prescription_id,
        {
            "id": row.prescription_id,
            "refills": 0,
            "first_fills": 0,
            "filled_on": row.last_filled_on,
            "supply_days": row.supply_days,
            "handed": False,
        },
    )
    counted = "refills" if row.kind == RefillKind.REFILL else "first_fills"
    settled[counted] += int(gives_back) - int(_takes_again(step))
    if step.handed:
        days = rules.part_days(
            row.quantity,
            step.before.dispensed,
            step.handed,
            days_supply=row.days_supply,
            max_per_day=row.max_per_day,
        )
        supply = supply_after(
            Supply(settled["filled_on"], settled["supply_days"]),
            Supply(local_day(step.update.occurred_at, row.time_zone), days),
            goes_on=step.before.dispensed > 0,
        )
        settled.update(filled_on=supply.since, supply_days=supply.days, handed=True)
        moves.dispenses.append(
            {
                "id": new_id(),
                "prescription_id": row.prescription_id,
                "refill_id": row.id,
                "patient_id": row.patient_id,
                "pharmacy_id": row.pharmacy_id,
                "quantity": step.handed,
                "days_supply": None if row.days_supply is None else days,
                "dispensed_at": step.update.occurred_at,
            }
        )


def _takes_again(step: _Step) -> bool:
    """Whether what was handed over had given its fill back when it was cancelled."""
    return step.before.status == RefillStatus.CANCELLED and step.before.dispensed == 0


def _write(session: Session, actor: Actor, moves: _Moves, now: datetime) -> None:
    if not moves.refills:
        return
    queries.write_moves(
        session,
        actor,
        refills=list(moves.refills.values()),
        history=moves.history,
        prescriptions=list(moves.prescriptions.values()),
        dispenses=moves.dispenses,
        now=now,
    )
    queries.acknowledge(session, actor.id, list(moves.refills), now)


def apply_fresh(*, session: Session, actor: Actor, item: Received, now: datetime) -> Answer:
    """Decide about one update as if it came now: one that is kept already, or that says in other
    words what a pharmacy told."""
    answers = {0: Answer(item.event_id, UpdateOutcome.INVALID, problem=item.problem)}
    _apply(session, actor, [(0, item)], answers, now)
    return answers[0]
