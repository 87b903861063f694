"""One running demo for all tests that only look at one, whichever process they run in."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.support.supervised import Supervised


@contextmanager
def shared_portal(folder: Path) -> Iterator[Supervised]:
    """Who asks first starts it, and stops it when all the others are done with it."""
    folder.mkdir(parents=True, exist_ok=True)
    portal = Supervised(folder / "var")
    with (folder / "starting").open("a") as starting, (folder / "used").open("a") as used:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(used, fcntl.LOCK_SH)  # waits while another stops it
        mine = not portal.run_file()
        try:
            if mine:
                portal.start()
            portal.wait_until_ready()
            fcntl.flock(starting, fcntl.LOCK_UN)
            yield portal
        finally:
            _done(portal, used, mine)


def _done(portal: Supervised, used: IO[str], mine: bool) -> None:
    fcntl.flock(used, fcntl.LOCK_UN)
    if mine:
        fcntl.flock(used, fcntl.LOCK_EX)
        portal.remove()
