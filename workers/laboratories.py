"""The sender: takes orders to laboratories over MLLP. Any number may run at once.

Each laboratory's queue is served by one thread of one process, which holds an advisory lock of the
laboratory's on a connection of its own: messages go out one after another, in the order of their
ids, each answered before the next. A try is counted before it is made, and what came of it is
written after: what a crash leaves in between is sent again, under the same control id.
"""

import signal
import time
from dataclasses import dataclass
from functools import cached_property
from ssl import SSLContext
from threading import Event, Thread
from typing import Any
from uuid import UUID

import psycopg
import structlog
from flask import Flask
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from portal.app import create_app
from portal.config import Config, load_config
from portal.core.actor import WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import TransportError
from portal.core.log import configure_logging
from portal.hl7v2.connection import MllpConnection
from portal.hl7v2.errors import MessageRefused
from portal.requisitions import service
from portal.requisitions.laboratory_queries import CHANNEL
from portal.requisitions.orl import OrderResponse, read_response
from workers.connecting import Connection, connect, listen, serve_connected, sleep
from workers.mllp_tls import client_context

log = structlog.get_logger(__name__)

# A thread that waits for a laboratory's answer is given so long when the process ends.
LEAVE_SECONDS = 3.0

AWAY = (psycopg.OperationalError, psycopg.InterfaceError, DBAPIError, PoolTimeout)

_WAITING = """
    SELECT DISTINCT m.laboratory_id FROM laboratory_message m
    JOIN laboratory l ON l.id = m.laboratory_id
    WHERE m.status = 'queued' AND m.transport = 'mllp' AND m.content IS NOT NULL
      AND l.active AND l.transport = 'mllp'
"""
_HEAD = """
    SELECT m.id, greatest(0, extract(epoch FROM m.next_try_at - now())) AS wait,
           l.mllp_host AS host, l.mllp_port AS port, l.mllp_tls AS tls
    FROM laboratory_message m JOIN laboratory l ON l.id = m.laboratory_id
    WHERE m.laboratory_id = %s AND m.status = 'queued' AND m.transport = 'mllp'
      AND m.content IS NOT NULL AND l.active AND l.transport = 'mllp'
    ORDER BY m.id LIMIT 1
"""
_OWN = "SELECT pg_try_advisory_lock(hashtextextended('laboratory ' || %s::text, 0)) AS mine"


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between looks when nobody rings, to connect, for an answer, and until a line on
    which nothing happens is hung up."""

    patience: float = 1.0
    connect: float = 10.0
    answer: float = 30.0
    idle: float = 120.0


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    tls: bool


class Line(Thread):
    """What serves one laboratory's queue, while there is something in it."""

    def __init__(self, sender: "Sender", laboratory_id: UUID) -> None:
        super().__init__(name=f"laboratory-{laboratory_id}", daemon=True)
        self._sender = sender
        self._laboratory_id = laboratory_id
        self._bell = Event()
        self._stopping = False

    def ring(self) -> None:
        """There is something new in the queue."""
        self._bell.set()

    def stop(self) -> None:
        self._stopping = True
        self._bell.set()

    def run(self) -> None:
        try:
            with self._sender.app.app_context(), self._sender.connect() as owner:
                if owner.execute(_OWN, (self._laboratory_id,)).fetchone().mine:  # type: ignore[union-attr]
                    self._serve(owner)
        except AWAY as error:
            self._say("line_interrupted", error)
        except Exception as error:
            log.error("line_failed", resource=str(self._laboratory_id), exc_info=error)

    def _say(self, what: str, error: BaseException) -> None:
        log.warning(what, resource=str(self._laboratory_id), error=type(error).__name__)

    def _serve(self, owner: Connection) -> None:
        """Send until there is nothing to send for a while. Reading the queue on the connection that
        holds the lock is the proof that it still does."""
        idle_since = time.monotonic()
        address: Address | None = None
        line: MllpConnection | None = None
        try:
            while not self._stopping:
                head = owner.execute(_HEAD, (self._laboratory_id,)).fetchone()
                if head is None and time.monotonic() - idle_since > self._sender.pace.idle:
                    return
                if head is None or head.wait > 0:
                    self._wait(line, float(head.wait) if head else None)
                    continue
                wanted = Address(head.host, head.port, head.tls)
                if line is None or wanted != address:
                    line, address = self._open(wanted, instead_of=line), wanted
                self._send(line, head.id)
                self._take_unasked(line)
                idle_since = time.monotonic()
        finally:
            if line is not None:
                line.close()

    def _open(self, address: Address, instead_of: MllpConnection | None) -> MllpConnection:
        if instead_of is not None:
            instead_of.close()
        pace = self._sender.pace
        return MllpConnection(
            address.host,
            address.port,
            tls=self._sender.tls if address.tls else None,
            connect_timeout=pace.connect,
            answer_timeout=pace.answer,
        )

    def _wait(self, line: MllpConnection | None, seconds: float | None) -> None:
        """Until somebody rings, or for as long as the next try has to wait."""
        patience = self._sender.pace.patience
        self._bell.wait(patience if seconds is None else min(seconds, patience))
        self._bell.clear()
        if line is not None:
            self._take_unasked(line)

    def _send(self, line: MllpConnection, message_id: UUID) -> None:
        with transaction(WORKER) as session:
            outgoing = service.take_message(session=session, message_id=message_id, now=utcnow())
        if outgoing is None:
            return
        try:
            response = read_response(line.exchange(outgoing.content))
        except (TransportError, MessageRefused) as error:
            line.close()
            self._failed(message_id, outgoing.attempt, error)
            return
        with transaction(WORKER) as session:
            service.record_answer(
                session=session, message_id=message_id, response=response, now=utcnow()
            )
        log.info(
            "order_answered",
            resource=str(self._laboratory_id),
            event_id=str(message_id),
            attempt=outgoing.attempt,
            outcome=response.code,
        )

    def _failed(self, message_id: UUID, attempt: int, error: Exception) -> None:
        # What a laboratory sent that is no answer may hold anything: only that it was none is kept.
        said = str(error) if isinstance(error, TransportError) else "MLLP: no answer to an order"
        with transaction(WORKER) as session:
            service.record_failure(session=session, message_id=message_id, error=said, now=utcnow())
        log.warning(
            "order_not_answered",
            resource=str(self._laboratory_id),
            event_id=str(message_id),
            attempt=attempt,
            error=said,
        )

    def _take_unasked(self, line: MllpConnection) -> None:
        """Application acknowledgements that come on the same connection, after the accept ones."""
        for content in line.unasked():
            try:
                response = read_response(content)
            except MessageRefused as error:
                self._say("answer_unreadable", error)
                continue
            self._take(response)

    def _take(self, response: OrderResponse) -> None:
        with transaction(WORKER) as session:
            service.take_response(
                session=session,
                actor=WORKER,
                laboratory_id=self._laboratory_id,
                response=response,
                now=utcnow(),
            )


