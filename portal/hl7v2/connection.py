"""Sending messages over MLLP, one at a time, each answered before the next."""

import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from portal.core.errors import TransportError
from portal.hl7v2.errors import MessageRefused
from portal.hl7v2.framing import Event, Frame, FrameReader, frame
from portal.hl7v2.reading import header_of, read

LARGEST_ANSWER = 1_000_000
# Answers to earlier messages that may come before ours.
_MOST_EARLIER = 100
_PIECE = 65536


class MllpConnection:
    """A connection that is opened when first needed, and again after trouble.

    Times are in seconds; `answer_timeout` bounds a whole exchange. Not for several threads.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        connect_timeout: float = 10,
        answer_timeout: float = 30,
    ) -> None:
        self._address = (host, port)
        self._tls = tls
        self._connect_timeout = connect_timeout
        self._answer_timeout = answer_timeout
        self._socket: socket.socket | None = None
        self._reader = FrameReader(LARGEST_ANSWER)
        self._events: deque[Event] = deque()
        self._others: list[bytes] = []

    def exchange(self, content: bytes) -> bytes:
        """Send a message and wait for the answer that names its control id.

        Raises TransportError for silence, a lost connection, or bytes that are no answer; whether
        the message was taken is unknown then, and it may be sent again with the same control id.
        """
        header = header_of(content)
        if header is None or not header.control_id:
            raise ValueError("a message to be answered has a control id")
        framed = frame(content)
        with self._given_up_on_trouble():
            connected = self._connected()
            connected.settimeout(self._answer_timeout)
            connected.sendall(framed)
            return self._answer(connected, header.control_id)

    def further_answer(self, control_id: str) -> bytes:
        """The application acknowledgement that follows an accept acknowledgement (CA).

        Raises TransportError as `exchange` does. Some send it over a connection of their own.
        """
        with self._given_up_on_trouble():
            if self._socket is None:
                raise TransportError("MLLP: not connected")
            return self._answer(self._socket, control_id)

    def unasked(self) -> list[bytes]:
        """What came besides the answers that were waited for, such as application acknowledgements
        that follow an accept one. Waits for nothing."""
        if self._socket is not None:
            with suppress(OSError):
                self._drain(self._socket)
        self._others += [one.content for one in self._events if isinstance(one, Frame)]
        self._events.clear()
        found, self._others = self._others, []
        return found

    def _drain(self, connected: socket.socket) -> None:
        connected.settimeout(0)
        while data := connected.recv(_PIECE):
            self._events.extend(self._reader.feed(data))

    @contextmanager
    def _given_up_on_trouble(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.close()
            raise TransportError(f"MLLP: {type(error).__name__}") from None
        except TransportError:
            self.close()
            raise

    def close(self) -> None:
        if self._socket:
            self._socket.close()
        self._socket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _connected(self) -> socket.socket:
        if self._socket and self._closed_by_peer(self._socket):
            self.close()
        if self._socket is None:
            plain = socket.create_connection(self._address, self._connect_timeout)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = self._secured(plain)
            self._reader = FrameReader(LARGEST_ANSWER)
            self._events.clear()
        return self._socket

    def _closed_by_peer(self, connected: socket.socket) -> bool:
        """Whether the other end hung up since the last exchange, as many do when idle."""
        if self._tls or not select.select([connected], [], [], 0)[0]:
            return False
        try:
            return not connected.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def _secured(self, plain: socket.socket) -> socket.socket:
        if self._tls is None:
            return plain
        try:
            return self._tls.wrap_socket(plain, server_hostname=self._address[0])
        except OSError:
            plain.close()
            raise

    def _answer(self, connected: socket.socket, control_id: str) -> bytes:
        until = time.monotonic() + self._answer_timeout
        for _earlier in range(_MOST_EARLIER):
            event = self._next_event(connected, until)
            if not isinstance(event, Frame):
                raise TransportError(f"MLLP: {event.problem.value}")
            if _answered_id(event.content) == control_id:
                return event.content
            self._others.append(event.content)
        raise TransportError("MLLP: answers to other messages only")

    def _next_event(self, connected: socket.socket, until: float) -> Event:
        while not self._events:
            left = until - time.monotonic()
            if left <= 0:
                raise TransportError("MLLP: no answer in time")
            connected.settimeout(left)
            data = connected.recv(_PIECE)
            if not data:
                raise TransportError("MLLP: closed without an answer")
            self._events.extend(self._reader.feed(data))
        return self._events.popleft()


def _answered_id(content: bytes) -> str:
    """The control id that an answer names (MSA-2)."""
    try:
        msa = read(content, answer=True).segment("MSA")
    except MessageRefused:
        raise TransportError("MLLP: an answer that can't be read") from None
    if msa is None:
        raise TransportError("MLLP: no acknowledgement")
    return msa.text(2)
