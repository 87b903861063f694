"""What patients see and change of their own record, and who looked at it."""

from typing import Any
from uuid import UUID

import pytest

from portal.core.actor import OPERATOR
from portal.core.db import transaction
from portal.directory.model import Laboratory
from tests.support.api import Caller
from tests.support.clinic import SmallClinic


def test_a_patient_sees_their_record_and_care_team(clinic: SmallClinic, patient: Caller) -> None:
    answer = patient.get("/patients/me")
    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"1"'
    assert (answer.json["id"], answer.json["birth_date"]) == (str(clinic.patient.id), "1980-04-15")
    assert [(m["name"], m["role"]) for m in answer.json["care_team"]] == [
        (clinic.physician.name, "primary")
    ]


def test_a_patient_keeps_their_address(clinic: SmallClinic, patient: Caller) -> None:
    there = str(clinic.other_pharmacy.id)
    answer = patient.patch("/patients/me", {"city": "Albany", "preferred_pharmacy_id": there})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    seen = patient.get("/patients/me").json
    assert (seen["city"], seen["line"], seen["preferred_pharmacy_id"]) == (
        "Albany",
        "2 Oak Lane",
        there,
    )


def test_a_patient_prefers_a_laboratory(clinic: SmallClinic, patient: Caller) -> None:
    there = str(clinic.other_laboratory.id)
    assert patient.get("/patients/me").json["preferred_laboratory_id"] is None
    assert patient.patch("/patients/me", {"preferred_laboratory_id": there}).status_code == 200
    assert patient.get("/patients/me").json["preferred_laboratory_id"] == there
    with transaction(OPERATOR) as session:
        session.get_one(Laboratory, clinic.laboratory.id).active = False
    for unusable in (clinic.laboratory.id, clinic.radiology.id):
        answer = patient.patch("/patients/me", {"preferred_laboratory_id": str(unusable)})
        assert (answer.status_code, answer.json["code"]) == (422, "unusable_reference")
    assert patient.get("/patients/me").json["preferred_laboratory_id"] == there
    none = patient.patch("/patients/me", {"preferred_laboratory_id": None})
    assert none.json["preferred_laboratory_id"] is None


def test_a_change_of_an_older_version_is_refused(patient: Caller) -> None:
    first = patient.patch("/patients/me", {"city": "Troy"}, headers={"If-Match": '"1"'})
    assert first.status_code == 200
    late = patient.patch("/patients/me", {"city": "Utica"}, headers={"If-Match": '"1"'})
    assert (late.status_code, late.json["current_etag"]) == (412, '"2"')
    assert patient.get("/patients/me").json["city"] == "Troy"
    odd = patient.patch("/patients/me", {"city": "Utica"}, headers={"If-Match": "yesterday"})
    assert (odd.status_code, odd.json["errors"][0]["pointer"]) == (400, "#header/If-Match")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"birth_date": "1990-01-01"}, "/birth_date"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"language": "english please"}, "/language"),
        ({"phone": "1\x002"}, "/phone"),
        ({"line": "x" * 201}, "/line"),
        ({"preferred_pharmacy_id": f"{UUID(int=1)}"}, "/preferred_pharmacy_id"),
        ({"preferred_pharmacy_id": "corner"}, "/preferred_pharmacy_id"),
        ({"preferred_laboratory_id": f"{UUID(int=1)}"}, "/preferred_laboratory_id"),
        ({"merged_into_id": f"{UUID(int=1)}"}, "/merged_into_id"),
        ([], ""),
    ],
    ids=repr,
)
def test_bad_changes_name_the_member(patient: Caller, body: Any, pointer: str) -> None:
    answer = patient.patch("/patients/me", body)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert patient.get("/patients/me").headers["ETag"] == '"1"'


def test_a_patient_reads_who_looked(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    physician.get(f"/patients/{clinic.patient.id}")
    patient.get("/patients/me")
    page = patient.get("/patients/me/access-log?limit=1").json
    rest = patient.get(f"/patients/me/access-log?cursor={page['next']}").json
    [own, other] = page["items"] + rest["items"]
    assert (own["actor_kind"], own["action"]) == ("patient", "read")
    assert (other["actor_name"], other["action"], other["resource"]) == (
        clinic.physician.name,
        "read",
        "patient",
    )
