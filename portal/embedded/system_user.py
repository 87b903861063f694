"""Under whose name a server runs: PostgreSQL refuses to be root."""

import os
import pwd
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.embedded.errors import EmbeddedServerError

SYSTEM_USER = "careloop"
NO_SHELL = "/usr/sbin/nologin"
TRIES, PAUSE_SECONDS = 20, 0.1


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The account of a server process; `switch` tells whether we must change to it."""

    uid: int
    gid: int
    switch: bool

    def popen_arguments(self) -> dict[str, Any]:
        """What `subprocess` needs to start a process under this account."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give `path` to this account."""
        if self.switch:
            os.chown(path, self.uid, self.gid)

    def reaches(self, folder: Path) -> bool:
        """Whether this account may go into `folder`; of ourselves that is taken for granted.

        Asked of the system instead of computed: access lists and mount options count too.
        """
        if not self.switch:
            return True
        probe = subprocess.run(
            ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)],
            check=False,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self.popen_arguments(),
        )
        return probe.returncode == 0


def server_user() -> ServerUser:
    """Ourselves, or as root a system account made for this.

    Raises EmbeddedServerError with the remedy when there is none and none can be made.
    """
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid(), switch=False)
    entry = _existing() or _make_user()
    return ServerUser(entry.pw_uid, entry.pw_gid, switch=True)


def _existing() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return None


def _make_user() -> pwd.struct_passwd:
    """Two that start at once may both try, and the loser finds the accounts locked: what counts
    is that the account is there in the end."""
    command = shutil.which("useradd")
    for _ in range(TRIES if command else 0):
        subprocess.run(
            [str(command), "--system", "--no-create-home", "--shell", NO_SHELL, SYSTEM_USER],
            check=False,
            capture_output=True,
        )
        if made := _existing():
            return made
        time.sleep(PAUSE_SECONDS)
    raise EmbeddedServerError(
        "PostgreSQL can't run as root, and the system account "
        f"{SYSTEM_USER!r} could not be made. Make it, or run this as an ordinary user."
    )
