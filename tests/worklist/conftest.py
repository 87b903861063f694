"""What the tests of the worklist share: callers, open items, and looks at what became of them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from portal.core.actor import OPERATOR, WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.directory.model import Coverage, Practitioner
from portal.notifications.model import Notification
from portal.worklist import service
from portal.worklist.model import WorkItem, WorkItemHop
from portal.worklist.states import Priority, WorkItemKind
from tests.support.api import Caller
from tests.support.clinic import NOW, SmallClinic, add

SignIn = Callable[..., Caller]
Open = Callable[..., UUID]


@pytest.fixture
def opened(clinic: SmallClinic) -> Open:
    """Opens an item about the first patient that nobody has routed yet; takes open_item()'s."""

    def open_(**changes: Any) -> UUID:
        now = changes.pop("now", utcnow())
        values: dict[str, Any] = {
            "kind": WorkItemKind.REFILL_OVERDUE,
            "subject_id": new_id(),
            "patient_id": clinic.patient.id,
            "responsible_id": clinic.physician.id,
            "pool_id": clinic.nurses.id,
            "priority": Priority.ROUTINE,
            "due_at": now + timedelta(days=2),
            **changes,
        }
        with transaction(WORKER) as session:
            return service.open_item(session=session, actor=WORKER, now=now, **values)

    return open_


def route(item_id: UUID, now: datetime = NOW) -> None:
    with transaction(WORKER) as session:
        service.route_item(session=session, actor=WORKER, item_id=item_id, now=now)


def escalate(now: datetime) -> int:
    with transaction(WORKER) as session:
        return service.escalate_due(session=session, actor=WORKER, now=now, limit=100)


def cover(
    away: Practitioner,
    covering: Practitioner,
    starts_at: datetime = NOW - timedelta(days=1),
    ends_at: datetime = NOW + timedelta(days=7),
) -> UUID:
    coverage = Coverage(
        id=new_id(),
        practitioner_id=away.id,
        covering_id=covering.id,
        starts_at=starts_at,
        ends_at=ends_at,
        reason="Leave",
        created_by=away.id,
        created_at=starts_at,
    )
    add(coverage)
    return coverage.id


def item(id_: UUID) -> WorkItem:
    """An item as it stands in the database."""
    with transaction(OPERATOR) as session:
        return session.get_one(WorkItem, id_)


def way(id_: UUID) -> list[tuple[UUID | None, str]]:
    """The hops of an item in their order: to whom (None is the pool), and why."""
    of_item = select(WorkItemHop).where(WorkItemHop.work_item_id == id_)
    with transaction(OPERATOR) as session:
        hops = session.scalars(of_item.order_by(WorkItemHop.at, WorkItemHop.id)).all()
    return [(hop.assignee_id, hop.reason) for hop in hops]


def told(item_id: UUID) -> set[tuple[UUID, str]]:
    """Who was told of an item, and as what."""
    of_item = select(Notification).where(Notification.subject_id == item_id)
    with transaction(OPERATOR) as session:
        return {(row.recipient_id, row.event) for row in session.scalars(of_item)}
