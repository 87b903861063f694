"""One process that is kept running."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from portal.embedded.lifeline import end_with_parent
from portal.supervisor.output import follow, say

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
# Who ran this long is well: the next crash is a first one again.
WELL_AFTER_SECONDS = 30.0
STOP_SECONDS = 8.0


class Service:
    """A process with a label, started again with growing pauses whenever it ends."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str],
        files: Sequence[int] = (),
    ) -> None:
        """`files` are open file descriptors for it to inherit."""
        self.name = name
        self._files = tuple(files)
        self._command = list(command)
        self._environ = {**os.environ, **environ}
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._again_at: float | None = None
        self._pause = FIRST_PAUSE_SECONDS

    @property
    def pid(self) -> int | None:
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process is not None and running else None

    def start(self) -> None:
        """Start it. Must be called from a thread that lives as long as the process should."""
        self._process = subprocess.Popen(
            self._command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=self._files,
            preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509
        )
        self._started = time.monotonic()
        self._again_at = None
        if self._process.stdout is not None:
            follow(self.name, self._process.stdout)

    def look_after(self) -> bool:
        """Start it again when it has ended and its pause is over. True when it was started."""
        if self.pid is not None:
            return False
        now = time.monotonic()
        if self._again_at is None:
            if now - self._started > WELL_AFTER_SECONDS:
                self._pause = FIRST_PAUSE_SECONDS
            code = self._process.returncode if self._process else None
            say(self.name, f"ended ({code}); starts again in {self._pause:.1f} s")
            self._end_children()
            self._again_at = now + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        if now < self._again_at:
            return False
        self.start()
        return True

    def ask_to_stop(self) -> None:
        if self._process is not None and self.pid is not None:
            self._process.terminate()

    def stop(self) -> None:
        """End it, its own children too."""
        if self._process is None:
            return
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            say(self.name, "does not stop: killed")
        self._end_children()
        self._process.wait()

    def _end_children(self) -> None:
        """What a process leaves behind must not work beside its successor."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
