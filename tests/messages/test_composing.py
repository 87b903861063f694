"""Texts that a team uses again."""

from typing import Any
from uuid import uuid4

import pytest

from portal.core.actor import ActorKind
from tests.messages.conftest import SignIn, opened, started, to_physician, write
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain


def quick_reply(clinic: SmallClinic, **changes: Any) -> dict[str, Any]:
    return {
        "pool_id": str(clinic.nurses.id),
        "title": "Lab hours",
        "body": "The laboratory is open from 7 to 16.",
        **changes,
    }


def test_a_team_shares_its_quick_replies(
    clinic: SmallClinic, nurse: Caller, physician: Caller, caller: SignIn
) -> None:
    added = nurse.post("/quick-replies", quick_reply(clinic))
    assert added.status_code == 201, added.text
    path = f"/quick-replies/{added.json['id']}"
    [listed] = physician.get("/quick-replies").json["items"]
    assert listed == added.json
    officer = caller(ActorKind.STAFF, clinic.liaison_officer.id)
    assert officer.get("/quick-replies").json["items"] == []
    changed = {"title": "Lab hours", "body": "The laboratory is open from 7 to 17."}
    assert officer.put(path, changed).status_code == 404
    assert officer.delete(path).status_code == 404
    assert physician.put(path, changed).json["body"] == changed["body"]
    assert nurse.delete(path).status_code == 204
    query = f"/quick-replies?pool_id={clinic.nurses.id}"
    assert nurse.get(query).json["items"] == []


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"pool_id": str(uuid4())}, "/pool_id"),
        ({"title": "Lab hours"}, "/title"),
        ({"title": "two\nlines"}, "/title"),
        ({"body": " "}, "/body"),
    ],
)
def test_bad_quick_replies_name_the_member(
    clinic: SmallClinic, nurse: Caller, changes: dict[str, Any], pointer: str
) -> None:
    nurse.post("/quick-replies", quick_reply(clinic))
    refused = nurse.post("/quick-replies", quick_reply(clinic, **{"title": "Else", **changes}))
    assert [error["pointer"] for error in refused.json["errors"]] == [pointer]


def test_of_others_threads_nothing_is_shown(
    clinic: SmallClinic, caller: SignIn, patient: Caller, colleague: Caller
) -> None:
    asked = started(patient, to_physician(clinic))
    drain()
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    assert other.get(f"/threads/{asked}").status_code == 404
    assert write(other, asked, "Hello?").status_code == 404
    assert colleague.get(f"/threads?patient_id={clinic.patient.id}").json["items"] == []
    assert opened(caller(ActorKind.STAFF, clinic.nurse.id), asked)