class Sender:
    """One sender process."""

    def __init__(self, app: Flask, config: Config, pace: Pace | None = None) -> None:
        self.app = app
        self.pace = pace or Pace()
        self._config = config
        self._lines: dict[UUID, Line] = {}
        self._stopping = False

    @cached_property
    def tls(self) -> SSLContext:
        return client_context(self._config)

    def stop(self, *_signal: Any) -> None:
        """Safe in a signal handler, which the next signal may interrupt: it takes no lock."""
        self._stopping = True

    def run(self) -> None:
        """Send until told to stop; a database that is away is waited for."""
        serve_connected(
            self.connect, self._watch, name="sender", away=AWAY, stopping=lambda: self._stopping
        )
        self._leave()

    def connect(self) -> Connection:
        """A connection of its own, as the workers' role."""
        return connect(self._config, "laboratories")

    def _watch(self, connection: Connection) -> None:
        listen(connection, CHANNEL)
        while not self._stopping:
            for row in connection.execute(_WAITING).fetchall():
                self._begin(row.laboratory_id)
            for notice in connection.notifies(timeout=self.pace.patience, stop_after=1):
                self._ring(UUID(notice.payload))

    def _begin(self, laboratory_id: UUID) -> None:
        """A line where there is none, or none any more; one that another process has ends at
        once."""
        line = self._lines.get(laboratory_id)
        if line is None or not line.is_alive():
            self._lines[laboratory_id] = line = Line(self, laboratory_id)
            line.start()

    def _ring(self, laboratory_id: UUID) -> None:
        if (line := self._lines.get(laboratory_id)) is not None:
            line.ring()

    def _leave(self) -> None:
        """Let lines finish what they are at; what waits for an answer is sent again later."""
        for line in self._lines.values():
            line.stop()
        sleep(LEAVE_SECONDS, lambda: not any(one.is_alive() for one in self._lines.values()))


def main() -> None:
    configure_logging()
    config = load_config()
    sender = Sender(create_app(config), config)
    signal.signal(signal.SIGTERM, sender.stop)
    signal.signal(signal.SIGINT, sender.stop)
    sender.run()


if __name__ == "__main__":
    main()
