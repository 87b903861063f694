"""The MLLP listener: laboratories' messages come in, acknowledgements go out after the commit.

A connection has a thread, which takes its messages one after another, as HL7's sequence wants it;
connections go on beside each other. A frame that never ends, noise, or a sender that doesn't read
its answers costs its own connection alone.
"""

import os
import select
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import structlog
from flask import Flask

from portal.app import create_app
from portal.config import Config, load_config
from portal.core.log import configure_logging
from portal.embedded.lifeline import end_with_parent
from portal.hl7v2.framing import Frame, FrameReader, FramingError, FramingProblem, frame
from portal.results.envelope import Source
from portal.results.intake import LARGEST_MESSAGE, refuse_too_long, take_hl7
from portal.results.states import IntakeTransport
from workers.mllp_tls import server_context
from workers.turns import in_turns

log = structlog.get_logger(__name__)

# Messages that are taken in at a time; each needs a connection to the database.
AT_A_TIME = 4
MOST_CONNECTIONS = 200
RECEIVE = 65_536
# A frame that has begun has to end; between frames a connection may be quiet for hours.
FRAME_SECONDS = 30.0
IDLE_SECONDS = 6 * 3600.0
ANSWER_SECONDS = 10.0
STOP_SECONDS = 8.0
# After so many troubles with framing this is no MLLP.
MOST_TROUBLES = 5
BACKLOG = 128
PAUSE_SECONDS = 1.0
_SOURCE = Source(IntakeTransport.MLLP)


