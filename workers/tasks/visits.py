"""Following visits: their steps, and the summaries that patients were given."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.referrals import service as referrals
from portal.referrals.states import AboutKind
from portal.visits import service
from workers.registry import Event, handles
from workers.tasks.referrals import note_for_visits


@handles("visit.moved")
def follow_visit(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_visit(
        session=session,
        visit_id=event.uuid("visit_id"),
        history_id=event.uuid("history_id"),
        now=now,
    )


@handles("visit.summary_released")
def follow_release(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_release(
        session=session,
        visit_id=event.uuid("visit_id"),
        summary_id=event.uuid("summary_id"),
        now=now,
    )
    # Referrals are made while a visit goes on, before its summary asks for them.
    for stands in referrals.sent_about(session, AboutKind.VISIT, event.uuid("visit_id")):
        note_for_visits(session, stands, now)
    for target_id in service.referrals_waited_for(session, event.uuid("visit_id")):
        if (named := referrals.standing(session, target_id)) is not None:
            note_for_visits(session, named, now)
