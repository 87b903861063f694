"""`python -m portal.supervisor`: start everything, keep it running, stop everything."""

import json
import os
import shutil
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from portal.embedded import EmbeddedServerError
from portal.embedded.lock import FolderLock
from portal.supervisor.output import say
from portal.supervisor.ports import (
    PREFERRED,
    PortBusyError,
    claim_mllp_port,
    claim_portal_port,
    free_port,
)
from portal.supervisor.preparing import Preparation
from portal.supervisor.progress import progress
from portal.supervisor.servers import Servers, secret_key
from portal.supervisor.service import Service
from portal.supervisor.welcome import welcome
from portal.web import starting

READY_SECONDS = 60
WATCH_SECONDS = 0.1
# Of the services as they are listed: the web server, and the mail catcher.
FIRST = 2


class StepFailed(Exception):
    """A step of starting up ended with an error, which it has printed."""


class Supervisor:
    """Everything that `make run` runs."""

    def __init__(self, var: Path, listener: socket.socket, mllp: socket.socket) -> None:
        self._var = var
        # Every web server that we start inherits it: whoever asks while none runs waits for the
        # next one instead of being turned away, and nobody else can take the port.
        self._listener = listener
        self._mllp = mllp
        self._base_url = f"http://localhost:{listener.getsockname()[1]}"
        self._servers = Servers(var)
        self._mail_port = free_port()
        self._environ = {
            "PORTAL_ENV": os.environ.get("PORTAL_ENV", "demo"),
            "PORTAL_BASE_URL": self._base_url,
            "PORTAL_VAR": str(var),
            "PROMETHEUS_MULTIPROC_DIR": str(_empty_folder(var / "metrics")),
            "PORTAL_BIND": f"fd://{listener.fileno()}",
            "PORTAL_MLLP_BIND": f"127.0.0.1:{mllp.getsockname()[1]}",
            "PORTAL_DEMO_LABORATORY": f"127.0.0.1:{free_port()}",
            "PYTHONUNBUFFERED": "1",
            # Celery warns of being root, which a demo in a container often is.
            "PYTHONWARNINGS": "ignore:::celery.platforms",
        }
        if "PORTAL_SECRET_KEY" not in os.environ:
            self._environ.setdefault("PORTAL_SECRET_KEY_FILE", str(secret_key(var)))
        if "PORTAL_SMTP_URL" not in os.environ:
            self._environ["PORTAL_SMTP_URL"] = f"smtp://127.0.0.1:{self._mail_port}"
        self._services: list[Service] = []
        self._stopping = False

    def stop(self, *_signal: Any) -> None:
        self._stopping = True

    def run(self) -> None:
        """Start, watch until told to stop, stop. Raises EmbeddedServerError, StepFailed."""
        try:
            self._environ.update(self._servers.start())
            self._start_all()
            if not self._stopping:
                self._wait_until_ready()
            if not self._stopping:
                print(welcome(self._base_url, self._var), flush=True)
            self._watch()
        finally:
            self._stop_all()

    def _start_all(self) -> None:
        """The web server answers while the demo clinic is loaded; who works for it comes last."""
        first, rest = self._make_services()
        preparation = Preparation(self._var, self._environ)
        try:
            with progress() as show:
                while preparation.runs and not self._stopping:
                    show(preparation.step())
                    if preparation.may_serve:
                        self._start(first)
                    self._look_after()
                    time.sleep(WATCH_SECONDS)
        finally:
            preparation.stop()
        if self._stopping:
            return
        if preparation.failed:
            raise StepFailed("preparing the database failed, as said above")
        self._start([*first, *rest])
        self._write_run_file()
        starting.clear(self._var)

    def _start(self, services: Sequence[Service]) -> None:
        """Those of them that have not been started yet."""
        for service in services:
            if service not in self._services:
                self._services.append(service)
                service.start()

    def _make_services(self) -> tuple[list[Service], list[Service]]:
        """Those that people see first, and the others."""

        def python(*arguments: str) -> list[str]:
            return [sys.executable, "-m", *arguments]

        celery = ("celery", "-A", "workers.celery_app", "--quiet")
        commands: dict[str, Sequence[str]] = {
            "mail": python("portal.supervisor.mail", str(self._var / "mail"), str(self._mail_port)),
            "web": python("gunicorn", "-c", "python:portal.web.gunicorn_conf", "wsgi:app"),
            "relay": python("workers.relay"),
            "mllp": python("workers.mllp"),
            "laboratories": python("workers.laboratories"),
            "worker": python(
                *celery,
                "worker",
                "--concurrency",
                os.environ.get("PORTAL_WORKERS", "2"),
                "--without-mingle",
                "--without-gossip",
                # A heartbeat to a broker that is gone would keep a worker from ending.
                "--without-heartbeat",
                "--loglevel",
                "WARNING",
            ),
            "beat": python(
                *celery,
                "beat",
                "--schedule",
                str(self._var / "beat"),
                "--pidfile=",
                "--loglevel",
                "WARNING",
            ),
        }
        if self._environ["PORTAL_ENV"] == "demo":
            commands["laboratory"] = python("portal.demo.laboratory")
        sockets = {"web": self._listener.fileno(), "mllp": self._mllp.fileno()}
        own = {"mllp": {"PORTAL_MLLP_BIND": f"fd://{self._mllp.fileno()}"}}
        made = [
            Service(
                name,
                command,
                {**self._environ, **own.get(name, {})},
                [sockets[name]] if name in sockets else (),
            )
            for name, command in commands.items()
        ]
        return made[:FIRST], made[FIRST:]

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._stopping and time.monotonic() < deadline:
            self._look_after()
            try:
                with urllib.request.urlopen(f"{self._base_url}/readyz", timeout=2):  # noqa: S310
                    return
            except OSError:
                time.sleep(WATCH_SECONDS)
        if not self._stopping:
            say("portal", f"not ready after {READY_SECONDS} s: see {self._base_url}/readyz")

    def _look_after(self) -> None:
        again = [service.look_after() for service in self._services]
        if self._servers.look_after() or any(again):
            self._write_run_file()

    def _watch(self) -> None:
        while not self._stopping:
            self._look_after()
            time.sleep(WATCH_SECONDS)

    def _write_run_file(self) -> None:
        """For scripts: which processes run, and the environment by which to reach them."""
        view = {
            "pid": os.getpid(),
            "base_url": self._base_url,
            "processes": {
                **self._servers.pids(),
                **{service.name: service.pid for service in self._services},
            },
            "environ": self._environ,
        }
        draft = self._var / "run.json.new"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(view, file, indent=2)
        draft.replace(self._var / "run.json")

    def _stop_all(self) -> None:
        say("portal", "stopping")
        for service in reversed(self._services):
            service.ask_to_stop()
        for service in reversed(self._services):
            service.stop()
        self._servers.stop()
        self._listener.close()
        self._mllp.close()
        (self._var / "run.json").unlink(missing_ok=True)
        starting.clear(self._var)
        say("portal", "stopped; the data stay")


