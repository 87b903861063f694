"""Scanning: nothing is handed out before the scanner has said that it is clean."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from portal.attachments import gateway
from portal.attachments.cli import attachments
from portal.attachments.gateway import Verdict
from portal.attachments.storage import Storage
from portal.config import Config
from portal.core import loops
from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import TransportError
from tests.attachments.conftest import (
    Setting,
    attach_as,
    attachment,
    items,
    kept,
    patient_of,
    upload,
    uploaded,
)
from tests.attachments.files import LINES, PDF
from tests.patients.delegates import acting_for
from tests.support.api import Caller
from tests.support.clamav import FINDING, VIRUS, Mood, Scanner, scanning
from tests.support.clinic import SmallClinic
from tests.support.work import drain
from tests.workers.conftest import events, set_event
from workers import outcomes
from workers.runner import run_events

pytestmark = pytest.mark.usefixtures("storage")

INFECTED = LINES + VIRUS
KIND = "attachment.scan"


def send_infected(caller: Caller) -> UUID:
    return uploaded(caller, INFECTED, "notes.txt", "text/plain")


def scan_now(event_id: UUID) -> None:
    """The next attempt, as if its time had come."""
    set_event(event_id, due_at=utcnow() - timedelta(seconds=1))
    run_events(KIND, [event_id])


def give_it_all_attempts() -> None:
    """Fail until the workers give up."""
    [event] = events(KIND)
    for _ in range(outcomes.MAX_ATTEMPTS):
        scan_now(event.id)


def told(caller: Caller) -> list[str]:
    events = [item["event"] for item in caller.get("/notifications").json["items"]]
    return [event for event in events if event.startswith("attachment_")]


def broken_promises() -> list[str]:
    with transaction(OPERATOR) as session:
        found = loops.check(session, now=utcnow() + timedelta(hours=1))
    return [one.rule for one in found if "attachment" in one.rule]


def test_what_is_clean_is_let_go(patient: Caller, scanner: Scanner) -> None:
    answer = upload(patient)
    path = f"/attachments/{answer.json['id']}/content"
    assert (answer.json["status"], answer.json["content"]) == ("quarantined", None)
    assert patient.get(path).json["code"] == "attachment_quarantined"
    drain()
    assert scanner.received == [PDF]
    assert patient.get(path).data == PDF
    assert patient.get(f"/attachments/{answer.json['id']}").json["status"] == "clean"
    drain()
    assert len(scanner.received) == 1


def test_an_upload_for_a_patient_is_its_uploaders_to_hear_of(
    patient: Caller, clinic: SmallClinic, caller: Callable[..., Caller], scanner: Scanner
) -> None:
    delegate = acting_for(clinic.patient, caller, "messages")
    other = acting_for(clinic.patient, caller, "messages")
    send_infected(delegate)
    drain()
    assert scanner.received == [INFECTED]
    assert [told(who) for who in (delegate, patient, other)] == [["attachment_infected"], [], []]
    send_infected(patient)
    drain()
    assert [len(told(who)) for who in (delegate, patient, other)] == [1, 1, 0]


def test_what_is_infected_is_deleted_and_people_are_told(
    patient: Caller, physician: Caller, scanner: Scanner, clinic: SmallClinic, config: Config
) -> None:
    id_ = send_infected(patient)
    attach_as(patient_of(clinic), clinic, id_)
    assert len(kept(config)) == 1
    drain()
    assert scanner.received == [INFECTED]
    row = attachment(id_)
    assert (row.status, row.finding) == ("infected", FINDING)
    assert kept(config) == []
    assert told(patient) == ["attachment_infected"]
    [item] = items("attachment_infected")
    assert (item.subject_id, item.patient_id, item.priority) == (id_, None, "urgent")
    for who in (patient, physician):
        answer = who.get(f"/attachments/{id_}/content")
        assert (answer.status_code, answer.json["code"]) == (410, "attachment_infected")
    assert broken_promises() == []


def test_every_attachment_of_an_infected_content_goes(
    patient: Caller,
    physician: Caller,
    clinic: SmallClinic,
    config: Config,
    set_config: Setting,
) -> None:
    """One that came before there was a scanner is found by the one that came after."""
    before = send_infected(patient)
    assert attachment(before).status == "clean"
    with scanning() as scanner:
        set_config(clamav_url=scanner.url)
        after = uploaded(physician, INFECTED, "a.txt", "text/plain", patient_id=clinic.patient.id)
        drain()
    assert attachment(before).status == attachment(after).status == "infected"
    assert (told(patient), told(physician)) == (["attachment_infected"], ["attachment_infected"])
    assert kept(config) == []


def test_the_same_content_again_is_scanned_again(
    patient: Caller, scanner: Scanner, config: Config
) -> None:
    send_infected(patient)
    drain()
    again = send_infected(patient)
    assert attachment(again).status == "quarantined"
    assert len(kept(config)) == 1
    drain()
    assert attachment(again).status == "infected"
    assert (len(scanner.received), kept(config)) == (2, [])


@pytest.mark.parametrize("mood", [Mood.FAILS, Mood.HANGS_UP, Mood.SILENT])
def test_a_scanner_in_trouble_is_asked_again(
    patient: Caller, scanner: Scanner, mood: Mood, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "ANSWER_SECONDS", 0.1)
    scanner.mood = mood
    id_ = uploaded(patient)
    [event] = events(KIND)
    scan_now(event.id)
    assert attachment(id_).status == "quarantined"
    assert patient.get(f"/attachments/{id_}/content").status_code == 409
    scanner.mood = Mood.WORKS
    scan_now(event.id)
    assert attachment(id_).status == "clean"
    assert broken_promises() == []


def test_a_scanner_that_stays_away_ends_with_somebody(
    app: Flask, patient: Caller, set_config: Setting, config: Config
) -> None:
    with scanning() as gone:
        url = gone.url
    set_config(clamav_url=url)
    id_ = uploaded(patient)
    give_it_all_attempts()
    row = attachment(id_)
    assert row.status == "unscannable"
    assert len(kept(config)) == 1
    [item] = items("attachment_unscannable")
    assert item.subject_id == id_
    assert told(patient) == ["attachment_unscannable"]
    assert patient.get(f"/attachments/{id_}/content").json["code"] == "attachment_unscannable"
    assert broken_promises() == []
    runner = app.test_cli_runner()
    with scanning() as back:
        set_config(clamav_url=back.url)
        rescanned = runner.invoke(attachments, ["rescan"])
        assert rescanned.output.startswith("1 attachments go"), rescanned.output
        assert broken_promises() == []
        drain()
    assert attachment(id_).status == "clean"
    assert items("attachment_unscannable") == []
    assert patient.get(f"/attachments/{id_}/content").data == PDF


def test_one_that_the_scanner_never_takes_ends_at_once(patient: Caller, scanner: Scanner) -> None:
    scanner.largest = 100
    id_ = uploaded(patient)
    [event] = events(KIND)
    scan_now(event.id)
    assert attachment(id_).status == "unscannable"
    assert [item.subject_id for item in items("attachment_unscannable")] == [id_]


def test_a_lost_file_is_never_clean(patient: Caller, scanner: Scanner, storage: Storage) -> None:
    id_ = uploaded(patient)
    storage.remove(attachment(id_).digest)
    give_it_all_attempts()
    assert (attachment(id_).status, scanner.received) == ("unscannable", [])


def test_what_the_promise_misses_is_found(patient: Caller, scanner: Scanner) -> None:
    assert scanner.url
    id_ = uploaded(patient)
    assert broken_promises() == []
    with transaction(OPERATOR) as session:
        session.execute(text("DELETE FROM outbox_event WHERE kind = 'attachment.scan'"))
    assert broken_promises() == ["an attachment waits to be scanned and nothing will scan it"]
    for status, finding in (("unscannable", None), ("infected", "X")):
        with transaction(OPERATOR) as session:
            values = {"status": status, "finding": finding, "id": id_}
            statement = "UPDATE attachment SET status = :status, finding = :finding WHERE id = :id"
            session.execute(text(statement), values)
        assert len(broken_promises()) == 1


def test_the_command_says_what_is_kept_back(
    app: Flask, patient: Caller, scanner: Scanner, clinic: SmallClinic
) -> None:
    assert scanner.url
    infected, clean = send_infected(patient), uploaded(patient)
    drain()
    waiting = uploaded(patient, LINES, "b.txt", "text/plain")
    shown = app.test_cli_runner().invoke(attachments, ["status"]).output
    assert f"{infected}  infected" in shown
    assert FINDING in shown
    assert f"{waiting}  quarantined" in shown
    assert str(clean) not in shown
    assert f"patient {clinic.patient.id}" in shown
    assert clinic.patient.family_name not in shown


def test_metrics_tell_what_is_kept_back(
    patient: Caller, anonymous: Caller, scanner: Scanner
) -> None:
    assert scanner.url
    uploaded(patient)
    shown = anonymous.request("GET", "/metrics").text
    assert 'careloop_withheld_attachments{status="quarantined"} 1.0' in shown
    assert "careloop_oldest_quarantined_attachment_seconds" in shown


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 1000)
    return path


@pytest.fixture
def by_socket(tmp_path: Path) -> Iterator[Scanner]:
    with scanning(tmp_path / "clamd.sock") as scanner:
        yield scanner


def test_a_scanner_at_a_unix_socket(by_socket: Scanner, file: Path) -> None:
    assert gateway.scan(by_socket.url, file) == Verdict()
    assert by_socket.received == [file.read_bytes()], "whole, however it was cut"
    file.write_bytes(VIRUS)
    assert gateway.scan(by_socket.url, file) == Verdict(finding=FINDING)


def test_a_scanner_that_has_heard_enough(by_socket: Scanner, file: Path) -> None:
    by_socket.largest = 1000
    assert gateway.scan(by_socket.url, file).refused
    assert by_socket.received == []


def test_nobody_at_the_socket(file: Path, tmp_path: Path) -> None:
    for url in (f"unix://{tmp_path}/none", "tcp://127.0.0.1:9"):
        with pytest.raises(TransportError):
            gateway.scan(url, file)
