"""A server as a child process: started with a list of arguments, ended with its parent."""

import hashlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from portal.embedded.errors import EmbeddedServerError
from portal.embedded.lifeline import end_with_parent
from portal.embedded.system_user import ServerUser

START_SECONDS = 60
STOP_SECONDS = 20
_POLL_SECONDS = 0.02
# Where the folder for temporary files is itself out of reach, or too long.
_SOCKET_PLACES = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # noqa: S108 - checked below
# The path of a socket may have 107 bytes at most, with `.s.PGSQL.5432` in it.
_LONGEST_FOLDER = 90


def socket_folder(data: Path, kind: str, user: ServerUser) -> Path:
    """A short private folder for a server's socket, where its account can reach it.

    The name follows from the data's path, so that a restart after a crash uses the same one.
    Raises EmbeddedServerError.
    """
    name = hashlib.sha256(f"{kind}:{data.resolve()}:{os.geteuid()}".encode()).hexdigest()[:12]
    for place in (Path(tempfile.gettempdir()), *_SOCKET_PLACES):
        folder = place / f"careloop-{name}"
        if len(os.fsencode(folder)) > _LONGEST_FOLDER or not (
            place.is_dir() and user.reaches(place)
        ):
            continue
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            continue
        if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), user.uid):
            raise EmbeddedServerError(f"{folder} belongs to somebody else: remove it.")
        user.own(folder)
        folder.chmod(0o700)
        return folder
    raise EmbeddedServerError(
        "There is no folder for a server's socket: set TMPDIR to one that can be written, that "
        "everybody may enter, and whose path is short."
    )


class Child:
    """One server process and its log."""

    def __init__(self, name: str, user: ServerUser) -> None:
        self._name = name
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process is not None and running else None

    def start(
        self,
        command: Sequence[str],
        log: Path,
        ready: Callable[[], bool],
        *,
        farewell: signal.Signals,
    ) -> None:
        """Start and wait until it is ready.

        Raises EmbeddedServerError with the end of its log when it ends or takes too long.
        """
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=end_with_parent(farewell),  # noqa: PLW1509
                **self._user.popen_arguments(),
            )
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if self.pid is None or time.monotonic() > deadline:
                self.kill()
                tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
                raise EmbeddedServerError(f"{self._name} did not start:\n" + "\n".join(tail))
            time.sleep(_POLL_SECONDS)

    def stop(self, farewell: signal.Signals) -> None:
        """Ask it to end, and insist when it doesn't."""
        if self._process is None or self.pid is None:
            return
        self._process.send_signal(farewell)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None and self.pid is not None:
            self._process.kill()
            self._process.wait()
