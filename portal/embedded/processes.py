"""Questions about other processes, answered from /proc where there is one."""

import os
from pathlib import Path

PROC = Path("/proc")


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists and is more than a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _state(pid) != "Z"


def _state(pid: int) -> str:
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name in parentheses may itself contain spaces and parentheses.
    return stat.rpartition(")")[2].split()[0]


def command_line(pid: int) -> list[str]:
    """The arguments a process was started with; empty when they can't be known."""
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [part.decode(errors="replace") for part in raw.split(b"\0") if part]


def works_in(pid: int, folder: Path) -> bool:
    """Whether the process's working folder is `folder`; True when that can't be known."""
    if not PROC.is_dir():
        return is_alive(pid)
    try:
        return (PROC / str(pid) / "cwd").resolve() == folder.resolve()
    except PermissionError:
        return is_alive(pid)
    except OSError:
        return False