class Listener:
    """One process's part of the listener."""

    def __init__(
        self,
        app: Flask,
        *,
        tls: ssl.SSLContext | None = None,
        frame_seconds: float = FRAME_SECONDS,
        limit: int = LARGEST_MESSAGE,
        most_a_peer: int = MOST_CONNECTIONS,
    ) -> None:
        self._app = app
        self._tls = tls
        self._frame_seconds = frame_seconds
        self._limit = limit
        self._most_a_peer = most_a_peer
        self._places = threading.Semaphore(AT_A_TIME)
        # Each with the address of who is at the other end.
        self._conversations: dict[threading.Thread, str] = {}
        # When the one end is closed, whoever waits at the other wakes up.
        self._stopped, self._stop = socket.socketpair()

    def stop(self, *_signal: object) -> None:
        """Take no more; what is under way is finished and answered. Fit to be a signal handler."""
        self._stop.close()

    def run(self, listening: socket.socket) -> None:
        """Serve until told to stop."""
        log.info("mllp_listening", port=listening.getsockname()[1])
        for connection in in_turns(listening, self._stopped, lambda: len(self._conversations)):
            self._begin(connection)
        listening.close()
        end = time.monotonic() + STOP_SECONDS
        for conversation in list(self._conversations):
            conversation.join(max(0.0, end - time.monotonic()))

    def _begin(self, connection: socket.socket) -> None:
        if len(self._conversations) >= MOST_CONNECTIONS:
            log.warning("mllp_too_many", count=len(self._conversations))
            connection.close()
            return
        peer = _address(connection)
        if list(self._conversations.values()).count(peer) >= self._most_a_peer:
            # Whoever opens one after another takes none from the others.
            log.warning("mllp_too_many_of_a_peer", count=self._most_a_peer)
            connection.close()
            return
        thread = threading.Thread(target=self._attend, args=(connection,), daemon=True)
        self._conversations[thread] = peer
        thread.start()

    def _attend(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(ANSWER_SECONDS)
            with self._secured(connection) as secured, self._app.app_context():
                self._converse(secured)
        except OSError as error:  # a timeout and TLS's errors are too
            log.warning("mllp_connection_ended", error=type(error).__name__)
        except Exception as error:
            log.error("mllp_connection_failed", exc_info=error)
        finally:
            connection.close()
            self._conversations.pop(threading.current_thread(), None)

    def _secured(self, connection: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection

    def _converse(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ready = select.poll()
        ready.register(connection, select.POLLIN)
        ready.register(self._stopped, select.POLLIN)
        frames = FrameReader(self._limit)
        troubles, frame_ends_by = 0, 0.0
        while troubles < MOST_TROUBLES:
            wait = frame_ends_by - time.monotonic() if frames.within else IDLE_SECONDS
            data = self._receive(connection, ready, wait)
            if not data:
                return
            began = not frames.within
            events = frames.feed(data)
            if began or events:
                frame_ends_by = time.monotonic() + self._frame_seconds
            for event in events:
                troubles += isinstance(event, FramingError)
                for answer in self._take(event):
                    connection.sendall(frame(answer))
                if self._stop.fileno() < 0:
                    return
        log.warning("mllp_connection_ended", reason="no MLLP")

    def _receive(self, connection: socket.socket, ready: select.poll, seconds: float) -> bytes:
        """What comes next; nothing at the end, and when the listener stops between messages."""
        if not (isinstance(connection, ssl.SSLSocket) and connection.pending()):
            found = [descriptor for descriptor, _event in ready.poll(max(0.0, seconds) * 1000)]
            if not found:
                raise TimeoutError
            if self._stopped.fileno() in found:
                return b""
        return connection.recv(RECEIVE)

    def _take(self, event: Frame | FramingError) -> Sequence[bytes]:
        if isinstance(event, Frame):
            with self._places:
                return take_hl7(event.content, _SOURCE).answers
        if event.problem == FramingProblem.TOO_LONG:
            with self._places:
                return refuse_too_long(event.start, _SOURCE, self._limit).answers
        log.warning("mllp_framing", reason=event.problem.value)
        return ()


def _address(connection: socket.socket) -> str:
    """Where a connection comes from, without the port; nothing once it has gone."""
    try:
        peer = connection.getpeername()
    except OSError:
        return ""
    return str(peer[0]) if isinstance(peer, tuple) else ""


def bound_socket(bind: str) -> socket.socket:
    """A listening socket at `host:port`, or the one that was handed over as `fd://N`."""
    if bind.startswith("fd://"):
        return socket.socket(fileno=int(bind.removeprefix("fd://")))
    host, _, port = bind.rpartition(":")
    return socket.create_server((host.strip("[]"), int(port)), backlog=BACKLOG, reuse_port=False)


def _serve(config: Config, listening: socket.socket) -> None:
    listener = Listener(
        create_app(config),
        tls=server_context(config),
        most_a_peer=config.mllp_connections_per_peer,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, listener.stop)
    listener.run(listening)


class Family:
    """As many processes as configured on one socket; one that dies is replaced."""

    def __init__(self, config: Config, listening: socket.socket) -> None:
        self._config = config
        self._listening = listening
        self._children: set[int] = set()
        self._stopping = False

    def stop(self, *_signal: object) -> None:
        self._stopping = True
        for child in self._children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)

    def run(self) -> None:
        """Until told to stop and every child has ended."""
        for _ in range(self._config.mllp_processes):
            self._fork()
        while self._children:
            child, status = os.wait()
            self._children.discard(child)
            if not self._stopping:
                log.error("mllp_process_died", status=status)
                time.sleep(PAUSE_SECONDS)
                self._fork()

    def _fork(self) -> None:
        tie_to_parent = end_with_parent(signal.SIGTERM)
        child = os.fork()
        if child:
            self._children.add(child)
            return
        if tie_to_parent is not None:
            tie_to_parent()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        _serve(self._config, self._listening)
        sys.stderr.flush()
        os._exit(0)


def main() -> None:
    configure_logging()
    config = load_config()
    listening = bound_socket(config.mllp_bind)
    if config.mllp_processes == 1:
        _serve(config, listening)
        return
    family = Family(config, listening)
    signal.signal(signal.SIGTERM, family.stop)
    signal.signal(signal.SIGINT, family.stop)
    family.run()


if __name__ == "__main__":
    main()
