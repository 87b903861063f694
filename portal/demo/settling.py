"""The workers' part of a story, as far as it concerns one, at the story's own time."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.core.actor import WORKER
from portal.core.db import write_gathered
from portal.core.tables import OutboxEvent, OutboxStatus
from portal.messages import service as messages
from portal.referrals import service as referrals
from portal.refills import service as refills
from portal.requisitions import service as requisitions
from portal.requisitions.oml import Party
from portal.results import service as results
from portal.visits import service as visits
from portal.worklist import service as worklist

# How Careloop names itself to laboratories, unless the settings say otherwise.
US = Party("CARELOOP", "CLINIC")

Follower = Callable[[Session, dict[str, Any], datetime], None]


def _by(*use_cases: Callable[..., object], **more: Any) -> Follower:
    """Follows an event by use cases that take its ids by the names that the event gives them."""

    def follow(session: Session, payload: dict[str, Any], now: datetime) -> None:
        ids = {name: UUID(value) for name, value in payload.items()}
        for use_case in use_cases:
            use_case(session=session, now=now, **ids, **more)

    return follow


def _route(session: Session, payload: dict[str, Any], now: datetime) -> None:
    worklist.route_item(
        session=session, actor=WORKER, item_id=UUID(payload["work_item_id"]), now=now
    )


def _follow_appointment(session: Session, payload: dict[str, Any], now: datetime) -> None:
    appointment_id = UUID(payload["appointment_id"])
    visits.follow_appointment(session=session, appointment_id=appointment_id, now=now)
    _by(appointments.follow_move)(session, payload, now)


def _follow_referral(session: Session, payload: dict[str, Any], now: datetime) -> None:
    referrals.free_times(session=session, referral_id=UUID(payload["referral_id"]), now=now)
    _by(referrals.follow_move)(session, payload, now)


_FOLLOWERS: dict[str, Follower] = {
    "refill.moved": _by(refills.follow_move),
    "work_item.opened": _route,
    "prescription.written": _by(refills.open_first_fill),
    "prescription.moved": _by(refills.follow_prescription),
    "requisition.moved": _by(requisitions.follow_move, us=US),
    "result.received": _by(results.follow_version),
    "result.released": _by(results.follow_release),
    "result.reviewed": _by(results.follow_review),
    "letter.moved": _by(results.follow_letter),
    "call.moved": _by(results.follow_call),
    "visit.moved": _by(visits.follow_visit),
    "visit.summary_released": _by(visits.follow_release),
    "message.sent": _by(messages.follow_message),
    "thread.closed": _by(messages.follow_closing),
    "thread.reopened": _by(messages.follow_reopening),
    "advice_call.ended": _by(messages.follow_ending),
    "slot.freed": _by(appointments.offer_freed),
    "appointment.moved": _follow_appointment,
    "appointment.offered": _by(appointments.follow_offered, referrals.follow_offer),
    "appointment.offer_ended": _by(appointments.follow_offer_end, referrals.follow_offer),
    "referral.moved": _follow_referral,
    "referral.noted": _by(referrals.follow_note),
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
