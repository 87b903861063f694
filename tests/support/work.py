"""The workers' part without a broker: runs what the outbox holds, in this process."""

from datetime import datetime

from sqlalchemy import text

from portal.core.actor import WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from workers import tasks
from workers.runner import run_events

__all__ = ["drain", "tasks"]  # importing the tasks registers every handler

_DUE = text(
    "SELECT kind, array_agg(id ORDER BY id) AS ids FROM outbox_event "
    "WHERE status IN ('pending', 'published') AND due_at <= :now GROUP BY kind"
)


def drain(*, rounds: int = 20, until: datetime | None = None) -> int:
    """Run everything that is due until nothing is left; returns how many events were run."""
    count = 0
    for _ in range(rounds):
        with transaction(WORKER) as session:
            due = session.execute(_DUE, {"now": until or utcnow()}).all()
        if not due:
            return count
        for kind, ids in due:
            count += len(ids)
            run_events(kind, ids)
    raise AssertionError(f"the outbox is never empty: {[kind for kind, _ in due]}")
