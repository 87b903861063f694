"""The embedded PostgreSQL: what it keeps, and who may use its folder."""

import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portal.embedded import AlreadyRunningError, EmbeddedPostgres, EmbeddedServerError
from portal.embedded.processes import working_in
from tests.embedded.conftest import LIGHT, MakePostgres
from tests.support.processes import wait_for


def ask(server: EmbeddedPostgres, statement: str) -> list[Any]:
    dsn = server.url("trial", "postgres").replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(dsn) as connection:
        cursor = connection.execute(statement.encode())
        return [row[0] for row in cursor] if cursor.description else []


def write_a_note(server: EmbeddedPostgres) -> None:
    server.ensure_database("trial")
    ask(server, "CREATE TABLE note AS SELECT 'kept' AS text")


def test_data_are_kept_over_a_restart(postgres: EmbeddedPostgres) -> None:
    write_a_note(postgres)
    first = postgres.pid
    postgres.stop()
    assert postgres.pid is None
    postgres.start()
    assert postgres.pid != first
    assert ask(postgres, "SELECT text FROM note") == ["kept"]


def test_data_are_kept_over_a_crash(postgres: EmbeddedPostgres) -> None:
    write_a_note(postgres)
    postgres.kill()
    postgres.start()
    assert ask(postgres, "SELECT text FROM note") == ["kept"]


def test_after_a_crash_it_waits_for_who_still_writes(postgres: EmbeddedPostgres) -> None:
    """A helper that outlives its server would write into what the next one is repairing."""
    write_a_note(postgres)
    [helper] = ask(postgres, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")
    os.kill(helper, signal.SIGSTOP)
    postgres.kill()
    wake = threading.Timer(1.0, os.kill, (helper, signal.SIGCONT))
    wake.start()
    postgres.start()
    wake.join()
    assert helper not in working_in(postgres.data, "postgres")
    assert ask(postgres, "SELECT text FROM note") == ["kept"]


def test_starting_twice_is_refused_naming_the_other(
    postgres: EmbeddedPostgres, make_postgres: MakePostgres, tmp_path: Path
) -> None:
    again = EmbeddedPostgres(tmp_path / "path with spaces" / "postgres", settings=LIGHT)
    with pytest.raises(AlreadyRunningError, match=rf"in use by the process {os.getpid()}: stop"):
        again.start()
    assert postgres.pid is not None


def test_the_same_folder_by_another_path_is_the_same(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    (tmp_path / "shortcut").symlink_to(tmp_path / "path with spaces")
    again = EmbeddedPostgres(tmp_path / "shortcut" / "postgres", settings=LIGHT)
    assert again.data == postgres.data
    with pytest.raises(AlreadyRunningError):
        again.start()


def test_a_folder_that_is_moved_takes_its_data_along(
    postgres: EmbeddedPostgres, make_postgres: MakePostgres, tmp_path: Path
) -> None:
    """Also where they lie under another path, since ours is out of the system account's reach."""
    write_a_note(postgres)
    postgres.stop()
    (tmp_path / "path with spaces").rename(tmp_path / "moved")
    moved = make_postgres(tmp_path / "moved" / "postgres")
    moved.start()
    assert ask(moved, "SELECT text FROM note") == ["kept"]


def test_a_folder_that_was_deleted_is_a_fresh_start(
    postgres: EmbeddedPostgres, make_postgres: MakePostgres, tmp_path: Path
) -> None:
    write_a_note(postgres)
    postgres.stop()
    shutil.rmtree(tmp_path / "path with spaces")
    fresh = make_postgres(tmp_path / "path with spaces" / "postgres")
    fresh.start()
    fresh.ensure_database("trial")
    assert ask(fresh, "SELECT to_regclass('note')::text") == [None]


def test_a_folder_that_holds_something_else_is_refused(
    make_postgres: MakePostgres, tmp_path: Path
) -> None:
    server = make_postgres(tmp_path / "postgres")
    server.data.mkdir(parents=True)
    (server.data / "letter.txt").write_text("Dear Ann,")
    with pytest.raises(EmbeddedServerError, match="not empty and holds no database"):
        server.start()
    assert (server.data / "letter.txt").read_text() == "Dear Ann,"


def test_what_was_half_made_is_made_again(make_postgres: MakePostgres, tmp_path: Path) -> None:
    server = make_postgres(tmp_path / "postgres")
    half = server.data.with_name(f"{server.data.name}.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server.start()
    assert server.pid is not None
    assert not half.exists()


def test_a_lock_file_that_names_another_program_is_no_obstacle(
    postgres: EmbeddedPostgres,
) -> None:
    """After the machine has restarted, the old process id may be anybody's."""
    postgres.stop()
    (postgres.data / "postmaster.pid").write_text(f"{os.getppid()}\n{postgres.data}\n")
    postgres.start()
    assert postgres.pid is not None


def test_a_start_that_fails_shows_the_log_and_can_be_tried_again(
    make_postgres: MakePostgres, tmp_path: Path
) -> None:
    wrong = EmbeddedPostgres(tmp_path / "postgres", settings={"shared_buffers": "plenty"})
    with pytest.raises(EmbeddedServerError, match=r"did not start:\n(.*\n)*.*plenty"):
        wrong.start()
    right = make_postgres(tmp_path / "postgres")
    right.start()
    wait_for(lambda: right.pid, "it runs")


def test_two_run_at_once(make_postgres: MakePostgres, tmp_path: Path) -> None:
    pair = [make_postgres(tmp_path / name) for name in ("one", "two")]
    for server in pair:
        server.start()
        server.ensure_database("trial")
    ask(pair[0], "CREATE TABLE mine (id int)")
    assert ask(pair[1], "SELECT to_regclass('mine')::text") == [None]


def test_a_database_name_is_plain_and_made_once(postgres: EmbeddedPostgres) -> None:
    postgres.ensure_database("trial")
    postgres.ensure_database("trial")
    with pytest.raises(ValueError, match="not a plain name"):
        postgres.ensure_database('trial"; DROP TABLE note; --')


def test_removing_leaves_nothing(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    data = postgres.data
    postgres.remove()
    assert postgres.pid is None
    assert not data.exists()
    assert not list(data.parent.glob(f"{data.name}*"))
    assert not list((tmp_path / "path with spaces").iterdir())
