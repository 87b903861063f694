"""The workers' part of a story, done at the story's own time instead of at the workers'."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.core.db import write_gathered
from portal.core.tables import OutboxEvent, OutboxStatus
from portal.refills import service as refills
from portal.requisitions import service as requisitions
from portal.requisitions.oml import Party
from portal.results import service as results
from portal.visits import service as visits
from portal.worklist import service as worklist

# How Careloop names itself to laboratories, unless the settings say otherwise.
US = Party("CARELOOP", "CLINIC")

Follower = Callable[[Session, dict[str, Any], datetime], None]


def _follow_move(session: Session, payload: dict[str, Any], now: datetime) -> None:
    refills.follow_move(
        session=session,
        refill_id=UUID(payload["refill_id"]),
        history_id=UUID(payload["history_id"]),
        now=now,
    )


def _route(session: Session, payload: dict[str, Any], now: datetime) -> None:
    worklist.route_item(
        session=session, actor=WORKER, item_id=UUID(payload["work_item_id"]), now=now
    )


def _open_first_fill(session: Session, payload: dict[str, Any], now: datetime) -> None:
    refills.open_first_fill(
        session=session, prescription_id=UUID(payload["prescription_id"]), now=now
    )


def _withdraw_stopped(session: Session, payload: dict[str, Any], now: datetime) -> None:
    refills.withdraw_stopped(
        session=session, prescription_id=UUID(payload["prescription_id"]), now=now
    )


def _follow_requisition(session: Session, payload: dict[str, Any], now: datetime) -> None:
    requisitions.follow_move(
        session=session,
        requisition_id=UUID(payload["requisition_id"]),
        history_id=UUID(payload["history_id"]),
        us=US,
        now=now,
    )


def _follow_version(session: Session, payload: dict[str, Any], now: datetime) -> None:
    results.follow_version(
        session=session,
        report_id=UUID(payload["report_id"]),
        version_id=UUID(payload["version_id"]),
        now=now,
    )


def _follow_release(session: Session, payload: dict[str, Any], now: datetime) -> None:
    results.follow_release(session=session, report_id=UUID(payload["report_id"]), now=now)


def _follow_review(session: Session, payload: dict[str, Any], now: datetime) -> None:
    results.follow_review(
        session=session,
        report_id=UUID(payload["report_id"]),
        review_id=UUID(payload["review_id"]),
        now=now,
    )


def _follow_letter(session: Session, payload: dict[str, Any], now: datetime) -> None:
    results.follow_letter(session=session, letter_id=UUID(payload["letter_id"]), now=now)


def _follow_call(session: Session, payload: dict[str, Any], now: datetime) -> None:
    results.follow_call(session=session, call_id=UUID(payload["call_id"]), now=now)


def _follow_visit(session: Session, payload: dict[str, Any], now: datetime) -> None:
    visits.follow_visit(
        session=session,
        visit_id=UUID(payload["visit_id"]),
        history_id=UUID(payload["history_id"]),
        now=now,
    )


def _follow_summary(session: Session, payload: dict[str, Any], now: datetime) -> None:
    visits.follow_release(
        session=session,
        visit_id=UUID(payload["visit_id"]),
        summary_id=UUID(payload["summary_id"]),
        now=now,
    )


_FOLLOWERS: dict[str, Follower] = {
    "refill.moved": _follow_move,
    "work_item.opened": _route,
    "prescription.written": _open_first_fill,
    "prescription.stopped": _withdraw_stopped,
    "requisition.moved": _follow_requisition,
    "result.received": _follow_version,
    "result.released": _follow_release,
    "result.reviewed": _follow_review,
    "letter.moved": _follow_letter,
    "call.moved": _follow_call,
    "visit.moved": _follow_visit,
    "visit.summary_released": _follow_summary,
}


def settle(session: Session, now: datetime) -> None:
    """Do what the outbox holds for the database alone; e-mails are left to the workers."""
    while events := _take(session, now):
        for event in events:
            _FOLLOWERS[event.kind](session, event.payload, now)
            session.flush()
    # Statements of the use cases went past the rows that the session remembers.
    session.expunge_all()


def _take(session: Session, now: datetime) -> list[Any]:
    session.flush()
    write_gathered(session)
    pending = (
        select(OutboxEvent.id, OutboxEvent.kind, OutboxEvent.payload)
        .where(OutboxEvent.status == OutboxStatus.PENDING, OutboxEvent.kind.in_(_FOLLOWERS))
        .order_by(OutboxEvent.id)
    )
    events = list(session.execute(pending))
    _set(session, [event.id for event in events], status=OutboxStatus.DONE, done_at=now)
    return events


def leave_the_rest_until(session: Session, now: datetime) -> None:
    """What was not done is due from now on, not from when the story says it happened."""
    session.flush()
    write_gathered(session)
    overdue = select(OutboxEvent.id).where(
        OutboxEvent.status == OutboxStatus.PENDING, OutboxEvent.due_at < now
    )
    _set(session, list(session.scalars(overdue)), due_at=now)


def _set(session: Session, ids: list[UUID], **values: Any) -> None:
    session.execute(
        update(OutboxEvent)
        .where(OutboxEvent.id.in_(ids))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
