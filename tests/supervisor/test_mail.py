"""The mail catcher: what is sent arrives in a folder, and it ends when it is told to."""

import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.supervisor.ports import free_port
from tests.support.processes import wait_for

Catcher = tuple["subprocess.Popen[bytes]", int]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def catcher(tmp_path: Path) -> Iterator[Catcher]:
    port = free_port()
    command = [sys.executable, "-m", "portal.supervisor.mail", str(tmp_path), str(port)]
    with subprocess.Popen(command) as process:
        wait_for(lambda: listens(port), "it listens")
        yield process, port
        process.kill()


def test_a_message_becomes_a_file(catcher: Catcher, tmp_path: Path) -> None:
    with smtplib.SMTP("127.0.0.1", catcher[1]) as server:
        server.sendmail("a@example.org", ["b@example.org"], "Subject: Hello\r\n\r\nThere.\r\n")
    [file] = tmp_path.glob("*.eml")
    assert "Subject: Hello" in file.read_text()


def test_it_ends_however_often_it_is_told_to(catcher: Catcher) -> None:
    process, _ = catcher
    for _ in range(20):
        process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
