"""Asking a virus scanner: clamd's INSTREAM command (clamd(8)), which others speak too."""

import re
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from portal.core.errors import TransportError

CONNECT_SECONDS = 5.0
# For each part and for the verdict; a task's own limit ends what takes longer in all.
ANSWER_SECONDS = 15.0
CHUNK = 64 * 1024
LONGEST_ANSWER = 4096
_TOO_LARGE = "size limit exceeded"
_FOUND = re.compile(r"stream: (.+) FOUND")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a scanner said. `finding` is what it found; `refused` why it will never look at this."""

    finding: str | None = None
    refused: str | None = None


def scan(url: str, path: Path) -> Verdict:
    """Have a file's content scanned by the scanner at `tcp://host:port` or `unix:///path`.

    Raises TransportError for whatever may go better another time.
    """
    try:
        with path.open("rb") as content, _connect(url) as scanner:
            scanner.settimeout(ANSWER_SECONDS)
            answer = _exchange(scanner, content)
    except FileNotFoundError:
        raise TransportError("the file or the scanner's socket is not there") from None
    except OSError as error:
        raise TransportError(type(error).__name__) from None
    return _verdict(answer)


def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        scanner = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            scanner.settimeout(CONNECT_SECONDS)
            scanner.connect(unquote(parts.path))
        except OSError:
            scanner.close()
            raise
        return scanner
    return socket.create_connection((parts.hostname, parts.port or 3310), CONNECT_SECONDS)


def _exchange(scanner: socket.socket, content: IO[bytes]) -> str:
    """Send everything, then read the answer. A scanner that has heard enough hangs up early, and
    has said why."""
    try:
        scanner.sendall(b"zINSTREAM\0")
        while chunk := content.read(CHUNK):
            scanner.sendall(struct.pack(">I", len(chunk)) + chunk)
        scanner.sendall(struct.pack(">I", 0))
    except (BrokenPipeError, ConnectionResetError):
        pass
    answer = b""
    while len(answer) < LONGEST_ANSWER and (part := scanner.recv(LONGEST_ANSWER)):
        answer += part
        if answer.endswith(b"\0"):
            break
    return answer.rstrip(b"\0\n").decode("utf-8", "replace")


def _verdict(answer: str) -> Verdict:
    if answer == "stream: OK":
        return Verdict()
    if (found := _FOUND.fullmatch(answer)) is not None:
        return Verdict(finding=found[1][:200])
    if answer.endswith("ERROR") and _TOO_LARGE in answer:
        return Verdict(refused="larger than the scanner takes")
    raise TransportError("the scanner failed" if answer else "the scanner said nothing")
