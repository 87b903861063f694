"""The database and the queue: those that the environment names, else embedded ones."""

import os
import secrets
from pathlib import Path

from portal.embedded import EmbeddedPostgres, EmbeddedValkey
from portal.supervisor.output import say

DATABASE = "careloop"


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
        again = False
        if self.postgres is not None and self.postgres.pid is None:
            say("postgres", "ended; starts again")
            self.postgres.stop()
            self.postgres.start()
            again = True
        if self.valkey is not None and self.valkey.pid is None:
            say("valkey", "ended; starts again")
            self.valkey.stop()
            self.valkey.start()
            again = True
        return again

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
