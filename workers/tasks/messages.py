"""Following messages, advice calls, and changes of the care team that concern threads."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy.orm import Session

from portal.messages import service
from portal.visits import service as visits
from portal.visits.service import PatientWrote
from workers.registry import Event, handles


@handles("message.sent")
def follow_message(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_message(session=session, message_id=event.uuid("message_id"), now=now)
    wrote = service.written_by_patient(session, event.uuid("message_id"))
    if wrote is not None:
        message = PatientWrote(**asdict(wrote))
        visits.note_message(session=session, message=message, now=now)


@handles("thread.closed")
def follow_closing(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_closing(
        session=session,
        thread_id=event.uuid("thread_id"),
        history_id=event.uuid("history_id"),
        now=now,
    )


@handles("thread.reopened")
def follow_reopening(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_reopening(session=session, thread_id=event.uuid("thread_id"), now=now)


@handles("advice_call.ended")
def follow_ending(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_ending(session=session, call_id=event.uuid("call_id"), now=now)