def _empty_folder(path: Path) -> Path:
    """A folder for what the processes count: another run's counts are not this one's."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


def _open_var() -> Path:
    var = Path(os.environ.get("PORTAL_VAR", "var")).absolute()
    try:
        var.mkdir(parents=True, exist_ok=True)
        (var / "supervisor.lock").touch()
    except OSError as error:
        raise SystemExit(
            f"make run: {var} can't be written ({error.strerror}): name a folder that can be with "
            "PORTAL_VAR=/path."
        ) from None
    return var


def main() -> None:
    var = _open_var()
    lock = FolderLock(var / "supervisor.lock", f"Careloop in {var}")
    try:
        lock.acquire()
        listener = claim_portal_port()
        port = listener.getsockname()[1]
        if port != PREFERRED and "PORTAL_PORT" not in os.environ:
            say("portal", f"port {PREFERRED} is taken, so this runs at port {port}")
        supervisor = Supervisor(var, listener, claim_mllp_port())
        signal.signal(signal.SIGTERM, supervisor.stop)
        signal.signal(signal.SIGINT, supervisor.stop)
        supervisor.run()
    except (EmbeddedServerError, PortBusyError, StepFailed) as error:
        raise SystemExit(f"make run: {error}") from None
    finally:
        lock.release()


if __name__ == "__main__":
    main()
