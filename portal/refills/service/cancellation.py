"""Taking an order back from a pharmacy that may have filled it already (NCPDP SCRIPT CancelRx).

Whatever takes it back (a stop, a hold, the patient, another pharmacy), the pharmacy's feed and
webhook say `cancel`, and a pharmacy that had seen the order is asked whether that was in time.
Until it answers, those who talk with pharmacies have the question. What was handed over all the
same is recorded, and is the prescriber's to look after.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER, Actor
from portal.core.errors import FieldError
from portal.core.ids import new_id
from portal.refills import queries, rules
from portal.refills.errors import CancelAnswerUnusable, CancelledOtherwise, NothingToCancel
from portal.refills.model import Refill, RefillHistory
from portal.refills.pharmacy_model import UpdateOutcome
from portal.refills.service import items, moves
from portal.refills.service.status_updates import Received, apply_fresh
from portal.refills.states import (
    AFTER_ALL,
    WITHDRAWN,
    CancelAnswer,
    Delivery,
    RefillStatus,
)
from portal.refills.update_rules import StatusUpdate
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind

S = RefillStatus
ANSWERED = "cancelled_by_pharmacy"
_BY_PRESCRIBER = frozenset({rules.STOPPED, rules.HELD})


@dataclass(frozen=True, slots=True)
class AnswerCancellation:
    """`handed_over_at` and `quantity` are of what was handed over; without them now, and all of
    it."""

    answer: CancelAnswer
    handed_over_at: datetime | None = None
    quantity: Decimal | None = None
    note: str | None = None


def is_asked(refill: Refill) -> bool:
    """Whether a pharmacy was asked and has not answered yet."""
    return refill.cancel_asked_at is not None and refill.cancel_answer is None


def follow(session: Session, refill: Refill, step: RefillHistory, now: datetime) -> None:
    """Ask the pharmacy, note that it answered, and look after what was handed over all the same."""
    if refill.status in WITHDRAWN and refill.fetched_at and refill.cancel_asked_at is None:
        _ask(session, refill, now)
    if not is_asked(refill):
        worklist.close_item(
            session=session,
            actor=WORKER,
            kind=WorkItemKind.PHARMACY_CANCELLATION,
            subject_id=refill.id,
            outcome=refill.cancel_answer or "goes on",
            now=now,
        )
    if _was_handed_over_all_the_same(session, refill, step):
        priority = Priority.URGENT if step.from_status == S.CANCELLED else Priority.STAT
        if queries.stopped_before(session, refill.prescription_id, step.at):
            priority = Priority.STAT
        kind = WorkItemKind.DISPENSED_AFTER_STOP
        items.ask_prescriber(session, refill, kind, priority, now, step.id)


def _ask(session: Session, refill: Refill, now: datetime) -> None:
    refill.cancel_asked_at = now
    priority = Priority.STAT if refill.reason_code in _BY_PRESCRIBER else Priority.URGENT
    items.ask_liaison(session, refill, WorkItemKind.PHARMACY_CANCELLATION, priority, now)
    session.flush()


def _was_handed_over_all_the_same(session: Session, refill: Refill, step: RefillHistory) -> bool:
    if step.to_status not in AFTER_ALL | {S.REST_OWED}:
        return False
    if step.from_status in WITHDRAWN:
        return refill.quantity_dispensed > 0
    handed = step.actor_kind != WORKER.kind and step.to_status != S.PARTIALLY_DISPENSED
    return handed and queries.stopped_before(session, refill.prescription_id, step.at, or_held=True)


def answer(
    *,
    session: Session,
    by: Actor,
    refill_id: UUID,
    command: AnswerCancellation,
    now: datetime,
) -> Refill:
    """What the pharmacy says of an order that was taken back; the same again changes nothing.

    `by` is who says it: the pharmacy, or who called it. "Cancelled", and later found to have been
    handed over, is believed; the other way round is not.

    Raises RefillNotFound, NothingToCancel, CancelledOtherwise and CancelAnswerUnusable.
    """
    refill = moves.lock(session, refill_id).refill
    if refill.cancel_answer == command.answer:
        return refill
    if refill.cancel_answer == CancelAnswer.ALREADY_HANDED_OVER:
        raise CancelledOtherwise(answer=refill.cancel_answer, answered_at=refill.cancel_answered_at)
    if refill.status not in WITHDRAWN:
        raise NothingToCancel(status_now=refill.status)
    refill.cancel_asked_at = refill.cancel_asked_at or now
    if command.answer == CancelAnswer.CANCELLED:
        _in_time(session, refill, by, command.note, now)
    else:
        _too_late(session, refill, by, command, now)
    return refill


def _in_time(session: Session, refill: Refill, by: Actor, note: str | None, now: datetime) -> None:
    refill.cancel_answer = CancelAnswer.CANCELLED
    refill.cancel_answered_at = now
    step = RefillHistory.of(
        refill, RefillStatus(refill.status), actor=by, now=now, reason_code=ANSWERED, note=note
    )
    moves.remember(session, refill, step, actor=by, action="answer_cancellation", now=now)
    session.flush()


def _too_late(
    session: Session, refill: Refill, by: Actor, command: AnswerCancellation, now: datetime
) -> None:
    """What was handed over is a status like any other, with the same bounds."""
    session.flush()
    update = StatusUpdate(
        event_id=f"cancellation-{new_id()}",
        refill_id=refill.id,
        status=S.DELIVERED if refill.delivery == Delivery.MAIL else S.PICKED_UP,
        occurred_at=command.handed_over_at or now,
        note=command.note,
        quantity=command.quantity,
    )
    received = Received(update.event_id, {}, update)
    said = apply_fresh(session=session, actor=by, item=received, now=now)
    if said.outcome != UpdateOutcome.APPLIED:
        problem = said.problem or said.outcome
        field = "quantity" if "owed" in problem else "handed_over_at"
        raise CancelAnswerUnusable(problem, errors=[FieldError(f"/{field}", problem)])
    session.expire(refill)
