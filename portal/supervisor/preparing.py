"""Looking after what prepares the database: how far it is, and how it ended."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from portal.embedded.lifeline import end_with_parent
from portal.supervisor.output import follow
from portal.web import starting
from portal.web.starting import Step

ROOT = Path(__file__).parent.parent.parent
MIGRATED = "the database is at this version"
_STAMP = "migrated"


def code() -> str:
    """A checksum of what migrating goes by: the models and the migrations."""
    digest = hashlib.sha256()
    for folder in ("portal", "migrations"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def note_migrated(var: Path) -> None:
    (var / _STAMP).write_text(code(), encoding="ascii")


def was_migrated(var: Path) -> bool:
    """Whether this code has migrated already, so that nothing will change."""
    try:
        return (var / _STAMP).read_text(encoding="ascii") == code()
    except (OSError, ValueError):
        return False


class Preparation:
    """The process that migrates and loads the demo clinic."""

    def __init__(self, var: Path, environ: Mapping[str, str]) -> None:
        self._var = var
        self._same = was_migrated(var)
        self._seen: Step | None = None
        starting.write(var, Step("loading the application", 0, 1))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "portal.supervisor.prepare"],
            cwd=ROOT,
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509
        )
        if self._process.stdout is not None:
            follow("portal", self._process.stdout)

    def step(self) -> Step:
        self._seen = starting.read(self._var) or self._seen
        return self._seen or Step("", 0, 1)

    @property
    def may_serve(self) -> bool:
        """Whether the web server finds its tables."""
        return self._same or self.step().done > 0

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    @property
    def failed(self) -> bool:
        return self._process.poll() not in (None, 0)

    def stop(self) -> None:
        if self.runs:
            self._process.terminate()
        self._process.wait()
