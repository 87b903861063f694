"""What `celery -A workers.celery_app` runs: the worker processes and the beat."""

from functools import cache
from typing import Any
from uuid import UUID

import structlog
from celery.signals import setup_logging, worker_process_init
from flask import Flask

from portal.app import create_app
from portal.config import load_config
from portal.core.log import configure_logging
from workers import schedule, tasks
from workers.broker import RUN_EVENTS, TICK, make_celery
from workers.runner import run_events

__all__ = ["app", "tasks"]  # importing the tasks registers every handler

log = structlog.get_logger(__name__)

app = make_celery(load_config())
app.conf.beat_schedule = schedule.BEAT


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log_like_the_portal(**_kwargs: Any) -> None:
    configure_logging()


@cache
def flask_app() -> Flask:
    """The application, made once in each worker process after it was forked."""
    return create_app()


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _warm_up(**_kwargs: Any) -> None:
    flask_app()


@app.task(name=RUN_EVENTS)  # type: ignore[untyped-decorator]
def run(kind: str, ids: list[str]) -> None:
    """Run outbox events of one kind."""
    try:
        with flask_app().app_context():
            run_events(kind, [UUID(id_) for id_ in ids])
    except Exception as error:
        # Not for Celery to log, which writes messages out: the events are still in the outbox,
        # and the relay hands them over again.
        log.error("events_left", kind=kind, count=len(ids), exc_info=error)


@app.task(name=TICK)  # type: ignore[untyped-decorator]
def tick(name: str) -> None:
    """One beat of something that happens at intervals."""
    try:
        with flask_app().app_context():
            count = schedule.TICKS[name]()
    except Exception as error:
        log.error("tick_failed", task=name, exc_info=error)
        return
    if count:
        log.info("tick", task=name, count=count)
