"""A whole Careloop as `make run` starts it, on a data folder of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from portal.embedded import EmbeddedPostgres, EmbeddedValkey
from portal.supervisor.ports import free_port
from tests.support.processes import family, kill, wait_for

ROOT = Path(__file__).parent.parent.parent


class Supervised:
    """One `make run`, or what it runs; `settings` are added to its environment."""

    def __init__(self, var: Path, root: Path = ROOT, **settings: str) -> None:
        self.var = var
        self.root = root
        self._settings = {"PORTAL_PORT": str(free_port()), **settings}
        self._output = var.with_name(f"{var.name}.txt")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environ(self) -> dict[str, str]:
        """Nothing of Careloop's from outside, so that everything it runs is its own."""
        ours = ("PORTAL_", "MAKE", "MFLAGS")
        clean = {name: v for name, v in os.environ.items() if not name.startswith(ours)}
        return {**clean, "PORTAL_VAR": str(self.var), **self._settings}

    @property
    def pid(self) -> int:
        """That of the supervisor, which may run below a make."""
        return int(self.run_file()["pid"])

    def start(self, *command: str) -> None:
        self.var.parent.mkdir(parents=True, exist_ok=True)
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                command or [sys.executable, "-m", "portal.supervisor"],
                cwd=self.root,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def address(self) -> str:
        """Where it answers, also before it has said so."""
        return f"http://localhost:{self._settings['PORTAL_PORT']}"

    def has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def run_file(self) -> dict[str, Any]:
        """What it tells scripts about itself; empty before it runs and after it has stopped."""
        try:
            view: dict[str, Any] = json.loads((self.var / "run.json").read_text())
        except FileNotFoundError:
            return {}
        return view

    @property
    def base_url(self) -> str:
        return str(self.run_file()["base_url"])

    def output(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def is_ready(self) -> bool:
        assert self._process is None or self._process.poll() is None, self.output()
        if not self.run_file():
            return False
        try:
            return httpx.get(f"{self.base_url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def wait_until_ready(self, seconds: float = 400) -> None:
        wait_for(self.is_ready, "ready", seconds)

    def family_of(self, name: str) -> list[int]:
        """The processes of a part, by its name in run.json; empty while it is down."""
        pid = self.run_file()["processes"][name]
        return family(pid) if pid else []

    def refused_second(self) -> subprocess.CompletedProcess[str]:
        """What happens to somebody who starts another one on the same folder."""
        return subprocess.run(
            [sys.executable, "-m", "portal.supervisor"],
            cwd=self.root,
            env=self.environ,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def interrupt(self) -> int:
        """Ctrl-C; returns how it exited."""
        assert self._process is not None
        os.kill(self.pid, signal.SIGINT)
        return self._process.wait(300)

    def crash(self) -> None:
        """kill -9 of the supervisor alone."""
        assert self._process is not None
        os.kill(self.pid, signal.SIGKILL)
        self._process.wait()

    def remove(self) -> None:
        """Stop it somehow, and leave nothing behind."""
        if self._process is not None and self._process.poll() is None:
            left = family(self._process.pid)
            if self.run_file():
                self.interrupt()
            kill(left)
            self._process.wait()
        EmbeddedPostgres(self.var / "postgres").remove()
        EmbeddedValkey(self.var / "valkey").remove()
