"""The Celery application: tasks carry ids only, and the outbox is the truth behind each."""

from functools import cache
from typing import Any
from uuid import UUID

import structlog
from celery import Celery
from celery.signals import setup_logging
from flask import Flask
from kombu.entity import Queue

from portal.app import create_app
from portal.config import load_config
from portal.core.log import configure_logging
from workers import queues, schedule, tasks
from workers.runner import run_events

__all__ = ["app", "tasks"]  # importing the tasks registers every handler

log = structlog.get_logger(__name__)

SOFT_LIMIT_SECONDS = 25
HARD_LIMIT_SECONDS = 30

app = Celery("careloop", broker=load_config().celery_broker_url)
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_soft_time_limit=SOFT_LIMIT_SECONDS,
    task_time_limit=HARD_LIMIT_SECONDS,
    task_queues=[Queue(name) for name in queues.ALL],  # type: ignore[no-untyped-call]
    task_default_queue=queues.INTERACTIVE,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": 120,
        "socket_keepalive": True,
        "health_check_interval": 10,
    },
    beat_schedule=schedule.BEAT,
    timezone="UTC",
)


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log_like_the_portal(**_kwargs: Any) -> None:
    configure_logging()


@cache
def flask_app() -> Flask:
    """The application, made once in each worker process after it was forked."""
    return create_app()


@app.task(name="careloop.run_events")  # type: ignore[untyped-decorator]
def run(kind: str, ids: list[str]) -> None:
    """Run outbox events of one kind."""
    with flask_app().app_context():
        run_events(kind, [UUID(id_) for id_ in ids])


@app.task(name="careloop.tick")  # type: ignore[untyped-decorator]
def tick(name: str) -> None:
    """One beat of something that happens at intervals."""
    with flask_app().app_context():
        count = schedule.TICKS[name]()
        if count:
            log.info("tick", task=name, count=count)
