"""Exchanges over a real socket with a laboratory's system that answers as real ones do."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from portal.core.errors import TransportError
from portal.hl7v2.connection import MllpConnection
from portal.hl7v2.framing import Frame, FrameReader, frame
from tests.support.certificates import certificate

Behaviour = Callable[[socket.socket, bytes], None]


def order(control_id: str) -> bytes:
    return f"MSH|^~\\&|PORTAL|C|LAB|L|20260301||OML^O21|{control_id}|P|2.5.1\r".encode()


def answer(control_id: str, code: str = "AA") -> bytes:
    return f"MSH|^~\\&|LAB|L|PORTAL|C|20260301||ACK|A1|P|2.5.1\rMSA|{code}|{control_id}\r".encode()


def id_of(message: bytes) -> str:
    return message.split(b"|")[9].decode()


class Laboratory:
    """Serves one connection after another; each message is handled by the next behaviour."""

    def __init__(self, behaviours: list[Behaviour], tls: ssl.SSLContext | None = None) -> None:
        self.behaviours = behaviours
        self.tls = tls
        self.received: list[bytes] = []
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]

    def serve(self) -> None:
        while True:
            try:
                connection, _peer = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            # A client that doesn't trust us, or hangs up early, is its own affair.
            with connection, suppress(OSError):
                self.talk(self.tls.wrap_socket(connection, True) if self.tls else connection)

    def talk(self, connection: socket.socket) -> None:
        reader = FrameReader(10_000)
        while data := connection.recv(4096):
            for event in reader.feed(data):
                assert isinstance(event, Frame)
                self.received.append(event.content)
                try:
                    self.behaviours.pop(0)(connection, event.content)
                except HungUp:
                    return


class HungUp(Exception):
    pass


def accepts(connection: socket.socket, message: bytes) -> None:
    connection.sendall(frame(answer(id_of(message))))


def in_pieces(connection: socket.socket, message: bytes) -> None:
    for byte in frame(answer(id_of(message))):
        connection.sendall(bytes([byte]))


def after_earlier(connection: socket.socket, message: bytes) -> None:
    connection.sendall(frame(answer("EARLIER")) + frame(answer(id_of(message))))


def commits_first(connection: socket.socket, message: bytes) -> None:
    both = answer(id_of(message), "CA"), answer(id_of(message))
    connection.sendall(b"".join(map(frame, both)))


def drops(connection: socket.socket, message: bytes) -> None:
    raise HungUp


def accepts_and_drops(connection: socket.socket, message: bytes) -> None:
    accepts(connection, message)
    raise HungUp


def stays_silent(connection: socket.socket, message: bytes) -> None:
    pass


def speaks_http(connection: socket.socket, message: bytes) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def sends_nonsense(connection: socket.socket, message: bytes) -> None:
    connection.sendall(frame(b"what?"))


def sends_no_msa(connection: socket.socket, message: bytes) -> None:
    connection.sendall(frame(order("OTHER")))


@contextmanager
def laboratory(*behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Laboratory]:
    served = Laboratory(list(behaviours), tls)
    thread = threading.Thread(target=served.serve)
    thread.start()
    try:
        yield served
    finally:
        # Closing alone wakes nobody who waits in accept().
        served.listener.shutdown(socket.SHUT_RDWR)
        served.listener.close()
        thread.join(5)
    assert not thread.is_alive()


def connect(served: Laboratory, answer_timeout: float = 5) -> MllpConnection:
    return MllpConnection("127.0.0.1", served.port, answer_timeout=answer_timeout)


def test_several_messages_over_one_connection() -> None:
    with laboratory(accepts, in_pieces, after_earlier) as served, connect(served) as connection:
        for control_id in ("M1", "M2", "M3"):
            assert connection.exchange(order(control_id)) == answer(control_id)
    assert served.received == [order("M1"), order("M2"), order("M3")]
    assert served.connections == 1


def test_both_acknowledgements_of_enhanced_mode() -> None:
    with laboratory(commits_first, accepts) as served, connect(served) as connection:
        assert connection.exchange(order("M1")) == answer("M1", "CA")
        assert connection.further_answer("M1") == answer("M1")
        assert connection.exchange(order("M2")) == answer("M2")


def test_keepalive() -> None:
    with laboratory(accepts) as served, connect(served) as connection:
        connection.exchange(order("M1"))
        assert connection._socket is not None
        assert connection._socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (drops, "closed without an answer"),
        (speaks_http, "garbage"),
        (sends_nonsense, "can't be read"),
        (sends_no_msa, "no acknowledgement"),
    ],
)
def test_trouble_is_told_and_the_next_exchange_connects_anew(trouble: Behaviour, said: str) -> None:
    with laboratory(trouble, accepts) as served, connect(served) as connection:
        with pytest.raises(TransportError, match=said):
            connection.exchange(order("M1"))
        assert connection.exchange(order("M1")) == answer("M1")
    assert served.connections == 2


def test_silence() -> None:
    with laboratory(stays_silent, accepts) as served, connect(served, 0.2) as connection:
        with pytest.raises(TransportError, match=r"Timeout|in time"):
            connection.exchange(order("M1"))
        assert connection.exchange(order("M1")) == answer("M1")
    assert served.connections == 2


def test_a_connection_that_was_hung_up_while_idle_is_opened_again() -> None:
    with laboratory(accepts_and_drops, accepts) as served, connect(served) as connection:
        connection.exchange(order("M1"))
        assert connection._socket is not None
        connection._socket.settimeout(5)
        assert connection._socket.recv(1, socket.MSG_PEEK) == b""
        assert connection.exchange(order("M2")) == answer("M2")


def test_nobody_listens() -> None:
    with laboratory() as served:
        port = served.port
    connection = MllpConnection("127.0.0.1", port, connect_timeout=1)
    with pytest.raises(TransportError, match="ConnectionRefusedError"):
        connection.exchange(order("M1"))
    with pytest.raises(TransportError, match="not connected"):
        connection.further_answer("M1")


@pytest.mark.parametrize("content", [b"", b"MSH|^~\\&|A|B", b"hello"])
def test_a_message_without_control_id_is_not_sent(content: bytes) -> None:
    with pytest.raises(ValueError, match="control id"):
        MllpConnection("127.0.0.1", 1).exchange(content)


def test_tls(tmp_path: Path) -> None:
    path = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    trusting = ssl.create_default_context(cafile=str(path))
    with laboratory(accepts, accepts, tls=server) as served:
        with MllpConnection("127.0.0.1", served.port, tls=trusting) as connection:
            assert connection.exchange(order("M1")) == answer("M1")
            assert connection.exchange(order("M2")) == answer("M2")
        unknown = MllpConnection("127.0.0.1", served.port, tls=ssl.create_default_context())
        with pytest.raises(TransportError, match="SSLCertVerificationError"):
            unknown.exchange(order("M3"))
    assert served.connections == 2
    assert len(served.received) == 2
