"""Looking at and ending real processes."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from portal.embedded.processes import is_alive

POLL_SECONDS = 0.1


def children(pid: int) -> list[int]:
    """The processes that a process has started itself."""
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found.extend(map(int, (thread / "children").read_text().split()))
    return found


def family(pid: int) -> list[int]:
    """A process, its children, and theirs."""
    return [pid, *(one for child in children(pid) for one in family(child))]


def kill(pids: Iterable[int]) -> None:
    """kill -9."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def alive(pids: Iterable[int]) -> list[int]:
    return [pid for pid in pids if is_alive(pid)]


def wait_for(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait until something holds; fails naming it when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(POLL_SECONDS)
