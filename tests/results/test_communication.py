"""Telling people: by the way they chose, once, and whoever saw what was corrected."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from portal.core import outbox
from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.notifications.outreach_model import Letter, PhoneCall
from portal.patients.model import Patient
from portal.results import queries, service, texts
from portal.results.model import DiagnosticReport
from portal.results.rules import channel_of
from tests.results.conftest import (
    CRITICAL,
    HIGH,
    NORMAL,
    Value,
    as_worker,
    items,
    load,
    receive,
    receive_next,
    received,
    told,
    wish,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain

CHANGE = {"code": "2823-3", "name": "Potassium", "before": "4.1 mmol/L", "after": "5.6 mmol/L"}


def letters() -> list[Letter]:
    with transaction(OPERATOR) as session:
        return list(session.scalars(select(Letter).order_by(Letter.id)))


def calls() -> list[PhoneCall]:
    with transaction(OPERATOR) as session:
        return list(session.scalars(select(PhoneCall).order_by(PhoneCall.id)))


def end_letter(letter: Letter, status: str, at: datetime | None = None) -> None:
    """What the notifications slice does when somebody says what became of a letter."""
    moment = at or utcnow()
    with transaction(OPERATOR) as session:
        row = session.get_one(Letter, letter.id)
        row.status = status
        row.printed_at = row.printed_at or moment
        row.ended_at = None if status == "printed" else moment
        outbox.emit(session, "letter.moved", letter_id=row.id)
    drain()


def end_call(call: PhoneCall, status: str) -> None:
    with transaction(OPERATOR) as session:
        row = session.get_one(PhoneCall, call.id)
        row.status, row.ended_at = status, utcnow()
        outbox.emit(session, "call.moved", call_id=row.id)
    drain()


def change_patient(small: SmallClinic, **values: Any) -> None:
    with transaction(OPERATOR) as session:
        row = session.get_one(Patient, small.patient.id)
        for name, value in values.items():
            setattr(row, name, value)


def test_a_preliminary_result_that_becomes_final_is_told_again(clinic: SmallClinic) -> None:
    report = received(clinic, NORMAL, "preliminary")
    receive_next(report, NORMAL, "preliminary")
    drain()
    assert told(clinic.patient.id) == ["result_available"]
    receive_next(report, NORMAL, "final")
    drain()
    assert told(clinic.patient.id) == ["result_available", "result_updated"]


def test_versions_that_are_followed_together_are_told_once(clinic: SmallClinic) -> None:
    report = receive(clinic, NORMAL, "preliminary")
    receive_next(report, NORMAL, "final")
    receive_next(report, HIGH, "corrected")
    drain()
    assert told(clinic.patient.id) == ["result_available"]


def test_all_who_saw_a_version_are_told_of_its_correction(
    clinic: SmallClinic, patient: Caller, physician: Caller, nurse: Caller
) -> None:
    report = received(clinic)
    for who in (patient, physician):
        assert who.get(f"/results/{report}").status_code == 200
    receive_next(report, HIGH, "corrected", changes=[CHANGE])
    drain()
    assert told(clinic.patient.id) == ["result_available", "result_corrected"]
    assert told(clinic.physician.id) == ["result_corrected"]
    assert told(clinic.nurse.id) == [], "the nurse never looked"
    seen = patient.get(f"/results/{report}").json
    assert [version["changes"] for version in seen["versions"]] == [[], [CHANGE]]
    version = load(report).current_version_id
    as_worker(service.follow_version, report_id=report, version_id=version, now=utcnow())
    assert told(clinic.physician.id) == ["result_corrected"]


def test_who_never_looked_is_not_told_of_a_correction(clinic: SmallClinic) -> None:
    report = received(clinic)
    receive_next(report, HIGH, "corrected")
    drain()
    assert told(clinic.patient.id) == ["result_available"]
    assert told(clinic.physician.id) == []


def test_who_looked_at_the_correction_alone_is_not_told_of_it(
    clinic: SmallClinic, physician: Caller
) -> None:
    report = received(clinic)
    receive_next(report, HIGH, "corrected")
    physician.get(f"/results/{report}")
    drain()
    assert told(clinic.physician.id) == []


def test_what_was_taken_back_is_told_and_stays_visible(
    clinic: SmallClinic, patient: Caller
) -> None:
    report = received(clinic)
    patient.get(f"/results/{report}")
    receive_next(report, (), "entered_in_error")
    drain()
    assert told(clinic.patient.id) == ["result_available", "result_corrected"]
    assert patient.get(f"/results/{report}").json["status"] == "entered_in_error"


def test_practitioners_are_told_also_of_what_the_patient_does_not_see(
    clinic: SmallClinic, physician: Caller
) -> None:
    wish(clinic, when="after_comment")
    report = received(clinic)
    physician.get(f"/results/{report}")
    receive_next(report, HIGH, "corrected")
    drain()
    assert told(clinic.physician.id) == ["result_corrected"]
    assert told(clinic.patient.id) == []


def test_a_letter_is_queued_and_tells_when_it_is_printed(
    clinic: SmallClinic, physician: Caller
) -> None:
    wish(clinic, by="letter")
    report = received(clinic, HIGH)
    [letter] = letters()
    assert (letter.event, letter.source_id, letter.subject_id) == (
        "result_available",
        report,
        report,
    )
    assert (told(clinic.patient.id), load(report).communicated_at) == ([], None)
    end_letter(letter, "printed")
    assert load(report).communicated_at == letters()[0].printed_at
    body = {"version": 1, "comment": "Come and see me.", "follow_up": {"kind": "visit"}}
    physician.post(f"/results/{report}/review", body)
    drain()
    assert [row.event for row in letters()] == ["result_available", "result_commented"]
    assert load(report).communicated_at is None, "until the comment is printed too"


def test_a_correction_goes_out_by_letter_to_who_had_a_letter(clinic: SmallClinic) -> None:
    wish(clinic, by="letter")
    report = received(clinic)
    receive_next(report, HIGH, "corrected", changes=[CHANGE])
    drain()
    first, second = letters()
    assert second.event == "result_corrected"
    end_letter(first, "printed")
    assert load(report).communicated_at is None, "the correction waits still"
    end_letter(second, "printed")
    assert load(report).communicated_at is not None


@pytest.mark.parametrize("status", ["returned", "cancelled"])
def test_a_letter_that_does_not_arrive_is_somebodys_work(
    clinic: SmallClinic, nurse: Caller, physician: Caller, status: str
) -> None:
    wish(clinic, by="letter")
    report = received(clinic, HIGH)
    end_letter(letters()[0], "printed", utcnow() - timedelta(minutes=5))
    end_letter(letters()[0], status, utcnow() - timedelta(minutes=1))
    [item] = items(kind="result_communication")
    assert (item.subject_id, item.priority) == (report, "urgent")
    assert load(report).communicated_at is None
    call = f"/results/{report}/communicated"
    answer = physician.post(call, {"how": "phone", "note": "Spoke with her."})
    assert answer.status_code == 200, answer.text
    assert answer.json["communicated_at"]
    [closed] = items(kind="result_communication", still_open=False)
    assert closed.outcome == "phone: Spoke with her."
    again = nurse.post(call, {"how": "phone"})
    assert (again.status_code, again.json["code"]) == (409, "already_communicated")
    end_letter(letters()[0], status, letters()[0].ended_at)
    assert items(kind="result_communication") == [], "told by other means since"


def test_a_look_in_the_portal_is_being_told(clinic: SmallClinic, patient: Caller) -> None:
    wish(clinic, by="letter")
    report = received(clinic)
    end_letter(letters()[0], "printed", utcnow() - timedelta(minutes=5))
    end_letter(letters()[0], "returned", utcnow() - timedelta(minutes=1))
    assert len(items(kind="result_communication")) == 1
    patient.get(f"/results/{report}")
    assert items(kind="result_communication") == []
    assert load(report).communicated_at == load(report).seen_at


def test_somebody_is_called_with_a_script(clinic: SmallClinic) -> None:
    wish(clinic, by="phone")
    report = received(clinic, HIGH)
    [call] = calls()
    [item] = items(kind="phone_call")
    assert (item.subject_id, item.pool_id, item.priority) == (call.id, clinic.nurses.id, "urgent")
    said = "\n".join(call.script)
    assert "Potassium: 5.6 mmol/L; expected is 3.5-5.1: outside of what is expected." in said
    assert clinic.physician.name in said
    assert load(report).communicated_at is None
    end_call(call, "reached")
    assert load(report).communicated_at is not None


def test_a_call_that_is_given_up_is_somebodys_work(clinic: SmallClinic) -> None:
    wish(clinic, by="phone")
    received(clinic)
    for _ in range(2):
        end_call(calls()[0], "given_up")
    [item] = items(kind="result_communication")
    assert (item.responsible_id, item.priority) == (clinic.physician.id, "routine")


@pytest.mark.parametrize(
    ("wanted", "address", "phone", "way"),
    [
        ("portal", True, True, "portal"),
        ("letter", True, False, "letter"),
        ("letter", False, True, "phone"),
        ("letter", False, False, "portal"),
        ("phone", True, True, "phone"),
        ("phone", True, False, "portal"),
    ],
)
def test_who_cannot_be_reached_as_they_wish_is_told_otherwise(
    clinic: SmallClinic, wanted: Any, address: bool, phone: bool, way: str
) -> None:
    wish(clinic, by=wanted)
    change_patient(
        clinic,
        **({} if address else {"line": None}),
        **({} if phone else {"phone": None}),
    )
    received(clinic)
    ways = {"letter": len(letters()), "phone": len(calls()), "portal": len(told(clinic.patient.id))}
    assert ways == {"letter": 0, "phone": 0, "portal": 0, way: 1}
    assert channel_of(wanted, has_address=address, has_phone=phone) == way


def test_a_letter_says_the_values_in_plain_words(clinic: SmallClinic) -> None:
    wish(clinic, by="letter")
    received(clinic, (*CRITICAL, Value("seen", "unknown", "X", "Crystals", "")))
    with transaction(OPERATOR) as session:
        letter = session.scalars(select(Letter)).one()
        assert letter.document.startswith(b"%PDF")
        version = session.get_one(DiagnosticReport, letter.subject_id).current_version_id
        potassium, crystals = texts.table_of(queries.observations(session, version))
    assert potassium == ("Potassium", "6.8 mmol/L", "3.5-5.1", "far outside of what is expected")
    assert crystals == ("Crystals", "seen", "3.5-5.1", "")


def test_the_patient_told_before_changes_the_way(clinic: SmallClinic) -> None:
    report = received(clinic)
    wish(clinic, by="letter")
    version = load(report).current_version_id
    as_worker(service.follow_version, report_id=report, version_id=version, now=utcnow())
    assert letters() == []


def test_letters_and_calls_about_anything_else_are_left_alone(clinic: SmallClinic) -> None:
    nothing = UUID(int=7)
    as_worker(service.follow_letter, letter_id=nothing, now=utcnow())
    as_worker(service.follow_call, call_id=nothing, now=utcnow())
    assert items() == []
