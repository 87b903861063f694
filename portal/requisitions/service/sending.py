"""A laboratory's queue of messages: what is sent next, and what became of it."""

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from portal.core.actor import WORKER, Actor
from portal.directory.errors import NoPool
from portal.requisitions import answer_rules, laboratory_queries, queries
from portal.requisitions.answer_rules import Fate, Verdict
from portal.requisitions.laboratory_model import LaboratoryMessage
from portal.requisitions.model import Requisition
from portal.requisitions.orl import OrderResponse
from portal.requisitions.service.follow import open_item
from portal.requisitions.service.progress import advance
from portal.requisitions.states import (
    MessageKind,
    MessageStatus,
    RejectionReason,
    RequisitionStatus,
)
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind

S = RequisitionStatus
FAILURES_BEFORE_WORK = 5
_LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that is about to be sent, and for which time."""

    id: UUID
    content: bytes
    attempt: int


def take_message(*, session: Session, message_id: UUID, now: datetime) -> Outgoing | None:
    """Count a try before it is made; None for a message that need not be sent any more."""
    message = laboratory_queries.message_for_change(session, message_id)
    if message is None or message.status != MessageStatus.QUEUED or message.content is None:
        return None
    message.attempts += 1
    message.sent_at = now
    session.flush()
    return Outgoing(message.id, message.content, message.attempts)


def record_answer(
    *, session: Session, message_id: UUID, response: OrderResponse, now: datetime
) -> None:
    """What a laboratory answered to a message: it ends, or is sent again later."""
    seen = laboratory_queries.message_of(session, message_id)
    if seen is None:
        return
    requisition = queries.for_change(session, seen.requisition_id)
    message = laboratory_queries.message_for_change(session, message_id)
    if requisition is None or message is None:
        return
    _answered(session, message.laboratory_id, now)
    if message.status != MessageStatus.QUEUED:
        return
    kind = MessageKind(message.kind)
    verdict = answer_rules.judge(kind, response, requisition.placer_number, message.rejections)
    message.answer_code = response.code
    message.answer_text = _text(verdict.reason)
    if verdict.fate == Fate.AGAIN:
        message.rejections += 1
        message.next_try_at = now + answer_rules.wait_before(message.rejections, random.random())  # noqa: S311
    else:
        refused = verdict.fate == Fate.REFUSED
        status = MessageStatus.REFUSED if refused else MessageStatus.ACCEPTED
        message.move_to(status, actor=WORKER, now=now)
        _apply(session, requisition, message, verdict, WORKER, now)
    session.flush()


def _apply(
    session: Session,
    requisition: Requisition,
    message: LaboratoryMessage,
    verdict: Verdict,
    actor: Actor,
    now: datetime,
) -> None:
    """An answer to a new order says nothing any more once the order is at another laboratory."""
    if message.kind == MessageKind.NEW and requisition.laboratory_id != message.laboratory_id:
        return
    apply_verdict(session, requisition, message.control_id, verdict, actor, now)


def _have_called(
    session: Session, requisition: Requisition, control_id: str, about: MessageKind, now: datetime
) -> None:
    """The laboratory may do a test that was cancelled here, or goes on under data of the patient
    that were wrong: somebody of the team calls it."""
    withdrawn = about == MessageKind.CANCEL
    kind = WorkItemKind.CANCELLATION_REFUSED if withdrawn else WorkItemKind.CORRECTION_UNTAKEN
    cause_id = uuid5(requisition.id, control_id)
    open_item(session, requisition, kind, Priority.URGENT, now, to_pool=True, cause_id=cause_id)


def apply_verdict(
    session: Session,
    requisition: Requisition,
    control_id: str,
    verdict: Verdict,
    actor: Actor,
    now: datetime,
) -> None:
    """Have the order follow what a laboratory says to the message of this control id."""
    if verdict.status is None:
        if verdict.fate == Fate.REFUSED:
            _have_called(session, requisition, control_id, verdict.about, now)
        return
    rejected = verdict.status == S.REJECTED
    advance(
        session,
        requisition,
        verdict.status,
        actor=actor,
        now=now,
        filler_number=verdict.filler_number or None,
        reason_code=(verdict.reason_code or RejectionReason.OTHER) if rejected else None,
        reason=_text(verdict.reason) if rejected else None,
    )


def _text(words: str | None) -> str | None:
    return words[:_LONGEST_TEXT] if words else None


def record_failure(*, session: Session, message_id: UUID, error: str, now: datetime) -> None:
    """Nothing that is an answer came: the same message is sent again, the queue behind it waits.
    After some failures in a row it is somebody's work to call the laboratory."""
    message = laboratory_queries.message_for_change(session, message_id)
    if message is None:
        return
    connection = laboratory_queries.connection_of(session, message.laboratory_id)
    connection.failures += 1
    connection.last_sent_at = message.sent_at
    connection.last_failure_at = now
    connection.last_failure = error
    message.last_error = error
    message.next_try_at = now + answer_rules.wait_before(connection.failures, random.random())  # noqa: S311
    session.flush()
    if connection.failures == FAILURES_BEFORE_WORK:
        # Without a pool nobody is there yet: the connection's health still shows it.
        with suppress(NoPool):
            worklist.open_for_operations(
                session=session,
                kind=WorkItemKind.LABORATORY_UNREACHABLE,
                subject_id=message.laboratory_id,
                priority=Priority.URGENT,
                now=now,
            )


