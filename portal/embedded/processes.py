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


def working_in(folder: Path, program: str) -> list[int]:
    """The processes of a program whose working folder is `folder`, as far as that can be known."""
    if not PROC.is_dir():
        return []
    wanted = folder.resolve()
    return [int(entry.name) for entry in PROC.iterdir() if _is_at(entry, wanted, program)]


def _is_at(entry: Path, folder: Path, program: str) -> bool:
    if not entry.name.isdecimal():
        return False
    try:
        here = (entry / "cwd").readlink() == folder
        return here and (entry / "comm").read_text(encoding="utf-8").strip() == program
    except (OSError, ValueError):  # it has ended, or is none of our business
        return False


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
