"""Following visits: their steps, and the summaries that patients were given."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.visits import service
from workers.registry import Event, handles


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
