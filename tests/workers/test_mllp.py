"""The MLLP listener: it answers what was committed, and survives whatever comes."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

from portal.supervisor.ports import free_port
from tests.results.conftest import order
from tests.results.messages import obr, obx, oru
from tests.results.test_intake import kept, reports, values
from tests.support.clinic import SmallClinic
from tests.support.mllp import Sender, listener
from tests.support.processes import children, wait_for

ROOT = Path(__file__).parents[2]
SMALL = 100_000


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    with listener(app, frame_seconds=0.5, limit=SMALL) as port:
        yield port


def result(placer: str, control_id: str = "M1", value: str = "4.2") -> bytes:
    return oru(control_id, obr(placer), obx("potassium", value))


def test_messages_on_one_connection_are_answered_in_their_order(
    clinic: SmallClinic, port: int
) -> None:
    sender = Sender(port)
    ids = [f"M{number}" for number in range(20)]
    for id_ in ids:
        sender.send(result(order(clinic).placer_number, id_))
    answers = [sender.answer() for _ in ids]
    assert [answer.split(b"MSA|")[1].split(b"\r")[0] for answer in answers] == [
        f"AA|{id_}".encode() for id_ in ids
    ]
    assert len(reports()) == 20


def test_what_was_answered_is_committed(clinic: SmallClinic, port: int) -> None:
    sender = Sender(port)
    for number in range(5):
        sender.exchange(result(order(clinic).placer_number, f"M{number}"))
        assert len(reports()) == number + 1


def test_a_disconnect_before_the_answer_leaves_one_result(clinic: SmallClinic, port: int) -> None:
    raw = result(order(clinic).placer_number)
    first = Sender(port)
    first.send(raw)
    first.close()
    wait_for(lambda: len(reports()) == 1, "the result is there")
    assert b"MSA|AA|M1" in Sender(port).exchange(raw)
    assert (len(reports()), len(kept())) == (1, 1)


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x0bMSH|^~\\&|half a message",
        b"\x0b\x1c\r",
        b"\x0b" + bytes(range(256)).replace(b"\x0b", b"").replace(b"\x1c", b"") + b"\x1c\r",
        b"\x0bnot HL7 at all\x1c\r",
        b"\x0bPID|1||MRN-0001\x1c\r",
        b"\x0bMSH|||||\x1c\r",
    ],
)
def test_noise_costs_nobody_anything(clinic: SmallClinic, port: int, noise: bytes) -> None:
    bad, good = Sender(port), Sender(port)
    bad.socket.sendall(noise)
    assert b"MSA|AA|M1" in good.exchange(result(order(clinic).placer_number, "M1"))
    # The same connection goes on too: its next frame is taken.
    bad.send(result(order(clinic).placer_number, "M2"))
    answers = [bad.answer()]
    while b"|M2" not in answers[-1]:
        answers.append(bad.answer())
    assert b"MSA|AA|M2" in answers[-1]
    assert len(reports()) == 2


def test_a_connection_of_noise_alone_is_closed(clinic: SmallClinic, port: int) -> None:
    assert clinic.patient.mrn
    sender = Sender(port)
    for _ in range(6):
        sender.socket.sendall(b"\x0btruncated")
    assert sender.ended()


def test_a_frame_that_never_ends_is_given_up(clinic: SmallClinic, port: int) -> None:
    assert clinic.patient.mrn
    slow = Sender(port)
    started = time.monotonic()
    stop = threading.Event()

    def drip() -> None:
        with_start = b"\x0b" + b"MSH|^~\\&|" * 40
        for byte in with_start:
            if stop.wait(0.05):
                return
            try:
                slow.socket.sendall(bytes([byte]))
            except OSError:
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    assert slow.ended()
    stop.set()
    dripping.join()
    assert time.monotonic() - started < 5


def test_a_message_that_is_too_long_is_refused_and_the_connection_goes_on(
    clinic: SmallClinic, port: int
) -> None:
    sender = Sender(port)
    long = oru("M1", obr(order(clinic).placer_number), f"NTE|1||{'x' * SMALL}")
    assert b"MSA|AE|M1" in sender.exchange(long)
    assert b"MSA|AA|M2" in sender.exchange(result(order(clinic).placer_number, "M2"))


def test_versions_that_race_end_as_if_they_had_come_in_order(
    clinic: SmallClinic, port: int
) -> None:
    placer = order(clinic).placer_number
    versions = [
        oru("P", obr(placer, status="P"), obx("potassium", "3.0", "L", "P")),
        oru("F", obr(placer), obx("potassium", "3.1", "L")),
        oru("C", obr(placer, status="C"), obx("potassium", "6.8", "HH", "C")),
    ]
    barrier = threading.Barrier(len(versions))

    def send(raw: bytes) -> bytes:
        sender = Sender(port)
        barrier.wait()
        return sender.exchange(raw)

    with ThreadPoolExecutor(len(versions)) as threads:
        answers = list(threads.map(send, versions))
    assert all(b"MSA|AA" in answer for answer in answers)
    [report] = reports()
    assert report.status == "corrected"
    assert values(report.id) == [("2823-3", "6.8", "critical")]


def test_the_same_message_by_two_connections_at_once_is_one_result(
    clinic: SmallClinic, port: int
) -> None:
    raw = result(order(clinic).placer_number)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _n: Sender(port).exchange(raw), range(4)))
    assert len(set(answers)) == 1
    assert (len(reports()), len(kept())) == (1, 1)


@pytest.fixture
def process(
    environ: dict[str, str], app: Flask, tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`python -m workers.mllp` as it is run in production."""
    assert app.testing
    port = free_port()
    settings = {**os.environ, **environ, "PORTAL_MLLP_BIND": f"127.0.0.1:{port}"}
    with (tmp_path / "mllp.log").open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", "workers.mllp"],
            cwd=ROOT,
            env=settings,
            stdout=output,
            stderr=output,
        )
    wait_for(lambda: len(children(running.pid)) == 2 and _listens(port), "the listener is up")
    yield running, port
    running.terminate()
    assert running.wait(300) == 0, (tmp_path / "mllp.log").read_text()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_process_that_dies_is_replaced_and_nothing_is_lost(
    clinic: SmallClinic, process: tuple[subprocess.Popen[bytes], int]
) -> None:
    running, port = process
    raws = [result(order(clinic).placer_number, f"M{number}") for number in range(10)]
    for number, raw in enumerate(raws):
        if number == 5:
            os.kill(children(running.pid)[0], signal.SIGKILL)
        _send_until_answered(port, raw)
    assert len(reports()) == 10
    wait_for(lambda: len(children(running.pid)) == 2, "the dead process is replaced")


def _send_until_answered(port: int, raw: bytes) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            assert b"MSA|AA" in Sender(port).exchange(raw)
        except (EOFError, OSError):
            assert time.monotonic() < end
            time.sleep(0.1)
        else:
            return


def test_a_peer_with_many_connections_locks_nobody_out(app: Flask, clinic: SmallClinic) -> None:
    """Loopback has many addresses: each is a peer of its own."""
    with listener(app, most_a_peer=3) as port:
        greedy = [Sender(port) for _ in range(3)]
        for number, sender in enumerate(greedy):
            sender.exchange(result(order(clinic).placer_number, f"M{number}"))
        assert Sender(port).ended()
        other = socket.create_connection(
            ("127.0.0.1", port), timeout=10, source_address=("127.0.0.2", 0)
        )
        other.sendall(b"\x0b" + result(order(clinic).placer_number, "M9") + b"\x1c\r")
        assert b"MSA|AA|M9" in other.recv(65_536)
        other.close()
        greedy[0].close()

        def answered() -> bool:
            late = Sender(port)
            try:
                return b"MSA|AA" in late.exchange(result(order(clinic).placer_number, "M10"))
            except (EOFError, ConnectionError):
                return False

        wait_for(answered, "a place is free again")
