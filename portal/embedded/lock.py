"""One owner for a folder at a time, given up by the kernel even when the owner is killed."""

import fcntl
import os
from pathlib import Path

from portal.embedded.errors import AlreadyRunningError


class FolderLock:
    """An exclusive lock that says who holds it."""

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises AlreadyRunningError naming the holder's process id and what to do.
        """
        if self._file is not None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(file, 20).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise AlreadyRunningError(
                f"{self._what} is in use by the process {holder}: "
                f"stop that one first (`kill {holder}`), or use another folder."
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Give the lock up; harmless when it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
