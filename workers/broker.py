"""Celery's settings: tasks carry ids only, and the outbox is the truth behind each."""

from typing import Any

from celery import Celery
from kombu.entity import Queue
from kombu.transport import redis, virtual

from portal.config import Config
from workers import queues

RUN_EVENTS = "careloop.run_events"
TICK = "careloop.tick"
SOFT_LIMIT_SECONDS = 25
HARD_LIMIT_SECONDS = 30
# After this a message that a dead worker took comes back. The relay's sweep is faster; whoever
# comes second finds the work done.
VISIBILITY_SECONDS = 120

SETTINGS: dict[str, Any] = {
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_ignore_result": True,
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_soft_time_limit": SOFT_LIMIT_SECONDS,
    "task_time_limit": HARD_LIMIT_SECONDS,
    "task_default_queue": queues.INTERACTIVE,
    "worker_prefetch_multiplier": 1,
    "worker_proc_alive_timeout": 60,  # a worker process makes its application before it says hello
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_transport_options": {
        "visibility_timeout": VISIBILITY_SECONDS,
        "health_check_interval": 10,
        # The queues in their order, not in turns: routing goes first.
        "queue_order_strategy": "priority",
    },
    "timezone": "UTC",
}


class FreesItsSlot(redis.QoS):
    """Counts what a worker has under way.

    Kombu keeps counting a task whose acknowledgement failed because the broker had gone. A worker
    that had as many under way as it may then never asks for another one, not even of the broker
    that came back, and nobody notices.
    """

    def ack(self, delivery_tag: Any) -> None:
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]
        except BaseException:
            virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]
            raise


redis.Channel.QoS = FreesItsSlot


def make_celery(config: Config) -> Celery:
    """A Celery application that talks to the configured broker; it knows no task yet."""
    celery = Celery("careloop", broker=config.celery_broker_url)
    celery.conf.update(SETTINGS)
    celery.conf.task_queues = [
        Queue(name)  # type: ignore[no-untyped-call]
        for name in queues.ALL
    ]
    celery.conf.beat_schedule_filename = str(config.var / "beat")
    return celery
