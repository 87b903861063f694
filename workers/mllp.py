"""The MLLP listener: laboratories' messages come in, acknowledgements go out after the commit.

A connection's messages are taken one after another, as HL7's sequence wants it; connections beside
each other. Each process has an event loop for the sockets and threads for the database. A frame
that never ends, noise, or a sender that doesn't read its answers costs its own connection alone.
"""

import asyncio
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

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

log = structlog.get_logger(__name__)

THREADS = 4
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
    ) -> None:
        self._app = app
        self._tls = tls
        self._frame_seconds = frame_seconds
        self._limit = limit
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="intake")
        self._connections: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take no more; what is under way is finished and answered. Call it in the loop."""
        self._stopping.set()

    async def run(self, listening: socket.socket) -> None:
        """Serve until told to stop."""
        server = await asyncio.start_server(
            self._accept, sock=listening, ssl=self._tls, limit=RECEIVE, backlog=BACKLOG
        )
        log.info("mllp_listening", port=listening.getsockname()[1])
        await self._stopping.wait()
        server.close()
        if self._connections:
            await asyncio.wait(self._connections, timeout=STOP_SECONDS)
        for connection in self._connections:
            connection.cancel()
        self._threads.shutdown(wait=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= MOST_CONNECTIONS:
            log.warning("mllp_too_many", count=len(self._connections))
            writer.close()
            return
        self._connections.add(task)
        try:
            await self._converse(reader, writer)
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            log.warning("mllp_connection_ended", error=type(error).__name__)
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), ANSWER_SECONDS)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = FrameReader(self._limit)
        troubles, frame_ends_by = 0, 0.0
        while troubles < MOST_TROUBLES:
            wait = frame_ends_by - time.monotonic() if frames.within else IDLE_SECONDS
            data = await self._receive(reader, wait)
            if not data:
                return
            began = not frames.within
            events = frames.feed(data)
            if began or events:
                frame_ends_by = time.monotonic() + self._frame_seconds
            for event in events:
                troubles += isinstance(event, FramingError)
                await self._answer(writer, await self._take(event))
                if self._stopping.is_set():
                    return
        log.warning("mllp_connection_ended", reason="no MLLP")

    async def _receive(self, reader: asyncio.StreamReader, seconds: float) -> bytes:
        """What comes next; nothing at the end, and when the listener stops between messages."""
        reading = asyncio.ensure_future(reader.read(RECEIVE))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            done, _ = await asyncio.wait(
                (reading, stopping),
                timeout=max(0.0, seconds),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not done:
                raise TimeoutError
            return reading.result() if reading in done else b""
        finally:
            reading.cancel()
            stopping.cancel()

    async def _take(self, event: Frame | FramingError) -> Sequence[bytes]:
        if isinstance(event, Frame):
            work = partial(self._in_context, take_hl7, event.content, _SOURCE)
        elif event.problem == FramingProblem.TOO_LONG:
            work = partial(self._in_context, refuse_too_long, event.start, _SOURCE, self._limit)
        else:
            log.warning("mllp_framing", reason=event.problem.value)
            return ()
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _in_context(self, take: object, *arguments: object) -> Sequence[bytes]:
        with self._app.app_context():
            return take(*arguments).answers  # type: ignore[operator, no-any-return]

    async def _answer(self, writer: asyncio.StreamWriter, answers: Sequence[bytes]) -> None:
        for answer in answers:
            writer.write(frame(answer))
        await asyncio.wait_for(writer.drain(), ANSWER_SECONDS)


def bound_socket(bind: str) -> socket.socket:
    """A listening socket at `host:port`, or the one that was handed over as `fd://N`."""
    if bind.startswith("fd://"):
        return socket.socket(fileno=int(bind.removeprefix("fd://")))
    host, _, port = bind.rpartition(":")
    found = socket.create_server((host.strip("[]"), int(port)), backlog=BACKLOG, reuse_port=False)
    found.setblocking(False)
    return found


async def _serve(config: Config, listening: socket.socket) -> None:
    listener = Listener(create_app(config), tls=server_context(config))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, listener.stop)
    await listener.run(listening)


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
        asyncio.run(_serve(self._config, self._listening))
        sys.stderr.flush()
        os._exit(0)


def main() -> None:
    configure_logging()
    config = load_config()
    listening = bound_socket(config.mllp_bind)
    if config.mllp_processes == 1:
        asyncio.run(_serve(config, listening))
        return
    family = Family(config, listening)
    signal.signal(signal.SIGTERM, family.stop)
    signal.signal(signal.SIGINT, family.stop)
    family.run()


if __name__ == "__main__":
    main()
