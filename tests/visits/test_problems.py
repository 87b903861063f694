"""The problem list: what is on it, how it changes, and what it was."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.visits.conftest import add_problem, in_days, pointers


def test_a_problem_from_found_to_resolved_and_back(
    physician: Caller, patient: Caller, nurse: Caller, clinic: SmallClinic
) -> None:
    made = add_problem(physician, clinic, onset_on="2020-05-01", note="Runs in the family")
    assert made.status_code == 201, made.text
    id_ = made.json["id"]
    for status in ("remission", "recurrence", "resolved", "recurrence"):
        answer = physician.patch(f"/problems/{id_}", {"status": status, "reason": "As found"})
        assert answer.status_code == 200, answer.text
        assert (answer.json["resolved_on"] is not None) == (status == "resolved")
    seen = patient.get(f"/problems/{id_}").json
    assert (seen["status"], seen["recorded_by"]["name"]) == ("recurrence", clinic.physician.name)
    assert [one["status"] for one in seen["versions"]] == [
        "active",
        "remission",
        "recurrence",
        "resolved",
        "recurrence",
    ]
    assert [one["number"] for one in seen["versions"]] == [1, 2, 3, 4, 5]
    assert nurse.get(f"/problems?patient_id={clinic.patient.id}").json["items"][0]["id"] == id_


def test_an_impossible_step(physician: Caller, clinic: SmallClinic) -> None:
    id_ = add_problem(physician, clinic).json["id"]
    answer = physician.patch(f"/problems/{id_}", {"status": "recurrence"})
    assert (answer.status_code, answer.json["code"]) == (409, "illegal_transition")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"code": "hypertension"}, "/code"),
        ({"code": "I10", "code_system": "snomed_ct"}, "/code"),
        ({"status": "entered_in_error"}, "/status"),
        ({"resolved_on": "2024-01-01"}, "/resolved_on"),
        ({"onset_on": in_days(2)[:10]}, "/onset_on"),
        ({"onset_on": "1950-01-01"}, "/onset_on"),
        (
            {"status": "resolved", "onset_on": "2024-01-02", "resolved_on": "2024-01-01"},
            "/resolved_on",
        ),
        ({"patient_id": str(uuid4())}, "/patient_id"),
        ({"visit_id": str(uuid4())}, "/visit_id"),
        ({"text": "x" * 201}, "/text"),
    ],
)
def test_what_can_not_be_on_the_list(
    physician: Caller, clinic: SmallClinic, changes: dict[str, Any], pointer: str
) -> None:
    answer = add_problem(physician, clinic, **changes)
    assert (answer.status_code, pointers(answer)) == (422, [pointer])


def test_codes_of_either_system(physician: Caller, clinic: SmallClinic) -> None:
    covid = add_problem(physician, clinic, code="U07.1", text="COVID-19")
    snomed = add_problem(
        physician, clinic, code="38341003", code_system="snomed_ct", text="Hypertension"
    )
    assert (covid.status_code, snomed.status_code) == (201, 201)


def test_the_same_problem_is_on_the_list_once(physician: Caller, clinic: SmallClinic) -> None:
    first = add_problem(physician, clinic).json
    again = add_problem(physician, clinic)
    assert (again.status_code, again.json["problem_id"]) == (409, first["id"])
    physician.patch(f"/problems/{first['id']}", {"status": "resolved"})
    assert add_problem(physician, clinic).status_code == 201


def test_two_editors(physician: Caller, nurse: Caller, clinic: SmallClinic) -> None:
    id_ = add_problem(physician, clinic).json["id"]
    tag = physician.get(f"/problems/{id_}").headers["ETag"]
    match = {"If-Match": tag}
    first = physician.patch(f"/problems/{id_}", {"note": "Mild"}, headers=match)
    second = physician.patch(f"/problems/{id_}", {"note": "Severe"}, headers=match)
    assert (first.status_code, second.status_code) == (200, 412)
    assert nurse.patch(f"/problems/{id_}", {"note": "x"}).status_code == 403
    assert nurse.get(f"/problems/{id_}").json["note"] == "Mild"


def test_a_day_of_resolution_belongs_to_what_is_resolved(
    physician: Caller, clinic: SmallClinic
) -> None:
    id_ = add_problem(physician, clinic, onset_on="2024-01-01").json["id"]
    early = physician.patch(f"/problems/{id_}", {"resolved_on": "2024-02-01"})
    assert (early.status_code, pointers(early)) == (422, ["/resolved_on"])
    both = physician.patch(f"/problems/{id_}", {"status": "resolved", "resolved_on": "2024-02-01"})
    assert both.json["resolved_on"] == "2024-02-01"
    before = physician.patch(f"/problems/{id_}", {"resolved_on": "2023-02-01"})
    assert (before.status_code, pointers(before)) == (422, ["/resolved_on"])


def test_what_was_entered_in_error_is_the_patients_no_more(
    physician: Caller, patient: Caller, clinic: SmallClinic
) -> None:
    id_ = add_problem(physician, clinic).json["id"]
    physician.patch(f"/problems/{id_}", {"status": "entered_in_error", "reason": "Another's"})
    assert patient.get(f"/problems/{id_}").status_code == 404
    assert patient.get("/problems?status=entered_in_error").json["items"] == []
    listed = f"/problems?patient_id={clinic.patient.id}"
    assert physician.get(listed).json["items"] == []
    [kept] = physician.get(f"{listed}&status=entered_in_error").json["items"]
    assert kept["id"] == id_


def test_lists_by_status_and_page(physician: Caller, patient: Caller, clinic: SmallClinic) -> None:
    ids = [
        add_problem(physician, clinic, code=code, status=status).json["id"]
        for code, status in (("I10", "active"), ("E11.9", "resolved"), ("J45.909", "remission"))
    ]
    first = patient.get("/problems?limit=2").json
    rest = patient.get(f"/problems?limit=2&cursor={first['next']}").json
    listed = [one["id"] for page in (first, rest) for one in page["items"]]
    assert (listed, rest["next"]) == (ids[::-1], None)
    still_open = patient.get("/problems?status=open").json["items"]
    assert [one["id"] for one in still_open] == [ids[2], ids[0]]
    assert [one["id"] for one in patient.get("/problems?status=resolved").json["items"]] == [ids[1]]


def test_somebody_elses_patient(
    physician: Caller, colleague: Caller, patient: Caller, clinic: SmallClinic
) -> None:
    id_ = add_problem(physician, clinic).json["id"]
    assert colleague.get(f"/problems/{id_}").status_code == 404
    assert colleague.patch(f"/problems/{id_}", {"note": "x"}).status_code == 404
    assert patient.patch(f"/problems/{id_}", {"note": "x"}).status_code == 403
