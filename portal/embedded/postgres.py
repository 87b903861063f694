"""A real PostgreSQL server from the wheel's binaries, on a unix socket only."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg

from portal.embedded import places, processes
from portal.embedded.child import Child, socket_folder
from portal.embedded.errors import AlreadyRunningError, EmbeddedServerError
from portal.embedded.lifeline import end_with_parent
from portal.embedded.lock import FolderLock
from portal.embedded.programs import Programs
from portal.embedded.system_user import server_user

OWNER = "postgres"
# A crashed server's helpers notice within moments that it is gone.
ORPHANS_SECONDS = 10
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}


_NAME = re.compile(r"[a-z_][a-z0-9_]*")


def _first_number(file: Path) -> int | None:
    """The number in a file's first line."""
    try:
        return int(file.read_text(encoding="utf-8").splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


class EmbeddedPostgres:
    """A server on its own data folder. As root it runs as the system account `careloop`; where
    that account can't reach the folder, it is a link to one under /var/lib/careloop, as are copies
    of the programs (`programs`)."""

    def __init__(self, data_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        self._user = server_user()
        self._wanted = data_dir.absolute()
        self.data = self._reachable(self._wanted)
        self._settings = {**SETTINGS, **(settings or {})}
        self._sockets = socket_folder(self.data, "postgres", self._user)
        self._lock = FolderLock(self._sockets / "lock", f"The database in {self.data}")
        self._log = self.data.with_name(f"{self.data.name}.log")
        self._child = Child("PostgreSQL", self._user)
        self._programs = Programs(self._user)

    def _reachable(self, wanted: Path) -> Path:
        """The folder itself, or the one under /var/lib that a link in its place leads to: moved
        or deleted, the link takes the data along; copied, it gets a copy of them."""
        wanted.parent.mkdir(parents=True, exist_ok=True)
        if wanted.is_symlink():
            self._claim(wanted)
        elif self._user.switch and not self._user.reaches(wanted.parent):
            self._link(wanted, places.new_place())
        return wanted.resolve()

    def _link(self, wanted: Path, place: Path) -> None:
        places.set_owner(place, wanted)
        wanted.unlink(missing_ok=True)
        wanted.symlink_to(place / wanted.name)

    def _claim(self, wanted: Path) -> None:
        """The data at the end of a link are those of one folder alone.

        Raises AlreadyRunningError where this is a copy of another folder that is in use.
        """
        data = wanted.resolve()
        if not places.is_in_place(data):
            return
        if not data.parent.exists():  # another machine's, or somebody has tidied up
            self._link(wanted, places.new_place())
            return
        other = places.owner_of(data.parent)
        if other is None or other == wanted:
            return
        if not (other.is_symlink() and other.resolve() == data):  # this was moved
            places.set_owner(data.parent, wanted)
        elif not other.parent.samefile(wanted.parent):
            self._copy(data, wanted, other)

    def _copy(self, data: Path, wanted: Path, other: Path) -> None:
        if processes.working_in(data, "postgres"):
            raise AlreadyRunningError(
                f"{wanted} is a copy of {other}, whose database runs: stop that one first, so that "
                "its data can be copied too."
            )
        place = places.new_place()
        if data.exists():
            subprocess.run(["cp", "-a", "--", str(data), str(place / wanted.name)], check=True)  # noqa: S607
        self._link(wanted, place)

    @property
    def pid(self) -> int | None:
        return self._child.pid

    def url(self, database: str, user: str) -> str:
        """The SQLAlchemy URL of a database, for a user of the server."""
        return f"postgresql+psycopg://{user}@/{database}?host={quote(str(self._sockets))}"

    def start(self) -> None:
        """Start the server, making its data folder at the first time.

        Raises AlreadyRunningError, EmbeddedServerError.
        """
        self._lock.acquire()
        try:
            self._wait_for_orphans()
            if not (self.data / "PG_VERSION").exists():
                self._initialize()
            self._start()
        except BaseException:
            self._programs.release()
            self._lock.release()
            raise

    def _start(self) -> None:
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        program = self._programs.hold() / "postgres"
        command = [str(program), "-D", str(self.data), "-k", str(self._sockets)]
        # SIGINT is PostgreSQL's fast shutdown: it doesn't wait for its clients.
        self._child.start([*command, *options], self._log, self._answers, farewell=signal.SIGINT)

    def _wait_for_orphans(self) -> None:
        """Until nothing that a killed server left behind is at work in its folder.

        Its helpers may still write for a moment, which a new server must not meet. PostgreSQL looks
        out for them too, by means of its own lock file: that one goes only when the process id in
        it has become another program's.
        """
        deadline = time.monotonic() + ORPHANS_SECONDS
        while left := processes.working_in(self.data, "postgres"):
            if time.monotonic() > deadline:
                raise AlreadyRunningError(
                    f"PostgreSQL (process {left[0]}) still uses {self.data}: stop it first."
                )
            time.sleep(0.1)
        lock = self.data / "postmaster.pid"
        pid = _first_number(lock)
        if pid is None or (processes.is_alive(pid) and not processes.works_in(pid, self.data)):
            lock.unlink(missing_ok=True)

    def _initialize(self) -> None:
        """Make the data folder under another name first: one that is there is complete."""
        draft = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self._user.own(draft)
        made = subprocess.run(
            [
                str(self._programs.hold() / "initdb"),
                "-D",
                str(draft),
                "--auth=trust",
                f"--username={OWNER}",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            check=False,
            cwd="/",
            capture_output=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            preexec_fn=end_with_parent(signal.SIGKILL),
            **self._user.popen_arguments(),
        )
        if made.returncode != 0:
            raise EmbeddedServerError(f"initdb failed: {made.stderr.decode(errors='replace')}")
        try:
            draft.rename(self.data)
        except OSError:
            raise EmbeddedServerError(
                f"{self.data} is not empty and holds no database: move it away."
            ) from None

    def _answers(self) -> bool:
        try:
            with self._connect():
                return True
        except psycopg.OperationalError:
            return False

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self._sockets), user=OWNER, dbname="postgres", autocommit=True
        )

    def ensure_database(self, name: str) -> None:
        """Make a database unless it is there."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a plain name: {name}")
        with self._connect() as connection:
            there = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (name,)
            ).fetchone()
            if not there:
                connection.execute(f"CREATE DATABASE {name}".encode())

    def stop(self) -> None:
        """Stop cleanly."""
        self._child.stop(signal.SIGINT)
        self._programs.release()
        self._lock.release()

    def kill(self) -> None:
        """Stop as a crash would."""
        self._child.kill()
        self._programs.release()
        self._lock.release()

    def remove(self) -> None:
        """Stop, and delete the data, the log and the socket's folder."""
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)
        self._log.unlink(missing_ok=True)
        shutil.rmtree(self._sockets, ignore_errors=True)
        if places.is_in_place(self.data):
            shutil.rmtree(self.data.parent, ignore_errors=True)
            self._wanted.unlink(missing_ok=True)
