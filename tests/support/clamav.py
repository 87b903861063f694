"""A virus scanner on loopback: a real socket server that speaks clamd's INSTREAM."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer, ThreadingUnixStreamServer
from threading import Event, Thread


class Mood(StrEnum):
    """How it behaves from now on."""

    WORKS = "works"
    FAILS = "fails"
    HANGS_UP = "hangs_up"
    SILENT = "silent"


VIRUS = b"this-passes-for-a-virus"
FINDING = "Test.Signature-1"


@dataclass(slots=True)
class Scanner:
    """It finds FINDING in whatever has VIRUS in it; `received` is what it was sent."""

    url: str = ""
    mood: Mood = Mood.WORKS
    largest: int = 25 * 1024 * 1024
    received: list[bytes] = field(default_factory=list)
    _closing: Event = field(default_factory=Event)

    def answer(self, content: bytes) -> bytes:
        if self.mood == Mood.FAILS:
            return b"stream: Can't allocate memory ERROR\0"
        if VIRUS in content:
            return f"stream: {FINDING} FOUND\0".encode()
        return b"stream: OK\0"


class _Handler(BaseRequestHandler):
    scanner: Scanner

    def handle(self) -> None:
        assert self._exactly(10) == b"zINSTREAM\0"
        if self.scanner.mood == Mood.HANGS_UP:
            return
        content = b""
        while size := struct.unpack(">I", self._exactly(4))[0]:
            content += self._exactly(size)
            if len(content) > self.scanner.largest:
                self.request.sendall(b"INSTREAM size limit exceeded. ERROR\0")
                return
        self.scanner.received.append(content)
        if self.scanner.mood == Mood.SILENT:
            self.scanner._closing.wait(120)
            return
        self.request.sendall(self.scanner.answer(content))

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            part = self.request.recv(size - len(found))
            assert part, "hung up in the middle"
            found += part
        return found


@contextmanager
def scanning(socket_path: Path | None = None) -> Iterator[Scanner]:
    """A scanner while the block lasts, on a TCP port or at a Unix socket."""
    scanner = Scanner()
    handler = type("Handler", (_Handler,), {"scanner": scanner})
    server: ThreadingTCPServer | ThreadingUnixStreamServer
    if socket_path is None:
        server = ThreadingTCPServer(("127.0.0.1", 0), handler)
        scanner.url = f"tcp://127.0.0.1:{server.server_address[1]}"
    else:
        server = ThreadingUnixStreamServer(str(socket_path), handler)
        scanner.url = f"unix://{socket_path}"
    server.daemon_threads = True
    with server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield scanner
        finally:
            scanner._closing.set()
            server.shutdown()
