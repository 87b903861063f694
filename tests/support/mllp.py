"""Real listeners and senders of MLLP on loopback."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from flask import Flask

from portal.hl7v2.framing import Frame, FrameReader, frame
from workers.mllp import Listener, bound_socket

TIMEOUT = 10


@contextmanager
def listener(app: Flask, **options: Any) -> Iterator[int]:
    """The listener in a thread of its own; gives its port."""
    listening = bound_socket("127.0.0.1:0")
    port = int(listening.getsockname()[1])
    one = Listener(app, **options)
    thread = Thread(target=one.run, args=(listening,), daemon=True)
    thread.start()
    try:
        yield port
    finally:
        one.stop()
        thread.join(TIMEOUT)


class Sender:
    """A laboratory's connection."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        plain = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self.socket = tls.wrap_socket(plain, server_hostname="127.0.0.1") if tls else plain
        self._frames = FrameReader(1_000_000)
        self._waiting: list[bytes] = []

    def send(self, raw: bytes) -> None:
        self.socket.sendall(frame(raw))

    def answer(self) -> bytes:
        """The next acknowledgement. Raises EOFError when the connection ends instead."""
        while not self._waiting:
            data = self.socket.recv(65_536)
            if not data:
                raise EOFError
            events = self._frames.feed(data)
            self._waiting += [one.content for one in events if isinstance(one, Frame)]
        return self._waiting.pop(0)

    def exchange(self, raw: bytes) -> bytes:
        self.send(raw)
        return self.answer()

    def ended(self) -> bool:
        """Whether the other end closes the connection within a while."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.socket.close()
