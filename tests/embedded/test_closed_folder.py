"""In a folder that only root may enter: what the server needs lies where its account reaches it."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from portal.embedded import AlreadyRunningError, EmbeddedPostgres, places, programs
from portal.embedded.child import socket_folder
from portal.embedded.programs import BIN, WHEEL, Programs
from portal.embedded.system_user import ServerUser, server_user
from tests.embedded.conftest import LIGHT, MakePostgres

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root's servers run under another account"
)


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wheel in a folder that only we may enter, and an empty place for others to reach."""
    folder = tmp_path / "for root alone"
    folder.mkdir(mode=0o700)
    packages = programs._wheel().parent
    for name, path in programs._needed(packages).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(path, folder / name)
    monkeypatch.setattr(programs, "_wheel", lambda: folder / WHEEL)
    return folder


def link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Instead of /var/lib/careloop, which other runs use."""
    found = places.new_place()
    for module in (places, programs):
        monkeypatch.setattr(module, "PLACES", (found,))
    yield found
    shutil.rmtree(found)


def held(user: ServerUser) -> Programs:
    made = Programs(user)
    made.hold()
    return made


def versions(place: Path) -> list[str]:
    return sorted(path.name for path in (place / "programs").iterdir())


@needs_root
def test_a_server_runs_from_a_closed_folder_and_leaves_it_closed(
    closed: Path, place: Path, make_postgres: MakePostgres
) -> None:
    server = make_postgres(closed / "var" / "postgres")
    server.start()
    server.ensure_database("trial")
    assert place in server.data.parents
    assert places.owner_of(server.data.parent) == closed / "var" / "postgres"
    assert len(versions(place)) == 1
    assert closed.stat().st_mode & 0o777 == 0o700
    server.remove()
    assert [path.name for path in place.iterdir()] == ["programs"]


@needs_root
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_others_may_read_and_only_root_may_write(closed: Path, place: Path, umask: int) -> None:
    """However carefully the wheel was installed."""
    before = os.umask(umask)
    try:
        for path in (closed / WHEEL).rglob("*"):
            if umask == 0o077 and path.is_file():
                content, mode = path.read_bytes(), path.stat().st_mode
                path.unlink()
                path.write_bytes(content)
                path.chmod(mode & 0o700)
        held(server_user()).release()
    finally:
        os.umask(before)
    for path in (place, *(place / "programs").rglob("*")):
        found = path.stat()
        assert found.st_uid == 0, path
        assert found.st_mode & 0o022 == 0, path
        assert found.st_mode & 0o044 == 0o044, path


@needs_root
def test_what_somebody_else_may_write_is_copied_and_not_linked(closed: Path, place: Path) -> None:
    """Else the owner of a checkout that root runs once would own what root's other ones run."""
    theirs = closed / BIN / "postgres"
    content = theirs.read_bytes()
    theirs.unlink()
    theirs.write_bytes(content)
    theirs.chmod(0o755)
    os.chown(theirs, 12345, 12345)
    ours = held(server_user()).hold() / "postgres"
    assert ours.stat().st_ino != theirs.stat().st_ino
    assert ours.stat().st_uid == 0
    assert (ours.parent / "initdb").stat().st_ino == (closed / BIN / "initdb").stat().st_ino


@needs_root
def test_a_half_copy_is_never_used(closed: Path, place: Path) -> None:
    """Neither what a crash left under the draft's name, nor what somebody has tidied up."""
    first = held(server_user())
    whole = first.hold()
    first.release()
    copy = place / "programs" / versions(place)[0]
    draft = copy.with_name(f"{copy.name}.new")
    (draft / BIN).mkdir(parents=True)
    (copy / BIN / "initdb").unlink()
    again = held(server_user())
    assert again.hold() == whole
    assert (copy / BIN / "initdb").exists()
    assert versions(place) == [copy.name]


@needs_root
def test_many_at_once_make_one_copy(closed: Path, place: Path) -> None:
    user = server_user()
    found: list[Programs] = []
    threads = [threading.Thread(target=lambda: found.append(held(user))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.hold() for one in found}) == 1
    assert len(versions(place)) == 1


@needs_root
def test_an_older_version_goes_once_nobody_uses_it(closed: Path, place: Path) -> None:
    old = held(server_user())
    older = old.hold()
    (closed / WHEEL / programs.TREE / "share" / "news").write_text("of a newer version")
    new = held(server_user())
    assert len(versions(place)) == 2
    assert (older / "postgres").exists()
    for one in (old, new):
        one.release()
    new = held(server_user())
    assert versions(place) == [new.hold().relative_to(place / "programs").parts[0]]
    new.release()


@needs_root
def test_a_place_where_nothing_may_run_is_passed_over(
    closed: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = place / "bad", place / "good"
    run = Programs._run
    monkeypatch.setattr(Programs, "_run", lambda self, at: bad not in at.parents and run(self, at))
    monkeypatch.setattr(places, "PLACES", (bad, good))
    assert good in held(server_user()).hold().parents
    assert versions(bad) == []


def test_who_runs_it_under_their_own_account_uses_the_wheel(closed: Path, place: Path) -> None:
    user = ServerUser(os.geteuid(), os.getegid(), switch=False)
    assert held(user).hold() == closed / BIN
    assert not list(place.iterdir())


@needs_root
@pytest.mark.parametrize("temporary", ["closed", "long"])
def test_a_socket_is_within_reach_wherever_temporary_files_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: str
) -> None:
    folder = tmp_path / (temporary if temporary == "closed" else "long" * 25)
    folder.mkdir(mode=0o700)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    user = server_user()
    found = socket_folder(tmp_path / "postgres", "postgres", user)
    assert tmp_path not in found.parents
    assert user.reaches(found)
    found.rmdir()


def start_with_note(server: EmbeddedPostgres) -> None:
    server.start()
    server.ensure_database("trial")


def databases(server: EmbeddedPostgres) -> set[str]:
    dsn = server.url("postgres", "postgres").replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(dsn) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


@needs_root
def test_a_copied_folder_has_its_own_copy_of_the_data(
    make_postgres: MakePostgres, tmp_path: Path
) -> None:
    first = make_postgres(tmp_path / "first" / "postgres")
    start_with_note(first)
    subprocess.run(["/bin/cp", "-a", str(tmp_path / "first"), str(tmp_path / "second")], check=True)
    with pytest.raises(AlreadyRunningError, match=r"is a copy of .*: stop that one first"):
        EmbeddedPostgres(tmp_path / "second" / "postgres", settings=LIGHT)
    first.stop()
    second = make_postgres(tmp_path / "second" / "postgres")
    assert second.data != first.data
    for server in (first, second):
        server.start()
        assert "trial" in databases(server)


@needs_root
def test_a_link_to_what_is_gone_is_a_fresh_start(
    make_postgres: MakePostgres, tmp_path: Path
) -> None:
    """As in a new container with the old checkout."""
    (tmp_path / "postgres").symlink_to(places.PLACES[0] / "gone" / "postgres")
    server = make_postgres(tmp_path / "postgres")
    server.start()
    assert server.pid is not None
