"""Uploads to the real web server over a socket: streamed, and cut off in the middle."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from portal.config import Config
from portal.core.actor import ActorKind
from portal.supervisor.ports import free_port
from tests.attachments import files
from tests.attachments.conftest import kept, rows
from tests.attachments.files import PDF
from tests.support.clinic import SmallClinic, token_for
from tests.support.processes import wait_for

pytestmark = pytest.mark.usefixtures("storage")

NAME = {"Content-Disposition": 'attachment; filename="a.pdf"', "Content-Type": "application/pdf"}


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def port(environ: dict[str, str]) -> Iterator[int]:
    """The port of a web server with the settings of these tests, and a small limit."""
    port = free_port()
    settings = {
        "PORTAL_BIND": f"127.0.0.1:{port}",
        "PORTAL_WEB_WORKERS": "1",
        "PORTAL_ATTACHMENT_BYTES": "300000",
    }
    command = ["-m", "gunicorn", "-c", "python:portal.web.gunicorn_conf", "wsgi:app"]
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environ, **settings},
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: answers(port), "the web server answers")
        yield port
    finally:
        process.terminate()
        process.wait(120)


@pytest.fixture
def token(clinic: SmallClinic) -> str:
    return token_for(ActorKind.PATIENT, clinic.patient.id)


def in_parts(content: bytes) -> Iterator[bytes]:
    for at in range(0, len(content), 1000):
        yield content[at : at + 1000]


def test_a_stream_is_kept_whole(port: int, token: str, config: Config) -> None:
    picture = files.picture("PNG", side=280)
    assert 100_000 < len(picture) < 300_000
    answer = httpx.post(
        f"http://127.0.0.1:{port}/api/v1/attachments",
        content=in_parts(picture),
        headers={**NAME, "Content-Type": "image/png", "Authorization": f"Bearer {token}"},
    )
    assert (answer.status_code, answer.json()["size"]) == (201, len(picture)), answer.text
    assert [path.read_bytes() for path in kept(config)] == [picture]


def test_a_stream_without_end_is_ended(port: int, token: str, config: Config) -> None:
    answer = httpx.post(
        f"http://127.0.0.1:{port}/api/v1/attachments",
        content=in_parts(PDF + bytes(310_000)),
        headers={**NAME, "Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 413
    assert (rows(), kept(config)) == (0, [])


@pytest.mark.parametrize("chunked", [False, True])
def test_a_sender_that_hangs_up_leaves_nothing(
    port: int, token: str, config: Config, chunked: bool
) -> None:
    """All but the end has arrived: a PDF's last kilobyte would tell, a text's would not."""
    text = b"A line that could be the last one.\n" * 3000
    announced = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(text) + 1000}"
    head = (
        "POST /api/v1/attachments HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: text/plain\r\n"
        f"Content-Disposition: {NAME['Content-Disposition']}\r\n{announced}\r\n\r\n"
    ).encode()
    body = f"{len(text):x}\r\n".encode() + text + b"\r\n" if chunked else text
    with socket.create_connection(("127.0.0.1", port), 10) as sender:
        sender.sendall(head + body)
        sender.shutdown(socket.SHUT_WR)
        answer = sender.recv(4096)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert (rows(), kept(config)) == (0, [])