def _answered(session: Session, laboratory_id: UUID, now: datetime) -> None:
    connection = laboratory_queries.connection_of(session, laboratory_id)
    connection.last_sent_at = now
    connection.last_answer_at = now
    if connection.failures == 0:
        return
    connection.failures = 0
    session.flush()
    worklist.close_item(
        session=session,
        actor=WORKER,
        kind=WorkItemKind.LABORATORY_UNREACHABLE,
        subject_id=laboratory_id,
        outcome="it answers again",
        now=now,
    )


def take_response(
    *,
    session: Session,
    actor: Actor,
    laboratory_id: UUID,
    response: OrderResponse,
    now: datetime,
) -> None:
    """What an ORL^O22 or an application acknowledgement that came later says of orders.

    What it says of others than the laboratory's own is not looked at.
    """
    if _sent_again(session, laboratory_id, response, now):
        return
    for requisition, verdict in _verdicts(session, laboratory_id, response):
        apply_verdict(session, requisition, response.control_id, verdict, actor, now)
    session.flush()


def _sent_again(
    session: Session, laboratory_id: UUID, response: OrderResponse, now: datetime
) -> bool:
    """Put a message back into its queue that was committed (CA) and is refused for now (AR)."""
    seen = laboratory_queries.message_by_control_id(session, laboratory_id, response.control_id)
    if seen is None or not answer_rules.asks_again(response, seen.rejections):
        return False
    queries.for_change(session, seen.requisition_id)
    message = laboratory_queries.message_for_change(session, seen.id)
    wait = answer_rules.wait_before(seen.rejections + 1, random.random())  # noqa: S311
    if message is None or not message.send_again(now + wait):
        return False
    message.answer_code = response.code
    message.answer_text = _text("; ".join(response.texts))
    session.flush()
    laboratory_queries.ring(session, laboratory_id)
    return True


def _verdicts(
    session: Session, laboratory_id: UUID, response: OrderResponse
) -> Sequence[tuple[Requisition, Verdict]]:
    """What a response says of the orders that it names by our number; where it names none, of the
    order whose message it answers."""
    numbers = sorted({one.placer_number for one in response.orders if one.placer_number})
    if numbers:
        found = [queries.by_placer_number(session, laboratory_id, number) for number in numbers]
        return [
            (one, answer_rules.judge_later(response, one.placer_number))
            for one in found
            if one is not None
        ]
    message = laboratory_queries.message_by_control_id(session, laboratory_id, response.control_id)
    requisition = queries.for_change(session, message.requisition_id) if message else None
    if message is None or requisition is None:
        return []
    if message.kind != MessageKind.NEW:
        kind, number = MessageKind(message.kind), requisition.placer_number
        return [(requisition, answer_rules.judge_revision(kind, response, number))]
    if requisition.laboratory_id != laboratory_id:
        return []
    return [(requisition, answer_rules.judge_later(response, requisition.placer_number))]
