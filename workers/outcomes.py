"""How an outbox event ends: done, tried again later, or a dead letter that somebody has."""

import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import CursorResult, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import PatientDeceased, TransportError
from portal.core.log import bind_request_id, where
from portal.directory.errors import NoPool
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind
from workers.registry import Event

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 12
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=15)
# Connection trouble, serialization failure, deadlock, lock not available, resources, shutdown.
TRANSIENT_STATES = ("08", "40", "53", "55P03", "57")

# Locks are waited for, not skipped: the relay publishes while it still holds them, and a worker is
# often quicker than its commit.
COLUMNS = "id, kind, payload, attempts, created_at, request_id"
_CLAIM = text(
    f"""
    SELECT {COLUMNS} FROM outbox_event
    WHERE id = ANY(:ids) AND status IN ('pending', 'published')
    ORDER BY id FOR UPDATE
    """
)
_DONE = text(
    "UPDATE outbox_event SET status = 'done', done_at = :now "
    "WHERE id = ANY(:ids) AND status IN ('pending', 'published') RETURNING id, last_error"
)
_AGAIN = text(
    "UPDATE outbox_event SET status = 'pending', due_at = :due_at, last_error = :error, "
    "attempts = :attempts WHERE id = :id AND status IN ('pending', 'published')"
)
_DEAD = text(
    "UPDATE outbox_event SET status = 'dead', done_at = :now, last_error = :error, "
    "attempts = :attempts WHERE id = :id AND status IN ('pending', 'published')"
)


def claim(session: Session, ids: Sequence[UUID]) -> list[Event]:
    """Those of the events that are still to be done, locked."""
    return [Event(*row) for row in session.execute(_CLAIM, {"ids": list(ids)})]


def done(session: Session, ids: Sequence[UUID], now: datetime) -> None:
    """Mark events as done. What had failed before and was somebody's work is so no more."""
    session.flush()
    for row in session.execute(_DONE, {"ids": list(ids), "now": now}).all():
        if row.last_error is not None:
            worklist.close_item(
                session=session,
                actor=WORKER,
                kind=WorkItemKind.DEAD_LETTER,
                subject_id=row.id,
                outcome="done after all",
                now=now,
            )


def close(session: Session, event: Event, error: str, now: datetime, *, final: bool) -> bool:
    """Give an event back for a later try, or give it up. False when it has ended meanwhile."""
    session.flush()
    attempts = event.attempts + 1
    values = {"id": event.id, "attempts": attempts, "error": error, "now": now}
    again = {**values, "due_at": now + wait_before(attempts)}
    result = session.execute(_DEAD, values) if final else session.execute(_AGAIN, again)
    return cast(CursorResult[Any], result).rowcount == 1


def wait_before(attempts: int) -> timedelta:
    """Exponential backoff with full jitter, capped."""
    most = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 20))
    return timedelta(seconds=random.uniform(0, most.total_seconds()))  # noqa: S311


def is_transient(error: BaseException) -> bool:
    """Whether the same work may well succeed later."""
    if isinstance(error, TransportError | ConnectionError | TimeoutError | SoftTimeLimitExceeded):
        return True
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        broken = error.connection_invalidated or isinstance(error, OperationalError)
        return broken or state.startswith(TRANSIENT_STATES)
    return False


def failed(id_: UUID, error: BaseException) -> None:
    """Try again later, or give up in the open: a dead letter on somebody's worklist. What was to
    be asked for a patient who has died meanwhile is done by that."""
    now = utcnow()
    with transaction(WORKER) as session:
        if isinstance(error, PatientDeceased):  # nothing of it is wanted any more
            done(session, [id_], now)
            log.info("event_needless", event_id=str(id_))
            return
        for event in claim(session, [id_]):
            bind_request_id(event.request_id)
            final = event.attempts + 1 >= MAX_ATTEMPTS or not is_transient(error)
            if close(session, event, where(error), now, final=final) and final:
                _make_work_of(session, event, now)
            log.error(
                "event_failed",
                kind=event.kind,
                event_id=str(id_),
                attempt=event.attempts + 1,
                outcome="dead" if final else "again",
                exc_info=error,
            )


def _make_work_of(session: Session, event: Event, now: datetime) -> None:
    # Without a pool nobody is there yet: `portal outbox status` still shows it.
    with suppress(NoPool):
        worklist.open_for_operations(
            session=session,
            kind=WorkItemKind.DEAD_LETTER,
            subject_id=event.id,
            priority=Priority.URGENT,
            now=now,
        )
