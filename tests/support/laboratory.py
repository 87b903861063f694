"""A laboratory on loopback: a real MLLP server that answers orders as it is told to."""

import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition, Thread

from portal.hl7v2.framing import Frame, FrameReader, frame
from portal.hl7v2.reading import Message, read

LARGEST = 1_000_000


class HangUp(Exception):
    """An answer that is none: the connection is dropped after the message was received."""


Answer = Callable[[Message], Sequence[bytes]]


def _head(message: Message, kind: str) -> str:
    to = f"{message.sending_application}|{message.sending_facility}"
    us = f"{message.receiving_application}|{message.receiving_facility}"
    return f"MSH|^~\\&|{us}|{to}|20260304||{kind}|R{message.control_id}|P|2.5.1\r"


def placer_number(message: Message) -> str:
    orc = message.segment("ORC")
    assert orc is not None
    return orc.text(2)


def acknowledges(code: str, text: str = "") -> Answer:
    """A plain acknowledgement: AA, AE, AR, CA, CE, CR."""

    def answer(message: Message) -> list[bytes]:
        error = f"ERR||PID^1|101|E||||{text}\r" if text else ""
        head = _head(message, "ACK^O21^ACK")
        return [f"{head}MSA|{code}|{message.control_id}\r{error}".encode()]

    return answer


def responds(control: str = "OK", filler_number: str = "F-1", reason: str = "") -> Answer:
    """An ORL^O22 that says of the order: OK, or UA and why."""

    def answer(message: Message) -> list[bytes]:
        orc = f"ORC|{control}|{placer_number(message)}|{filler_number}|||||||||||||{reason}"
        head = _head(message, "ORL^O22^ORL_O22")
        return [f"{head}MSA|AA|{message.control_id}\r{orc}\r".encode()]

    return answer


def commits_then(later: Answer) -> Answer:
    """An accept acknowledgement, and the application's right behind it on the same connection."""

    def answer(message: Message) -> list[bytes]:
        return [*acknowledges("CA")(message), *later(message)]

    return answer


def stays_silent(_message: Message) -> list[bytes]:
    return []


def drops(_message: Message) -> list[bytes]:
    raise HangUp


def sends_garbage(_message: Message) -> list[bytes]:
    return [b"this is no answer"]


@dataclass(slots=True)
class TestLaboratory:
    """`answers` are used one after another, then `otherwise`; `received` is what came."""

    __test__ = False

    host: str = "127.0.0.1"
    port: int = 0
    answers: deque[Answer] = field(default_factory=deque)
    otherwise: Answer = field(default_factory=lambda: acknowledges("AA"))
    received: list[Message] = field(default_factory=list)
    connections: int = 0
    changed: Condition = field(default_factory=Condition)

    @property
    def control_ids(self) -> list[str]:
        return [message.control_id for message in self.received]

    def wait_for(self, count: int, seconds: float = 15) -> list[Message]:
        """The messages, once so many came."""
        with self.changed:
            arrived = self.changed.wait_for(lambda: len(self.received) >= count, seconds)
            assert arrived, f"{len(self.received)} of {count} messages came"
            return list(self.received)

    def _take(self, content: bytes) -> Sequence[bytes]:
        message = read(content)
        with self.changed:
            self.received.append(message)
            answer = self.answers.popleft() if self.answers else self.otherwise
            self.changed.notify_all()
        return answer(message)

    def _talk(self, connection: socket.socket) -> None:
        reader = FrameReader(LARGEST)
        with connection:
            try:
                while data := connection.recv(65536):
                    for event in reader.feed(data):
                        assert isinstance(event, Frame)
                        for one in self._take(event.content):
                            connection.sendall(frame(one))
            except (HangUp, OSError):
                return

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            self.connections += 1
            Thread(target=self._talk, args=(connection,), daemon=True).start()


@contextmanager
def listening_laboratory(*answers: Answer, port: int = 0) -> Iterator[TestLaboratory]:
    """A laboratory that listens while the block lasts."""
    laboratory = TestLaboratory(answers=deque(answers))
    listener = socket.create_server((laboratory.host, port))
    laboratory.port = listener.getsockname()[1]
    thread = Thread(target=laboratory._serve, args=(listener,), daemon=True)
    thread.start()
    try:
        yield laboratory
    finally:
        # Closing alone wakes nobody who waits in accept().
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
