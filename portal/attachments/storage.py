"""Where contents are kept: files under their digest, in a folder outside the database.

A file is written under a name of its own in `incoming`, made durable, and renamed to where its
SHA-256 says. The same content is one file, however often it is sent.
"""

import hashlib
import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol

from portal.attachments.errors import EmptyFile, StorageAway, UploadCutOff
from portal.core.errors import TooLarge
from portal.core.ids import new_id

CHUNK = 64 * 1024


class Source(Protocol):
    """What an upload is read from."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Received:
    """An upload that came to its end and waits to be kept."""

    path: Path
    size: int
    digest: bytes

    @contextmanager
    def content(self) -> Iterator[mmap.mmap]:
        """The content, mapped and not read into memory."""
        with (
            self.path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            yield content


class Storage:
    """The folder of all contents. It has to be the same one for every process."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"

    @contextmanager
    def receive(self, source: Source, *, length: int | None, most: int) -> Iterator[Received]:
        """Write an upload to disk while it is hashed. What is not kept by the end is removed.

        `length` is what was announced, in bytes. Raises UploadCutOff, TooLarge, EmptyFile,
        StorageAway.
        """
        path = self._incoming / new_id().hex
        try:
            with _usable():
                self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._incoming.mkdir(exist_ok=True)
                with path.open("xb") as file:
                    received = _write(source, file, path, length=length, most=most)
            yield received
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def keep(self, received: Received) -> None:
        """Put an upload where its digest says, where nothing is yet. Raises StorageAway."""
        target = self.path_of(received.digest)
        with _usable():
            if target.exists():
                return
            for folder in (target.parent.parent, target.parent):
                folder.mkdir(parents=True, exist_ok=True)
                _make_durable(folder.parent)
            received.path.replace(target)
            _make_durable(target.parent)

    def path_of(self, digest: bytes) -> Path:
        """Where the content of this digest is, or would be."""
        name = digest.hex()
        return self._root / name[:2] / name[2:4] / name

    def remove(self, digest: bytes) -> bool:
        """Delete a content; False when there is none."""
        try:
            self.path_of(digest).unlink()
        except FileNotFoundError:
            return False
        return True

    def kept_before(self, moment: datetime) -> Iterator[Sequence[bytes]]:
        """The digests of what was last written before a moment, a folder at a time."""
        for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]")):
            yield [bytes.fromhex(path.name) for path in _older(folder, moment) if _is_ours(path)]

    def remove_left_over(self, moment: datetime) -> int:
        """Delete what uploads that died left behind before a moment; returns how many."""
        left = list(_older(self._incoming, moment))
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)


def _write(
    source: Source, file: IO[bytes], path: Path, *, length: int | None, most: int
) -> Received:
    digest, size = hashlib.sha256(), 0
    while chunk := _read(source, length, size):
        size += len(chunk)
        if size > most:
            raise TooLarge(f"A file has at most {most} bytes. Send a smaller one.")
        digest.update(chunk)
        file.write(chunk)
    if length is not None and size != length:
        raise UploadCutOff()
    if size == 0:
        raise EmptyFile()
    file.flush()
    os.fsync(file.fileno())
    return Received(path, size, digest.digest())


def _read(source: Source, length: int | None, size: int) -> bytes:
    """The next part; a connection that breaks ends it, and the announced length tells."""
    wanted = CHUNK if length is None else min(CHUNK, length - size)
    try:
        return source.read(wanted) if wanted else b""
    except OSError:
        raise UploadCutOff() from None


@contextmanager
def _usable() -> Iterator[None]:
    """A full or missing disk is our trouble and passes."""
    try:
        yield
    except OSError as error:
        raise StorageAway() from error


def _make_durable(folder: Path) -> None:
    """A rename is safe from a power cut once its folder is written."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _older(folder: Path, moment: datetime) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        try:
            if path.stat().st_mtime < moment.timestamp():
                yield path
        except FileNotFoundError:  # kept or removed meanwhile
            continue


def _is_ours(path: Path) -> bool:
    return len(path.name) == 64 and all(letter in "0123456789abcdef" for letter in path.name)
