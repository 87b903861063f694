"""Drafts, and texts that a team uses again."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.core.actor import ActorKind
from tests.messages.conftest import SignIn, answer, new_thread, opened, started, to_physician, write
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain


def drafts(who: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = who.get("/drafts").json["items"]
    return found


def test_there_is_one_draft_for_each_thread_and_one_for_a_new_one(
    clinic: SmallClinic, patient: Caller, asked: UUID
) -> None:
    for body in ("May I", "May I ask"):
        saved = patient.put("/drafts", {"thread_id": str(asked), "body": body})
        assert saved.status_code == 200, saved.text
    new = {**new_thread(clinic), "body": "Something else"}
    assert patient.put("/drafts", new).json["to"]["pool_id"] == str(clinic.nurses.id)
    patient.put("/drafts", {**new, "body": ""})
    assert [one["body"] for one in drafts(patient)] == ["", "May I ask"]
    write(patient, asked, "May I ask you something?")
    assert [one["thread_id"] for one in drafts(patient)] == [None], "sending forgets it"
    patient.post("/threads", new_thread(clinic))
    assert drafts(patient) == []


def test_drafts_are_their_authors_alone(
    clinic: SmallClinic, patient: Caller, nurse: Caller, physician: Caller, asked: UUID
) -> None:
    body = {"thread_id": str(asked), "body": "Tell her that"}
    draft = nurse.put("/drafts", body).json
    for who in (patient, physician):
        assert drafts(who) == []
        assert who.delete(f"/drafts/{draft['id']}").json["code"] == "draft_not_found"
    note = write(nurse, asked, "Look it up.", kind="internal_note")
    assert note.status_code == 201
    assert len(drafts(nurse)) == 1, "a note is not what was drafted"
    answer(nurse, asked)
    assert drafts(nurse) == []
    to_new = {"patient_id": str(clinic.patient.id), "body": "Your results"}
    saved = nurse.put("/drafts", to_new).json
    assert nurse.delete(f"/drafts/{saved['id']}").status_code == 204
    assert drafts(nurse) == []


def test_a_draft_is_for_what_one_may_see(
    clinic: SmallClinic, caller: SignIn, nurse: Caller, asked: UUID
) -> None:
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    refused = other.put("/drafts", {"thread_id": str(asked), "body": "x"})
    assert (refused.status_code, refused.json["code"]) == (404, "thread_not_found")
    unknown = nurse.put("/drafts", {"patient_id": str(uuid4()), "body": "x"})
    assert unknown.status_code == 404
    nobody = nurse.put("/drafts", {"body": "x"})
    assert nobody.json["errors"][0]["pointer"] == "/patient_id"


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
