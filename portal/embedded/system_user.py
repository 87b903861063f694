"""Under whose name a server runs: PostgreSQL refuses to be root."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SYSTEM_USER = "careloop"


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The account of a server process; `switch` tells whether we must change to it."""

    uid: int
    gid: int
    switch: bool

    def popen_arguments(self) -> dict[str, object]:
        """What `subprocess` needs to start a process under this account."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give `path` to this account."""
        if self.switch:
            os.chown(path, self.uid, self.gid)

    def can_write_in(self, folder: Path) -> bool:
        """Whether this account gets into `folder` and may write there."""
        return self._succeeds("cd", "--", "$1", folder=folder)

    def _succeeds(self, *_words: str, folder: Path) -> bool:
        # Asked of the system instead of computed: access lists and mount options count too.
        probe = subprocess.run(
            ["/bin/sh", "-c", 'cd -- "$1" && test -w .', "sh", str(folder)],
            check=False,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return probe.returncode == 0
