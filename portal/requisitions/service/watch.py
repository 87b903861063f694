"""What the workers find at intervals: what is late, what is over, what is next. Twice is once."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.notifications.states import NotificationEvent
from portal.requisitions import loop_queries, queries, rules
from portal.requisitions.model import StandingOrder
from portal.requisitions.service import moves
from portal.requisitions.service.cancel import end_standing
from portal.requisitions.service.follow import open_item, priority_of, tell_patient
from portal.requisitions.service.repeat import again
from portal.requisitions.states import RequisitionStatus, StandingStatus
from portal.worklist.states import WorkItemKind

S = RequisitionStatus


def remind_uncollected(*, session: Session, now: datetime, limit: int) -> int:
    """Remind patients of what is soon due and not done, once. Returns how many were reminded."""
    due = loop_queries.to_remind(session, now, limit)
    for requisition in due:
        requisition.reminded_at = now
        tell_patient(
            session,
            requisition,
            NotificationEvent.REQUISITION_UNCOLLECTED,
            requisition.id,
            None,
            now,
        )
    session.flush()
    return len(due)


def find_uncollected(*, session: Session, now: datetime, limit: int) -> int:
    """What should have been collected by now becomes the team's work. Returns how many."""
    late = loop_queries.uncollected(session, now, limit)
    for requisition in late:
        kind, priority = WorkItemKind.REQUISITION_UNCOLLECTED, priority_of(requisition)
        open_item(session, requisition, kind, priority, now, to_pool=True)
    return len(late)


def find_unresulted(*, session: Session, now: datetime, limit: int) -> int:
    """What was collected and has no result in time becomes the team's work. Returns how many."""
    late = loop_queries.unresulted(session, now, limit)
    for requisition in late:
        kind, priority = WorkItemKind.REQUISITION_UNRESULTED, priority_of(requisition)
        open_item(session, requisition, kind, priority, now, to_pool=True)
    return len(late)


def expire_requisitions(*, session: Session, now: datetime, limit: int) -> int:
    """End what was never collected; a draft's standing order ends with it. Returns how many."""
    over = loop_queries.expired(session, now, limit)
    for requisition in over:
        if requisition.status == S.DRAFT:
            end_standing(session, requisition, WORKER, now)
        moves.move(session, requisition, S.EXPIRED, actor=WORKER, now=now)
    session.flush()
    return len(over)


def make_standing(*, session: Session, now: datetime, limit: int) -> int:
    """Make the next requisition of standing orders, some days ahead of its day; after the last one
    the order is completed. Returns how many orders were looked at."""
    due = loop_queries.standing_due(session, now, rules.STANDING_AHEAD_DAYS, limit)
    for order in due:
        _make_next(session, order, now)
    session.flush()
    return len(due)


def _make_next(session: Session, order: StandingOrder, now: datetime) -> None:
    before = queries.last_of_standing(session, order.id)
    next_on = order.next_on
    if before is None or next_on is None or order.made >= order.ordered_count:
        order.move_to(StandingStatus.COMPLETED, actor=WORKER, now=now)
        return
    made = again(
        session,
        before,
        actor=WORKER,
        orderer_id=order.orderer_id,
        not_before=next_on,
        interval_days=order.interval_days,
        note=before.note,
        now=now,
    )
    made.standing_order_id = order.id
    order.made += 1
    order.next_on = next_on + timedelta(days=order.interval_days)
    if order.made >= order.ordered_count:
        order.move_to(StandingStatus.COMPLETED, actor=WORKER, now=now)
