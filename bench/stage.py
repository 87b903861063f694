"""Servers of the bench's own: PostgreSQL with its default settings (fsync on), Valkey, gunicorn
with the project's settings, the relay and a Celery worker."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from portal.config import Config, load_config
from portal.embedded import EmbeddedPostgres, EmbeddedValkey
from portal.migrate import migrate
from portal.supervisor.ports import free_port

ROOT = Path(__file__).parent.parent
START_SECONDS = 30


@dataclass(slots=True)
class Running:
    """A process of ours and, if it serves, its port."""

    process: subprocess.Popen[bytes]
    port: int = 0

    def stop(self) -> None:
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.process.kill()
        self.process.wait()


@dataclass(slots=True)
class Stage:
    """One database with the processes that serve it."""

    name: str
    environ: Mapping[str, str]
    folder: Path
    running: dict[str, Running] = field(default_factory=dict)

    @property
    def mail_port(self) -> str:
        return self.environ["PORTAL_SMTP_URL"].rpartition(":")[2]

    @property
    def config(self) -> Config:
        return load_config(self.environ)

    @property
    def dsn(self) -> str:
        return self.environ["PORTAL_OWNER_DATABASE_URL"].replace("+psycopg", "", 1)

    @property
    def app_dsn(self) -> str:
        return self.environ["PORTAL_DATABASE_URL"].replace("+psycopg", "", 1)

    def port(self, server: str) -> int:
        return self.running[server].port

    def serve(self, name: str, application: str, **environ: str) -> None:
        """Start gunicorn with the project's own settings."""
        port = free_port()
        command = ("gunicorn", "-c", "python:portal.web.gunicorn_conf", application)
        self._start(name, command, port=port, PORTAL_BIND=f"127.0.0.1:{port}", **environ)
        if not _serves(self.running[name]):
            raise RuntimeError(f"gunicorn does not serve: {self.said(name)}")

    def listen(self) -> int:
        """Start the MLLP listener with the project's own settings; returns its port."""
        port = free_port()
        self._start("mllp", ("workers.mllp",), port=port, PORTAL_MLLP_BIND=f"127.0.0.1:{port}")
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return port
            time.sleep(0.1)
        raise RuntimeError(f"the listener does not listen: {self.said('mllp')}")

    def work(self) -> None:
        """Start the relay, a worker for every queue, and the mail server that it delivers to."""
        self._start("mail", ("portal.supervisor.mail", str(self.folder / "mail"), self.mail_port))
        self._start("relay", ("workers.relay",))
        options = (
            "--concurrency",
            "2",
            "--without-mingle",
            "--without-gossip",
            "--without-heartbeat",
        )
        celery = ("celery", "-A", "workers.celery_app", "--quiet")
        self._start("worker", (*celery, "worker", *options))

    def said(self, name: str) -> str:
        """The end of a process's log, for when something is wrong."""
        log = self.folder / f"{self.name}-{name}.log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else ""

    def rest(self) -> None:
        """Stop what work() started."""
        for name in ("relay", "worker", "mail"):
            if name in self.running:
                self.running.pop(name).stop()

    def stop(self) -> None:
        for one in self.running.values():
            one.stop()
        self.running.clear()

    def _start(self, name: str, command: Sequence[str], port: int = 0, **environ: str) -> None:
        log = (self.folder / f"{self.name}-{name}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, **self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.running[name] = Running(process, port)


def _serves(server: Running) -> bool:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", timeout=2).close()
            return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            time.sleep(0.1)
    return False


class Theatre:
    """The database server and the queues, and a stage for each scale."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.postgres = EmbeddedPostgres(folder / "postgres")
        self._valkeys: list[EmbeddedValkey] = []
        self.stages: list[Stage] = []

    def __enter__(self) -> "Theatre":
        self.postgres.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        for stage in self.stages:
            stage.stop()
        for valkey in self._valkeys:
            valkey.stop()
        self.postgres.stop()

    def stage(self, name: str) -> Stage:
        """A migrated database of its own, and a queue of its own."""
        valkey = EmbeddedValkey(self._folder / f"valkey-{name}")
        valkey.start()
        self._valkeys.append(valkey)
        self.postgres.ensure_database(name)
        environ = {
            "PORTAL_ENV": "demo",
            "PORTAL_SECRET_KEY": "the bench's secret, for the bench alone",
            "PORTAL_DATABASE_URL": self.postgres.url(name, "careloop_app"),
            "PORTAL_OWNER_DATABASE_URL": self.postgres.url(name, "postgres"),
            "PORTAL_REDIS_URL": valkey.url,
            "PORTAL_SMTP_URL": f"smtp://127.0.0.1:{free_port()}",
            "PORTAL_BASE_URL": "http://localhost:8000",
            "PORTAL_VAR": str(self._folder),
            "PYTHONWARNINGS": "ignore:::celery.platforms",
        }
        stage = Stage(name, environ, self._folder)
        migrate(stage.config)
        self.stages.append(stage)
        return stage
