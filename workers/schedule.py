"""What happens at intervals. Each tick finds its work in the database: twice has one effect."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from portal.accounts import service as accounts
from portal.core import audit_chain
from portal.core.actor import WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.refills import service as refills
from portal.worklist import service as worklist

BATCH = 500
DONE_KEPT_FOR = timedelta(days=7)

_PURGE_OUTBOX = text("DELETE FROM outbox_event WHERE status = 'done' AND done_at < :before")
_PURGE_KEYS = text("DELETE FROM idempotency_key WHERE expires_at < :now")


def escalate() -> int:
    """Work items past their due time move one step up."""
    with transaction(WORKER) as session:
        return worklist.escalate_due(session=session, actor=WORKER, now=utcnow(), limit=BATCH)


def find_overdue() -> int:
    """Steps of refills that are late become somebody's work."""
    with transaction(WORKER) as session:
        return refills.find_overdue(session=session, now=utcnow(), limit=BATCH)


def seal_audit() -> int:
    """Seal what was written to the audit trail, and make the coming months' partitions."""
    with transaction(WORKER) as session:
        audit_chain.ensure_months(session, utcnow())
    sealed = 0
    while True:
        with transaction(WORKER) as session:
            count = audit_chain.seal(session, now=utcnow())
        sealed += count
        if count == 0:
            return sealed


def purge() -> int:
    """Forget what has served its purpose: done events, old keys, expired sessions and tokens."""
    now = utcnow()
    with transaction(WORKER) as session:
        session.execute(_PURGE_OUTBOX, {"before": now - DONE_KEPT_FOR})
        session.execute(_PURGE_KEYS, {"now": now})
        accounts.purge_expired(session=session, now=now)
    return 0


TICKS: dict[str, Callable[[], int]] = {
    "escalate": escalate,
    "find_overdue": find_overdue,
    "seal_audit": seal_audit,
    "purge": purge,
}

_EVERY = {"escalate": 30.0, "find_overdue": 60.0, "seal_audit": 60.0, "purge": 3600.0}
# A tick that waited longer than its interval is dropped: the next one does the same.
BEAT: dict[str, dict[str, Any]] = {
    name: {
        "task": "careloop.tick",
        "schedule": seconds,
        "args": [name],
        "options": {"expires": seconds},
    }
    for name, seconds in _EVERY.items()
}
