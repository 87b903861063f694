"""The relay: takes outbox rows to Celery. Any number may run; none is needed for correctness
alone, since a row stays pending until one has handed it over.
"""

import signal
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import psycopg
import structlog
from celery import Celery
from kombu.exceptions import OperationalError as BrokerAway
from psycopg.rows import namedtuple_row
from redis.exceptions import RedisError

from portal.config import Config, load_config
from portal.core.actor import WORKER
from portal.core.log import configure_logging
from portal.core.outbox import CHANNEL
from workers import celery_app, queues

log = structlog.get_logger(__name__)

BATCH = 500
CHUNK = 50
# How long to sleep when nobody rings: also the pace of the sweep and of retries that fall due.
PATIENCE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 10.0
# What was handed over and isn't done after this long was lost with a broker or a worker.
LOST_AFTER_SECONDS = 60

# Rows that are due, and rows whose task must have been lost. Locked rows belong to another relay.
_TAKE = """
    UPDATE outbox_event SET status = 'published', published_at = now()
    WHERE id IN (
        (SELECT id FROM outbox_event WHERE status = 'pending' AND due_at <= now()
         ORDER BY due_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
        UNION ALL
        (SELECT id FROM outbox_event WHERE status = 'published' AND due_at <= now()
           AND published_at < now() - make_interval(secs => %(lost)s)
         ORDER BY published_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED))
    RETURNING id, kind, extract(epoch FROM now() - created_at) AS age
"""


class Relay:
    """One relay process."""

    def __init__(self, config: Config, celery: Celery) -> None:
        self._dsn = config.database_url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._celery = celery
        self._stopping = False

    def stop(self, *_signal: Any) -> None:
        self._stopping = True

    def run(self) -> None:
        """Relay until told to stop; a database or broker that is away is waited for."""
        pause = PATIENCE_SECONDS
        while not self._stopping:
            try:
                with self._connect() as connection:
                    log.info("relay_connected")
                    pause = PATIENCE_SECONDS
                    self._relay(connection)
            except (psycopg.OperationalError, BrokerAway, RedisError, ConnectionError) as error:
                log.warning("relay_interrupted", error=type(error).__name__, seconds=pause)
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(
            self._dsn,
            autocommit=True,
            application_name="careloop-relay",
            row_factory=namedtuple_row,
        )
        connection.execute(f"SET ROLE {WORKER.kind.database_role}".encode())
        connection.execute(f"LISTEN {CHANNEL}".encode())
        return connection

    def _relay(self, connection: psycopg.Connection[Any]) -> None:
        while not self._stopping:
            while self.hand_over(connection) == BATCH and not self._stopping:
                pass
            for _ in connection.notifies(timeout=PATIENCE_SECONDS, stop_after=1):
                pass

    def hand_over(self, connection: psycopg.Connection[Any]) -> int:
        """Publish one batch and mark it, in one transaction. Returns how many rows it had.

        Published before it is marked: what a crash leaves in between is published again.
        """
        with connection.transaction():
            rows = connection.execute(
                _TAKE, {"batch": BATCH, "lost": LOST_AFTER_SECONDS}
            ).fetchall()
            by_kind: dict[str, list[str]] = defaultdict(list)
            for row in rows:
                by_kind[row.kind].append(str(row.id))
            with self._celery.producer_or_acquire() as producer:
                for kind, ids in by_kind.items():
                    for chunk in _chunks(ids):
                        celery_app.run.apply_async(
                            (kind, chunk),
                            queue=queues.queue_of(kind),
                            producer=producer,
                            retry=False,
                        )
        if rows:
            log.info(
                "relayed", count=len(rows), lag_seconds=round(float(max(r.age for r in rows)), 3)
            )
        return len(rows)


def _chunks(ids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def main() -> None:
    configure_logging()
    relay = Relay(load_config(), celery_app.app)
    signal.signal(signal.SIGTERM, relay.stop)
    signal.signal(signal.SIGINT, relay.stop)
    relay.run()


if __name__ == "__main__":
    main()
