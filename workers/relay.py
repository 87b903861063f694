"""The relay: takes outbox rows to Celery. Any number may run at once.

A row is published before it is marked as published, in one transaction: what a crash leaves in
between is published again, and whoever runs it a second time finds it done.
"""

import signal
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import psycopg
import redis
import structlog
from celery import Celery
from kombu.exceptions import OperationalError as BrokerAway
from redis.exceptions import RedisError

from portal.config import Config, load_config
from portal.core.log import configure_logging
from portal.core.outbox import CHANNEL
from workers import queues, tasks
from workers.broker import RUN_EVENTS, make_celery
from workers.connecting import Connection, connect, listen, serve_connected

__all__ = ["Relay", "main", "tasks"]  # importing the tasks registers which kinds reach outside

log = structlog.get_logger(__name__)

BATCH = 500
# How long to sleep when nobody rings: also the pace of retries that fall due.
PATIENCE_SECONDS = 1.0
SWEEP_SECONDS = 5.0
# What was handed over and isn't done after this long was lost with a broker or a worker; unless
# the queues are not empty, for then it may still be in them.
LOST_AFTER_SECONDS = 30
LOST_BEHIND_OTHERS_SECONDS = 600

AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    BrokerAway,
    RedisError,
    ConnectionError,
    TimeoutError,
)

# Locked rows belong to another relay, or to a worker.
_TAKE = """
    WITH taken AS (
        SELECT id FROM outbox_event WHERE {which} LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
    UPDATE outbox_event SET status = 'published', published_at = now()
    FROM taken WHERE outbox_event.id = taken.id
    RETURNING outbox_event.id, kind, extract(epoch FROM now() - due_at) AS late
"""
DUE = _TAKE.format(which="status = 'pending' AND due_at <= now() ORDER BY due_at")
LOST = _TAKE.format(
    which="status = 'published' AND due_at <= now() "
    "AND published_at < now() - make_interval(secs => %(lost)s) ORDER BY published_at"
)


class Relay:
    """One relay process."""

    def __init__(self, config: Config, celery: Celery) -> None:
        self._config = config
        self._broker = redis.Redis.from_url(config.redis_url)
        self._celery = celery
        self._stopping = False

    def stop(self, *_signal: Any) -> None:
        """Safe in a signal handler, which the next signal may interrupt: it takes no lock."""
        self._stopping = True

    def run(self) -> None:
        """Relay until told to stop; a database or broker that is away is waited for."""
        serve_connected(
            self.connect, self._relay, name="relay", away=AWAY, stopping=lambda: self._stopping
        )

    def connect(self) -> Connection:
        """A connection that hears when something is left in the outbox."""
        connection = connect(self._config, "relay")
        listen(connection, CHANNEL)
        return connection

    def _relay(self, connection: Connection) -> None:
        next_sweep = 0.0
        while not self._stopping:
            while self.hand_over(connection, DUE) == BATCH and not self._stopping:
                pass
            if time.monotonic() >= next_sweep:
                self.sweep(connection)
                next_sweep = time.monotonic() + SWEEP_SECONDS
            for _ in connection.notifies(timeout=PATIENCE_SECONDS, stop_after=1):
                pass

    def sweep(self, connection: Connection) -> int:
        """Hand over again what was lost. Returns how many rows that were."""
        waiting = any(self._broker.llen(name) for name in queues.ALL)
        lost = LOST_BEHIND_OTHERS_SECONDS if waiting else LOST_AFTER_SECONDS
        count = self.hand_over(connection, LOST, {"lost": lost})
        if count:
            log.warning("relayed_again", count=count)
        return count

    def hand_over(
        self, connection: Connection, take: str, values: Mapping[str, Any] | None = None
    ) -> int:
        """Publish one batch and mark it, in one transaction. Returns how many rows it had."""
        with connection.transaction():
            rows = connection.execute(take.encode(), {"batch": BATCH, **(values or {})}).fetchall()
            if not rows:
                return 0
            self._publish(rows)
        log.info("relayed", count=len(rows), lag_seconds=round(float(max(r.late for r in rows)), 3))
        return len(rows)

    def _publish(self, rows: Sequence[Any]) -> None:
        by_kind: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            by_kind[row.kind].append(str(row.id))
        with self._celery.producer_or_acquire() as producer:
            for kind, ids in by_kind.items():
                for chunk in _chunks(ids, queues.chunk_of(kind)):
                    self._celery.send_task(
                        RUN_EVENTS,
                        (kind, chunk),
                        queue=queues.queue_of(kind),
                        producer=producer,
                        retry=False,
                    )


def _chunks(ids: Sequence[str], size: int) -> Iterator[list[str]]:
    rest = iter(ids)
    while chunk := list(islice(rest, size)):
        yield chunk


def main() -> None:
    configure_logging()
    config = load_config()
    relay = Relay(config, make_celery(config))
    signal.signal(signal.SIGTERM, relay.stop)
    signal.signal(signal.SIGINT, relay.stop)
    relay.run()


if __name__ == "__main__":
    main()
