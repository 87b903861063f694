"""Routing work items, and telling those they go to."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import WORKER, ActorKind
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.worklist import service
from portal.worklist.states import Priority
from workers.registry import Event, handles, handles_all


@handles_all("work_item.opened")
def route(*, session: Session, events: Sequence[Event], now: datetime) -> None:
    requests = {event.uuid("work_item_id"): event.request_id for event in events}
    service.route_items(session=session, actor=WORKER, item_ids=list(requests), now=now)
    outbox.attribute(session, "work_item_id", requests)


@handles("work_item.assigned")
def tell(*, session: Session, event: Event, now: datetime) -> None:
    found = service.told_of(session, event.uuid("hop_id"))
    if found is None:
        return
    item, people = found
    kind = NotificationEvent.WORK_ASSIGNED
    if item.escalation_level > 0:
        kind = NotificationEvent.WORK_ESCALATED
    elif item.priority != Priority.ROUTINE:
        kind = NotificationEvent.WORK_URGENT
    for recipient_kind, ids in people.items():
        notifications.notify(
            session=session,
            recipient_kind=ActorKind(recipient_kind),
            recipient_ids=ids,
            event=kind,
            source_id=event.uuid("hop_id"),
            subject_id=item.id,
            patient_id=item.patient_id,
            data={"kind": item.kind},
            now=now,
        )


@handles("coverage.changed")
def follow_coverage(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_coverage(
        session=session, actor=WORKER, coverage_id=event.uuid("coverage_id"), now=now
    )
