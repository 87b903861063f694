"""The sweep: what nobody needs goes, and nothing else, whatever comes in meanwhile."""

import os
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from portal.attachments import queries, service
from portal.attachments.cli import attachments
from portal.attachments.storage import Storage
from portal.attachments.sweeping import Swept, sweep
from portal.config import Config
from portal.core.actor import OPERATOR, WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from tests.attachments import files
from tests.attachments.conftest import (
    age,
    attach_as,
    attachment,
    items,
    kept,
    patient_of,
    rows,
    upload,
    uploaded,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.races import at_once
from workers import schedule

OLD = timedelta(hours=3).total_seconds()


def make_old(path: Path) -> None:
    then = utcnow().timestamp() - OLD
    os.utime(path, (then, then))


@pytest.fixture
def orphan(storage: Storage) -> Path:
    """A file that no row names: its upload died before its commit."""
    path = storage.path_of(bytes(32))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nobody's")
    make_old(path)
    return path


def test_what_was_not_used_within_a_day_goes(
    patient: Caller, clinic: SmallClinic, storage: Storage, config: Config
) -> None:
    unused, recent, used = (uploaded(patient, files.pdf(str(n))) for n in range(3))
    attach_as(patient_of(clinic), clinic, used)
    age(unused, "25 hours")
    age(recent, "23 hours")
    age(used, "900 days")
    left = {storage.path_of(attachment(id_).digest) for id_ in (recent, used)}
    assert sweep(storage, utcnow()) == Swept(uploads=1, files=1)
    assert set(kept(config)) == left
    assert patient.get(f"/attachments/{unused}").status_code == 404
    assert patient.get(f"/attachments/{used}/content").status_code == 200
    assert sweep(storage, utcnow()) == Swept(0, 0)


def test_a_file_that_another_names_stays(
    patient: Caller, clinic: SmallClinic, storage: Storage, config: Config
) -> None:
    unused, used = uploaded(patient), uploaded(patient)
    attach_as(patient_of(clinic), clinic, used)
    age(unused, "2 days")
    [path] = kept(config)
    make_old(path)
    assert sweep(storage, utcnow()) == Swept(uploads=1, files=0)
    assert kept(config) == [path]
    assert patient.get(f"/attachments/{used}/content").status_code == 200


@pytest.mark.usefixtures("app")
def test_files_that_no_row_names_go(storage: Storage, orphan: Path, config: Config) -> None:
    young = storage.path_of(b"\x01" * 32)
    young.parent.mkdir(parents=True)
    young.write_bytes(b"about to be named")
    stranger = orphan.parent / "README"
    stranger.write_text("not ours")
    make_old(stranger)
    assert sweep(storage, utcnow()) == Swept(0, 1)
    assert set(kept(config)) == {young, stranger}


@pytest.mark.usefixtures("app")
def test_what_uploads_that_died_left_goes(storage: Storage, config: Config) -> None:
    incoming = config.attachments / "incoming"
    incoming.mkdir(parents=True)
    dead, alive = incoming / "dead", incoming / "alive"
    dead.write_bytes(b"half a fi")
    alive.write_bytes(b"half a file")
    make_old(dead)
    assert sweep(storage, utcnow()) == Swept(0, 1)
    assert kept(config) == [alive]


def test_what_was_infected_is_remembered_and_its_file_goes(
    patient: Caller, storage: Storage, config: Config
) -> None:
    id_ = uploaded(patient)
    age(id_, "9 days")
    with transaction(OPERATOR) as session:
        session.execute(text("UPDATE attachment SET status = 'infected', finding = 'X'"))
    make_old(kept(config)[0])
    assert sweep(storage, utcnow()) == Swept(0, 1)
    assert (rows(), kept(config)) == (1, [])


def test_nobody_is_asked_about_what_is_gone(patient: Caller, storage: Storage) -> None:
    id_ = uploaded(patient)
    with transaction(OPERATOR) as session:
        session.execute(text("UPDATE attachment SET status = 'quarantined'"))
    with transaction(WORKER) as session:
        service.give_up(session=session, attachment_id=id_, now=utcnow())
    assert len(items("attachment_unscannable")) == 1
    age(id_, "2 days")
    assert sweep(storage, utcnow()).uploads == 1
    assert items("attachment_unscannable") == []


def test_before_the_first_upload_there_is_nothing(
    app: Flask, storage: Storage, config: Config
) -> None:
    assert app.testing
    assert not config.attachments.exists()
    assert sweep(storage, utcnow()) == Swept(0, 0)
    assert schedule.sweep_attachments() == 0


def test_the_command_and_the_schedule_sweep(
    app: Flask, patient: Caller, orphan: Path, config: Config
) -> None:
    age(uploaded(patient), "2 days")
    shown = app.test_cli_runner().invoke(attachments, ["sweep"]).output
    assert shown == "1 unused uploads and 2 files deleted.\n"
    assert not orphan.exists()
    age(uploaded(patient), "2 days")
    assert schedule.TICKS["sweep_attachments"]() == 2
    assert kept(config) == []


def test_an_upload_waits_for_the_sweep_and_the_sweep_for_it(
    patient: Caller, storage: Storage
) -> None:
    """The content's lock is held from before the file is looked for until its row stands."""
    id_ = uploaded(patient)
    digest = attachment(id_).digest

    def tries() -> bool:
        with transaction(WORKER) as session:
            session.execute(text("SET LOCAL lock_timeout = '200ms'"))
            try:
                service.discard(session=session, storage=storage, digest=digest)
            except Exception:
                session.rollback()
                return False
        return True

    with transaction(OPERATOR) as session:
        queries.lock_content(session, digest)
        [waited] = at_once(tries)
    assert waited is False
    assert storage.path_of(digest).exists()
    assert tries()
    assert storage.path_of(digest).exists(), "a row names it"


@pytest.mark.parametrize("_attempt", range(6))
def test_a_sweep_while_the_same_content_comes_in(
    patient: Caller, storage: Storage, config: Config, _attempt: int
) -> None:
    """The content's only row is about to go, and the content is sent again: whoever is first, the
    new row has its file."""
    age(uploaded(patient), "2 days")
    for path in kept(config):
        make_old(path)

    def send() -> UUID:
        answer = upload(patient)
        assert answer.status_code == 201, answer.text
        return UUID(answer.json["id"])

    def clear() -> Swept:
        return sweep(storage, utcnow())

    found = at_once(clear, send, clear, send)
    for id_ in (found[1], found[3]):
        assert patient.get(f"/attachments/{id_}/content").status_code == 200
    assert rows() == 2
    assert sweep(storage, utcnow()).files == 0
    assert len(kept(config)) == 1
