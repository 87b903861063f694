"""What those who care for patients see and do, and what they don't see."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.patients.model import BreakGlassGrant
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain

Sign = Callable[..., Caller]


def new_patient(clinic: SmallClinic, **changes: Any) -> dict[str, Any]:
    return {
        "mrn": "MRN-9000",
        "given_name": "Casey",
        "family_name": "Newcomer",
        "birth_date": "1975-12-31",
        "sex": "other",
        "time_zone": "America/Chicago",
        "primary_practitioner_id": str(clinic.physician.id),
        "preferred_pharmacy_id": str(clinic.pharmacy.id),
        **changes,
    }


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["given_name"] for item in answer.json["items"]]


def test_each_finds_their_own_patients(physician: Caller, colleague: Caller, nurse: Caller) -> None:
    wanted = {"name": "testpat"}
    assert names(physician.post("/patients/search", wanted)) == ["Avery"]
    assert names(colleague.post("/patients/search", wanted)) == ["Blake"]
    assert names(nurse.post("/patients/search", wanted)) == ["Avery", "Blake"]


def test_search_by_each_mark_and_page_by_page(nurse: Caller) -> None:
    assert names(nurse.post("/patients/search", {"mrn": "MRN-0002"})) == ["Blake"]
    assert names(nurse.post("/patients/search", {"birth_date": "1980-04-15"})) == ["Avery", "Blake"]
    both = {"birth_date": "1980-04-15", "name": "test blake"}
    assert names(nurse.post("/patients/search", both)) == ["Blake"]
    assert names(nurse.post("/patients/search", {"name": "%"})) == []
    first = nurse.post("/patients/search", {"name": "t", "limit": 1})
    cursor = first.json["next"]
    second = nurse.post("/patients/search", {"name": "t", "limit": 1, "cursor": cursor})
    assert names(first) + names(second) == ["Avery", "Blake"]
    assert second.json["next"] is None
    nothing = nurse.post("/patients/search", {})
    assert nothing.status_code == 422


def test_others_patients_do_not_exist(
    clinic: SmallClinic, physician: Caller, colleague: Caller, nurse: Caller
) -> None:
    path = f"/patients/{clinic.patient.id}"
    assert physician.get(path).json["mrn"] == "MRN-0001"
    assert nurse.get(path).status_code == 200
    answer = colleague.get(path)
    assert (answer.status_code, answer.json["code"]) == (404, "patient_unknown")


def test_staff_register_a_patient(
    clinic: SmallClinic, nurse: Caller, physician: Caller, colleague: Caller
) -> None:
    there = str(clinic.laboratory.id)
    answer = nurse.post("/patients", new_patient(clinic, preferred_laboratory_id=there))
    assert answer.status_code == 201, answer.text
    assert answer.json["preferred_laboratory_id"] == there
    path = f"/patients/{answer.json['id']}"
    assert [m["role"] for m in physician.get(path).json["care_team"]] == ["primary"]
    assert colleague.get(path).status_code == 404
    taken = nurse.post("/patients", new_patient(clinic, given_name="Other", mrn=" mrn-9000"))
    assert (taken.status_code, taken.json["code"]) == (409, "mrn_taken")
    assert physician.post("/patients", new_patient(clinic, mrn="MRN-9001")).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"birth_date": "1975-02-30"},
        {"birth_date": "2999-01-01"},
        {"birth_date": "0001-01-01"},
        {"sex": "f"},
        {"mrn": ""},
        {"primary_practitioner_id": "00000000-0000-0000-0000-000000000001"},
        {"preferred_pharmacy_id": "00000000-0000-0000-0000-000000000001"},
        {"preferred_laboratory_id": "00000000-0000-0000-0000-000000000001"},
    ],
    ids=repr,
)
def test_bad_registrations_name_the_member(
    clinic: SmallClinic, nurse: Caller, changes: dict[str, str]
) -> None:
    answer = nurse.post("/patients", new_patient(clinic, **changes))
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == f"/{next(iter(changes))}"
    assert names(nurse.post("/patients/search", {"name": "Newcomer"})) == []


def test_a_care_team_grows_and_shrinks(
    clinic: SmallClinic, nurse: Caller, colleague: Caller
) -> None:
    path = f"/patients/{clinic.patient.id}"
    member = {"practitioner_id": str(clinic.colleague.id), "role": "specialist"}
    assert len(nurse.post(f"{path}/care-team", member).json["care_team"]) == 2
    assert colleague.get(path).status_code == 200
    again = nurse.post(f"{path}/care-team", member)
    assert (again.status_code, again.json["code"]) == (409, "already_on_care_team")
    assert nurse.delete(f"{path}/care-team/{clinic.colleague.id}").status_code == 204
    assert colleague.get(path).status_code == 404
    assert nurse.delete(f"{path}/care-team/{clinic.colleague.id}").status_code == 404
    second_primary = nurse.post(f"{path}/care-team", {**member, "role": "primary"})
    assert second_primary.status_code == 409
    back = nurse.post(f"{path}/care-team", member)
    assert len(back.json["care_team"]) == 2


def test_an_invited_patient_activates_with_code_and_birth_date(
    clinic: SmallClinic, nurse: Caller, anonymous: Caller
) -> None:
    made = nurse.post(f"/patients/{clinic.patient.id}/invitation", {"email": "avery@example.org"})
    assert made.status_code == 201, made.text
    body = {
        "code": made.json["activation_code"],
        "birth_date": "1980-04-16",
        "password": "a long enough password",
    }
    assert anonymous.post("/activations", body).status_code in (403, 404, 422)
    done = anonymous.post("/activations", {**body, "birth_date": "1980-04-15"})
    assert done.status_code in (200, 201), done.text
    signed = anonymous.post(
        "/sessions", {"email": "avery@example.org", "password": "a long enough password"}
    )
    mine = {"Authorization": f"Bearer {signed.json['token']}"}
    assert anonymous.get("/patients/me", headers=mine).json["id"] == str(clinic.patient.id)


def grant(colleague: Caller, **changes: Any) -> Any:
    body = {
        "mrn": "MRN-0001",
        "birth_date": "1980-04-15",
        "reason": "Unconscious in the emergency room",
        **changes,
    }
    return colleague.post("/patients/break-glass", body)


def test_exceptional_access_is_for_a_time_and_told(
    clinic: SmallClinic, patient: Caller, colleague: Caller
) -> None:
    path = f"/patients/{clinic.patient.id}"
    answer = grant(colleague)
    assert (answer.status_code, answer.json["patient_id"]) == (201, str(clinic.patient.id))
    assert colleague.get(path).status_code == 200
    drain()
    assert patient.get("/notifications").json["items"][0]["event"] == "record_opened"
    log = patient.get("/patients/me/access-log").json["items"]
    assert ("break_glass", clinic.colleague.name) in {(e["purpose"], e["actor_name"]) for e in log}
    with transaction(OPERATOR) as session:
        session.execute(
            update(BreakGlassGrant).values(
                granted_at=utcnow().replace(year=2025), expires_at=utcnow()
            )
        )
    assert colleague.get(path).status_code == 404


def test_exceptional_access_needs_both_marks_and_a_reason(colleague: Caller) -> None:
    assert grant(colleague, birth_date="1980-04-16").status_code == 404
    assert grant(colleague, mrn="MRN-7777").status_code == 404
    short = grant(colleague, reason="because")
    assert (short.status_code, short.json["errors"][0]["pointer"]) == (422, "/reason")


def test_patients_search_nobody(app: Flask, patient: Caller, clinic: SmallClinic) -> None:
    assert app.testing
    for answer in (
        patient.post("/patients/search", {"name": "a"}),
        patient.get(f"/patients/{clinic.other_patient.id}"),
        patient.post("/patients", new_patient(clinic)),
        grant(patient),
    ):
        assert answer.status_code == 403


PEOPLE = [
    ("Mary", "O\u2019Connor"),
    ("Jose\u0301", "Núñez"),
    ("ÖZLEM", "Öztürk"),
    ("abel", "de la Cruz"),
    ("小明", "王"),
]


@pytest.fixture
def registered(clinic: SmallClinic, nurse: Caller) -> None:
    for number, (given_name, family_name) in enumerate(PEOPLE):
        body = new_patient(
            clinic, mrn=f"MRN-70{number}", given_name=given_name, family_name=family_name
        )
        assert nurse.post("/patients", body).status_code == 201


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("o'connor", ["Mary"]),
        ("OCONNOR mary", ["Mary"]),
        ("O\u02bcConnor", ["Mary"]),
        ("jose nunez", ["Jose\u0301"]),
        ("JOSÉ", ["Jose\u0301"]),
        ("Nu\u0301n\u0303ez", ["Jose\u0301"]),
        ("ozturk", ["ÖZLEM"]),
        ("王小明", ["小明"]),
        ("明", ["小明"]),
        ("\u2019", []),
    ],
)
def test_a_name_is_found_however_it_is_typed(
    registered: None, physician: Caller, name: str, found: list[str]
) -> None:
    assert names(physician.post("/patients/search", {"name": name})) == found


def test_people_are_sorted_as_people_are_page_by_page(registered: None, physician: Caller) -> None:
    wanted: dict[str, Any] = {"birth_date": "1975-12-31", "limit": 2}
    found = []
    while True:
        page = physician.post("/patients/search", wanted)
        found += names(page)
        if page.json["next"] is None:
            break
        wanted["cursor"] = page.json["next"]
    assert found == ["abel", "Jose\u0301", "Mary", "ÖZLEM", "小明"]
