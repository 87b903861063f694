"""A worker's connection to the broker."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kombu.messaging import Consumer

from portal.config import Config
from portal.embedded import EmbeddedValkey
from workers import queues
from workers.broker import RUN_EVENTS, make_celery


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey")
    server.start()
    yield server
    server.remove()


def test_a_task_whose_broker_has_gone_is_under_way_no_more(
    config: Config, valkey: EmbeddedValkey
) -> None:
    """Else the worker would wait for it for ever, and take nothing from the next broker."""
    celery = make_celery(replace(config, redis_url=valkey.url))
    celery.send_task(RUN_EVENTS, ("refill.moved", []), queue=queues.ROUTING)
    taken: list[Any] = []
    with celery.connection_for_read() as connection, connection.channel() as channel:
        with Consumer(  # type: ignore[no-untyped-call]
            channel,
            [celery.amqp.queues[queues.ROUTING]],
            on_message=taken.append,
            prefetch_count=1,
        ):
            connection.drain_events(timeout=120)
        [message] = taken
        assert not channel.qos.can_consume()
        valkey.kill()
        message.ack_log_error(logging.getLogger(__name__), connection.connection_errors)
        assert channel.qos.can_consume()
        valkey.start()
