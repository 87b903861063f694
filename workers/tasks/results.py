"""Following results: what came, what was released or reviewed, and how people were told."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.notifications import service as notifications
from portal.referrals import service as referrals
from portal.referrals.states import AboutKind
from portal.results import service
from workers.registry import Event, handles
from workers.tasks.referrals import note_for_results


@handles("result.received")
def follow_version(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_version(
        session=session,
        report_id=event.uuid("report_id"),
        version_id=event.uuid("version_id"),
        now=now,
    )


@handles("result.released")
def follow_release(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_release(session=session, report_id=event.uuid("report_id"), now=now)


@handles("result.reviewed")
def follow_review(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_review(
        session=session,
        report_id=event.uuid("report_id"),
        review_id=event.uuid("review_id"),
        now=now,
    )
    # Who refers first and reviews afterwards has done what the review asks for.
    for stands in referrals.sent_about(session, AboutKind.RESULT, event.uuid("report_id")):
        note_for_results(session, stands, now)


@handles("letter.moved")
def follow_letter(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_letter(session=session, letter_id=event.uuid("letter_id"), now=now)
    notifications.close_outdated(session=session, letter_id=event.uuid("letter_id"), now=now)


@handles("call.moved")
def follow_call(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_call(session=session, call_id=event.uuid("call_id"), now=now)
