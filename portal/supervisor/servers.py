"""The database and the queue: those that the environment names, else embedded ones."""

import os
import secrets
import time
from pathlib import Path

from portal.embedded import EmbeddedPostgres, EmbeddedServerError, EmbeddedValkey
from portal.supervisor.output import say

DATABASE = "careloop"
PAUSE_SECONDS = 5.0


def secret_key(var: Path) -> Path:
    """A file with this installation's secret key, made at the first time."""
    path = var / "secret_key"
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
    return path


class Servers:
    """PostgreSQL and Valkey, as far as they are ours to run."""

    def __init__(self, var: Path) -> None:
        theirs = "PORTAL_DATABASE_URL" in os.environ
        self.postgres = None if theirs else EmbeddedPostgres(var / "postgres")
        elsewhere = "PORTAL_REDIS_URL" in os.environ
        self.valkey = None if elsewhere else EmbeddedValkey(var / "valkey")
        self._not_before: dict[str, float] = {}

    def start(self) -> dict[str, str]:
        """Start what is ours. Returns the environment by which the others find it.

        Raises EmbeddedServerError.
        """
        environ: dict[str, str] = {}
        if self.postgres is not None:
            self.postgres.start()
            self.postgres.ensure_database(DATABASE)
            environ["PORTAL_DATABASE_URL"] = self.postgres.url(DATABASE, "careloop_app")
            environ["PORTAL_OWNER_DATABASE_URL"] = self.postgres.url(DATABASE, "postgres")
            say("postgres", f"up, data in {self.postgres.data}")
        if self.valkey is not None:
            self.valkey.start()
            environ["PORTAL_REDIS_URL"] = self.valkey.url
            say("valkey", "up")
        return environ

    def look_after(self) -> bool:
        """Start again what has crashed. True when there was something."""
        database = self._again("postgres", self.postgres)
        queue = self._again("valkey", self.valkey)
        return database or queue

    def _again(self, name: str, server: EmbeddedPostgres | EmbeddedValkey | None) -> bool:
        """Where a start fails, the next try waits: what is in the way may well go away."""
        if server is None or server.pid is not None:
            return False
        if time.monotonic() < self._not_before.get(name, 0.0):
            return False
        say(name, "ended; starts again")
        try:
            server.stop()
            server.start()
        except EmbeddedServerError as error:
            say(name, f"{error}\nThe next try is in {PAUSE_SECONDS:.0f} s.")
            self._not_before[name] = time.monotonic() + PAUSE_SECONDS
            return False
        return True

    def pids(self) -> dict[str, int | None]:
        found: dict[str, int | None] = {}
        if self.postgres is not None:
            found["postgres"] = self.postgres.pid
        if self.valkey is not None:
            found["valkey"] = self.valkey.pid
        return found

    def stop(self) -> None:
        if self.valkey is not None:
            self.valkey.stop()
        if self.postgres is not None:
            self.postgres.stop()
