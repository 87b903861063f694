"""Running outbox events: each is done once, tried again, or ends as a dead letter with an owner."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import TransportError
from portal.core.log import bind_request_id
from portal.directory import service as directory
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind
from workers.registry import DELIVERERS, HANDLERS, Deliverer, Event

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 12
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=15)
# How long a delivery may take before somebody else may try it.
LEASE = timedelta(seconds=60)
DEAD_LETTER_DUE = timedelta(hours=4)
# Serialization failure, deadlock, lock not available, and the connection's own troubles.
TRANSIENT_STATES = ("40001", "40P01", "55P03", "57P", "08", "53")

_COLUMNS = "id, kind, payload, attempts, created_at, request_id"
_CLAIM = text(
    f"""
    SELECT {_COLUMNS} FROM outbox_event
    WHERE id = ANY(:ids) AND status IN ('pending', 'published')
    ORDER BY id FOR UPDATE SKIP LOCKED
    """
)
_LEASE = text(
    """
    UPDATE outbox_event SET status = 'published', published_at = :now, due_at = :until,
                            attempts = attempts + 1
    WHERE id = (SELECT id FROM outbox_event WHERE id = :id AND due_at <= :now
                AND status IN ('pending', 'published') FOR UPDATE SKIP LOCKED)
    RETURNING id, kind, payload, attempts - 1 AS attempts, created_at, request_id
    """
)
_DONE = text(
    "UPDATE outbox_event SET status = 'done', done_at = :now, last_error = NULL "
    "WHERE id = ANY(:ids) AND status IN ('pending', 'published')"
)
_AGAIN = text(
    "UPDATE outbox_event SET status = 'pending', due_at = :due_at, last_error = :error, "
    "attempts = :attempts WHERE id = :id AND status IN ('pending', 'published')"
)
_DEAD = text(
    "UPDATE outbox_event SET status = 'dead', done_at = :now, last_error = :error, "
    "attempts = :attempts WHERE id = :id AND status IN ('pending', 'published')"
)


def run_events(kind: str, ids: Sequence[UUID]) -> None:
    """Run events of one kind, but for those that others run now or ran before."""
    if kind in DELIVERERS:
        for id_ in ids:
            deliver(DELIVERERS[kind], id_)
        return
    try:
        _handle(kind, ids)
    except Exception as error:
        if len(ids) == 1:
            _failed(ids[0], error)
            return
        # One of them can't be done: the others must not wait for it.
        for id_ in ids:
            run_events(kind, [id_])


def _handle(kind: str, ids: Sequence[UUID]) -> None:
    now = utcnow()
    with transaction(WORKER) as session:
        events = [Event(*row) for row in session.execute(_CLAIM, {"ids": list(ids)})]
        if not events:
            return
        bind_request_id(events[0].request_id)
        HANDLERS[kind](session=session, events=events, now=now)
        session.flush()
        session.execute(_DONE, {"ids": [event.id for event in events], "now": now})
    for event in events:
        bind_request_id(event.request_id)
        log.info("event_done", kind=kind, event_id=str(event.id), attempt=event.attempts + 1)


def deliver(deliverer: Deliverer[Any, Any], id_: UUID) -> None:
    """Prepare in one transaction, send in none, record in another."""
    now = utcnow()
    with transaction(WORKER) as session:
        row = session.execute(_LEASE, {"id": id_, "now": now, "until": now + LEASE}).first()
        if row is None:
            return
        event = Event(*row)
        bind_request_id(event.request_id)
        prepared = deliverer.prepare(session=session, event=event, now=now)
        session.flush()
        if prepared is None:
            session.execute(_DONE, {"ids": [id_], "now": now})
            return
    try:
        outcome = deliverer.send(prepared)
    except TransportError as error:
        _not_delivered(deliverer, event, prepared, error)
        return
    except Exception as error:
        _failed(id_, error)
        return
    with transaction(WORKER) as session:
        deliverer.record(
            session=session, event=event, prepared=prepared, outcome=outcome, now=utcnow()
        )
        session.flush()
        session.execute(_DONE, {"ids": [id_], "now": utcnow()})
    log.info("event_done", kind=event.kind, event_id=str(id_), attempt=event.attempts + 1)


def _not_delivered(
    deliverer: Deliverer[Any, Any], event: Event, prepared: Any, error: TransportError
) -> None:
    now, attempts = utcnow(), event.attempts + 1
    final = attempts >= MAX_ATTEMPTS
    with transaction(WORKER) as session:
        deliverer.record_failure(
            session=session, event=event, prepared=prepared, error=str(error), final=final, now=now
        )
        session.flush()
        _close(session, event.id, attempts, str(error), final, now)
    log.warning(
        "delivery_failed",
        kind=event.kind,
        event_id=str(event.id),
        attempt=attempts,
        outcome="dead" if final else "again",
    )


def wait_before(attempts: int) -> timedelta:
    """Exponential backoff with full jitter, capped."""
    most = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 20))
    return timedelta(seconds=random.uniform(0, most.total_seconds()))  # noqa: S311


def _close(
    session: Session, id_: UUID, attempts: int, error: str, final: bool, now: datetime
) -> bool:
    what = {"id": id_, "attempts": attempts, "error": error, "now": now}
    statement = _DEAD if final else _AGAIN
    changed = session.connection().execute(
        statement, {**what, "due_at": now + wait_before(attempts)}
    )
    return changed.rowcount == 1


def is_transient(error: Exception) -> bool:
    """Whether the same work may well succeed later."""
    if isinstance(error, TransportError | ConnectionError | TimeoutError):
        return True
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        broken = error.connection_invalidated or isinstance(error, OperationalError)
        return broken or state.startswith(TRANSIENT_STATES)
    return False


def _failed(id_: UUID, error: Exception) -> None:
    """Try again later, or give up in the open: a dead letter on somebody's worklist."""
    now = utcnow()
    log.error("event_failed", event_id=str(id_), error=type(error).__name__, exc_info=error)
    with transaction(WORKER) as session:
        row = session.execute(_CLAIM, {"ids": [id_]}).first()
        if row is None:
            return
        event = Event(*row)
        attempts = event.attempts + 1
        final = attempts >= MAX_ATTEMPTS or not is_transient(error)
        if _close(session, id_, attempts, type(error).__name__, final, now) and final:
            worklist.open_item(
                session=session,
                actor=WORKER,
                kind=WorkItemKind.DEAD_LETTER,
                subject_id=id_,
                patient_id=None,
                responsible_id=None,
                pool_id=directory.operations_pool(session),
                priority=Priority.URGENT,
                due_at=now + DEAD_LETTER_DUE,
                now=now,
            )
