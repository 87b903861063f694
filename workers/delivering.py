"""Events that reach outside: prepared in one transaction, sent in none, recorded in another.

Between the two the event is leased: its due time lies ahead, so that nobody sends it a second time
while the first try is under way. What a crash leaves is taken up once the lease has run out.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import text

from portal.core.actor import WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import TransportError
from portal.core.log import bind_request_id
from workers import outcomes
from workers.registry import Deliverer, Event

log = structlog.get_logger(__name__)

# Longer than a task may run.
LEASE = timedelta(seconds=60)

# By the database's clock, as the relay's: a worker whose clock lags must not turn work away.
_LEASE = text(
    """
    UPDATE outbox_event SET status = 'published', published_at = now(), attempts = attempts + 1,
                            due_at = now() + CAST(:lease AS interval)
    WHERE id = (SELECT id FROM outbox_event WHERE id = :id AND due_at <= now()
                AND status IN ('pending', 'published') FOR UPDATE)
    RETURNING id, kind, payload, attempts - 1, created_at, request_id
    """
)


def deliver(deliverer: Deliverer[Any, Any], id_: UUID) -> None:
    """Send one event, unless it is being sent, was sent, or is no longer wanted."""
    try:
        leased = _prepare(deliverer, id_)
        if leased is None:
            return
        event, prepared = leased
        if event.attempts >= outcomes.MAX_ATTEMPTS:
            _not_delivered(deliverer, event, prepared, "never came to an end")
            return
        try:
            outcome = deliverer.send(prepared)
        except (TransportError, SoftTimeLimitExceeded) as error:
            _not_delivered(deliverer, event, prepared, str(error) or "timeout")
            return
        _record(deliverer, event, prepared, outcome)
    except Exception as error:
        outcomes.failed(id_, error)


def _prepare(deliverer: Deliverer[Any, Any], id_: UUID) -> tuple[Event, Any] | None:
    now = utcnow()
    with transaction(WORKER) as session:
        row = session.execute(_LEASE, {"id": id_, "lease": LEASE}).first()
        if row is None:
            return None
        event = Event(*row)
        bind_request_id(event.request_id)
        prepared = deliverer.prepare(session=session, event=event, now=now)
        if prepared is None:
            outcomes.done(session, [id_], now)
            return None
        return event, prepared


def _record(deliverer: Deliverer[Any, Any], event: Event, prepared: Any, outcome: Any) -> None:
    now = utcnow()
    with transaction(WORKER) as session:
        deliverer.record(session=session, event=event, prepared=prepared, outcome=outcome, now=now)
        outcomes.done(session, [event.id], now)
    log.info("event_done", kind=event.kind, event_id=str(event.id), attempt=event.attempts + 1)


def _not_delivered(deliverer: Deliverer[Any, Any], event: Event, prepared: Any, error: str) -> None:
    now, attempts = utcnow(), event.attempts + 1
    final = attempts >= outcomes.MAX_ATTEMPTS
    with transaction(WORKER) as session:
        deliverer.record_failure(
            session=session, event=event, prepared=prepared, error=error, final=final, now=now
        )
        outcomes.close(session, event, error, now, final=final)
    log.warning(
        "delivery_failed",
        kind=event.kind,
        event_id=str(event.id),
        attempt=attempts,
        outcome="dead" if final else "again",
    )
