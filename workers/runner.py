"""Running outbox events: each is done once, tried again, or ends as a dead letter with an owner."""

from collections.abc import Sequence
from uuid import UUID

import structlog
from celery.exceptions import SoftTimeLimitExceeded

from portal.core.actor import WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.log import bind_request_id
from portal.core.metrics import TASKS
from workers import outcomes
from workers.delivering import deliver
from workers.registry import DELIVERERS, HANDLERS

log = structlog.get_logger(__name__)


def run_events(kind: str, ids: Sequence[UUID]) -> None:
    """Run events of one kind, but for those that somebody ran before."""
    with TASKS.labels(kind).time():
        _run(kind, ids)


def _run(kind: str, ids: Sequence[UUID]) -> None:
    if kind in DELIVERERS:
        for id_ in ids:
            deliver(DELIVERERS[kind], id_)
        return
    try:
        _handle(kind, ids)
    except SoftTimeLimitExceeded as error:
        for id_ in ids:  # no time is left to find out which of them it was
            outcomes.failed(id_, error)
    except Exception as error:
        if len(ids) == 1:
            outcomes.failed(ids[0], error)
            return
        # One of them can't be done: the others must not wait for it.
        for id_ in ids:
            _run(kind, [id_])


def _handle(kind: str, ids: Sequence[UUID]) -> None:
    """All of them and their marks as done in one transaction."""
    now = utcnow()
    with transaction(WORKER) as session:
        events = outcomes.claim(session, ids)
        if not events:
            return
        requests = {event.request_id for event in events}
        bind_request_id(requests.pop() if len(requests) == 1 else None)
        HANDLERS[kind](session=session, events=events, now=now)
        outcomes.done(session, [event.id for event in events], now)
    for event in events:
        bind_request_id(event.request_id)
        log.info("event_done", kind=kind, event_id=str(event.id), attempt=event.attempts + 1)
