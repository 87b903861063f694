"""Folders that a server under another account reaches, whatever our own ones allow it."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from portal.embedded.errors import EmbeddedServerError

# The first is the one to look into; the other is for systems where /var/lib can't be written.
PLACES = (Path("/var/lib/careloop"), Path("/var/tmp/careloop-root"))  # noqa: S108 - checked below
LINK = "link"


def open_folder(path: Path) -> Path:
    """A folder that everybody may enter and only we may write, made where it is missing.

    Raises OSError, also where such a name is there and somebody else's.
    """
    path.mkdir(parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{path} belongs to somebody else: remove it.")
    path.chmod(0o755)  # whatever the umask says
    return path


def open_places() -> Iterator[Path]:
    """Those of PLACES that we can write into."""
    for place in PLACES:
        with suppress(OSError):
            yield open_folder(place)


def new_place() -> Path:
    """An empty folder in the first of PLACES that can be had. Raises EmbeddedServerError."""
    for place in open_places():
        with suppress(OSError):
            return open_folder(Path(tempfile.mkdtemp(dir=place)))
    raise EmbeddedServerError(
        "PostgreSQL can't run as root, and the account it runs under reaches no folder of ours: "
        f"none of {', '.join(map(str, PLACES))} can be written. Move this to a folder that "
        "everybody may enter, or run it as an ordinary user."
    )


def is_in_place(path: Path) -> bool:
    """Whether it is below a folder that `new_place` made."""
    return path.parent.parent in PLACES


def owner_of(place: Path) -> Path | None:
    """The link for whose sake a place was made, as far as it is known."""
    try:
        return Path((place / LINK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def set_owner(place: Path, link: Path) -> None:
    """Note it, for a copy to be told from what was moved, and for who looks at /var/lib."""
    (place / LINK).write_text(str(link), encoding="utf-8")
