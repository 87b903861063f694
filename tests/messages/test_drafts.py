"""Drafts: many at once, each with its version and its files; sending one leaves the others."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from portal.attachments.storage import Storage
from portal.attachments.sweeping import sweep
from portal.config import Config
from portal.core.actor import ActorKind
from portal.core.clock import utcnow
from tests.attachments.conftest import uploaded
from tests.messages.conftest import (
    SignIn,
    answer,
    code,
    messages,
    new_thread,
    opened,
    write,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.races import at_once


def drafts(who: Caller, **query: Any) -> list[dict[str, Any]]:
    path = "/drafts" + "".join(f"?{name}={value}" for name, value in query.items())
    found: list[dict[str, Any]] = who.get(path).json["items"]
    return found


def kept(who: Caller, body: str = "May I", **more: Any) -> dict[str, Any]:
    answer = who.post("/drafts", {"body": body, **more})
    assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"'), answer.text
    found: dict[str, Any] = answer.json
    return found


def put(who: Caller, draft: dict[str, Any], version: int | str | None, **members: Any) -> Any:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return who.put(f"/drafts/{draft['id']}", {"body": "May I ask", **members}, headers=headers)


def naming(draft: dict[str, Any]) -> dict[str, Any]:
    return {"id": draft["id"], "version": draft["version"]}


def test_there_are_as_many_as_one_wants_and_sending_one_leaves_the_others(
    clinic: SmallClinic, patient: Caller, asked: UUID
) -> None:
    first, second = (kept(patient, body, thread_id=str(asked)) for body in ("One", "Two"))
    new = {"to": new_thread(clinic)["to"]}
    third, fourth = (kept(patient, body, **new) for body in ("Three", "Four"))
    assert third["to"]["pool_id"] == str(clinic.nurses.id)
    assert [one["body"] for one in drafts(patient)] == ["Four", "Three", "Two", "One"]
    assert [one["body"] for one in drafts(patient, thread_id=asked)] == ["Two", "One"]
    write(patient, asked, "Without a draft.")
    patient.post("/threads", new_thread(clinic))
    assert len(drafts(patient)) == 4
    assert write(patient, asked, "One.", draft=naming(first)).status_code == 201
    sent = patient.post("/threads", new_thread(clinic, draft=naming(fourth)))
    assert sent.status_code == 201, sent.text
    assert [one["id"] for one in drafts(patient)] == [third["id"], second["id"]]


def test_pages(patient: Caller) -> None:
    for number in range(3):
        kept(patient, str(number))
    first = patient.get("/drafts?limit=2")
    second = patient.get(f"/drafts?limit=2&cursor={first.json['next']}")
    shown = [one["body"] for page in (first, second) for one in page.json["items"]]
    assert (shown, second.json["next"]) == (["2", "1", "0"], None)


def test_two_windows_never_overwrite_each_other_unseen(patient: Caller) -> None:
    draft = kept(patient)
    assert code(put(patient, draft, None)) == (428, "precondition_required")
    saved = put(patient, draft, 1, subject="Both")
    assert (saved.status_code, saved.headers["ETag"], saved.json["version"]) == (200, '"2"', 2)
    stale = put(patient, draft, 1, body="Of the other window")
    assert (code(stale), stale.json["current_etag"]) == ((412, "precondition_failed"), '"2"')
    read = patient.get(f"/drafts/{draft['id']}")
    assert (read.json["body"], read.headers["ETag"]) == ("May I ask", '"2"')
    path = f"/drafts/{draft['id']}"
    assert code(patient.delete(path, headers={"If-Match": '"1"'}))[0] == 412
    assert patient.delete(path, headers={"If-Match": '"2"'}).status_code == 204
    assert code(put(patient, draft, 2)) == (404, "draft_not_found")


def test_of_two_windows_at_once_one_saves(patient: Caller) -> None:
    draft = kept(patient)
    answers = at_once(*(lambda n=n: put(patient, draft, 1, body=str(n)) for n in range(4)))
    assert sorted(one.status_code for one in answers) == [200, 412, 412, 412]
    [saved] = [one for one in answers if one.status_code == 200]
    assert drafts(patient)[0]["body"] == saved.json["body"]


def test_what_was_changed_or_sent_in_another_window_is_not_sent_again(
    patient: Caller, nurse: Caller, asked: UUID
) -> None:
    draft = kept(patient, thread_id=str(asked))
    assert put(patient, draft, 1).status_code == 200
    assert code(write(patient, asked, "May I", draft=naming(draft)))[0] == 412
    assert len(messages(asked)) == 1
    newest = {**naming(draft), "version": 2}
    answers = at_once(*(lambda: write(patient, asked, "May I ask", draft=newest) for _ in range(3)))
    assert sorted(one.status_code for one in answers) == [201, 404, 404]
    assert (len(messages(asked)), drafts(patient)) == (2, [])
    again = write(patient, asked, "May I ask", draft=newest)
    assert code(again) == (404, "draft_not_found")


def test_a_draft_is_sent_where_it_belongs(
    clinic: SmallClinic, patient: Caller, nurse: Caller, asked: UUID
) -> None:
    draft, new = kept(patient, thread_id=str(asked)), kept(patient)
    for refused in (
        patient.post("/threads", new_thread(clinic, draft=naming(draft))),
        write(patient, asked, "May I", draft=naming(new)),
    ):
        assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/draft/id")
    moved = put(patient, new, 1, thread_id=str(asked))
    assert (moved.status_code, moved.json["errors"][0]["pointer"]) == (422, "/thread_id")
    assert put(patient, draft, 1, thread_id=str(asked)).status_code == 200
    to_patient = {"patient_id": str(clinic.patient.id), "category": "other", "subject": "Results"}
    theirs = kept(nurse, patient_id=str(clinic.patient.id))
    sent = nurse.post("/threads", {**to_patient, "body": "All is well.", "draft": naming(theirs)})
    assert (sent.status_code, drafts(nurse)) == (201, [])


def test_files_of_a_draft_are_kept_until_it_is_sent(
    app: Flask, config: Config, patient: Caller, nurse: Caller, asked: UUID
) -> None:
    rash, list_, unused = (uploaded(patient, name=f"{n}.pdf") for n in ("Rash", "List", "Unused"))
    ids = [str(list_), str(rash)]
    draft = kept(patient, thread_id=str(asked), attachments=ids)
    assert [one["name"] for one in draft["attachments"]] == ["List.pdf", "Rash.pdf"]
    storage = Storage(config.attachments)
    sweep(storage, utcnow() + timedelta(days=30))
    assert patient.get(f"/attachments/{unused}").status_code == 404
    assert [one["id"] for one in drafts(patient)[0]["attachments"]] == ids
    assert code(nurse.get(f"/attachments/{rash}"))[0] == 404
    second = patient.post("/drafts", {"body": "x", "attachments": [ids[0]]})
    assert second.json["errors"][0]["pointer"] == "/attachments/0"
    fewer = put(patient, draft, 1, attachments=[ids[1]])
    assert [one["id"] for one in fewer.json["attachments"]] == [ids[1]]
    sent = write(patient, asked, "See.", attachments=[ids[1]], draft=naming(fewer.json))
    assert sent.status_code == 201, sent.text
    sweep(storage, utcnow() + timedelta(days=30))
    [file] = opened(nurse, asked)["messages"][0]["attachments"]
    assert nurse.get(file["content"].removeprefix("/api/v1")).status_code == 200
    assert patient.get(f"/attachments/{list_}").status_code == 404, "nothing holds it any more"


def test_an_upload_that_is_taken_back_leaves_the_draft(patient: Caller) -> None:
    file = uploaded(patient)
    draft = kept(patient, attachments=[str(file)])
    assert patient.delete(f"/attachments/{file}").status_code == 204
    assert patient.get(f"/drafts/{draft['id']}").json["attachments"] == []
    unknown = put(patient, draft, 1, attachments=[str(file)])
    assert code(unknown) == (422, "attachment_unusable")


def test_drafts_are_their_authors_alone(
    clinic: SmallClinic, patient: Caller, nurse: Caller, physician: Caller, asked: UUID
) -> None:
    draft = kept(nurse, "Tell her that", thread_id=str(asked))
    path = f"/drafts/{draft['id']}"
    for who in (patient, physician):
        assert drafts(who) == []
        for refused in (who.get(path), put(who, draft, 1), who.delete(path)):
            assert code(refused) == (404, "draft_not_found")
        assert code(write(who, asked, "x", draft=naming(draft))) == (404, "draft_not_found")
    assert answer(nurse, asked, draft=naming(draft)).status_code == 201
    assert drafts(nurse) == []


def test_a_draft_is_for_what_one_may_see(
    clinic: SmallClinic, caller: SignIn, nurse: Caller, asked: UUID
) -> None:
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    refused = other.post("/drafts", {"thread_id": str(asked), "body": "x"})
    assert code(refused) == (404, "thread_not_found")
    assert nurse.post("/drafts", {"patient_id": str(uuid4()), "body": "x"}).status_code == 404
    nobody = nurse.post("/drafts", {"body": "x"})
    assert nobody.json["errors"][0]["pointer"] == "/patient_id"


def test_there_is_an_end_to_them(patient: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.messages.rules.MOST_DRAFTS", 2)
    kept(patient)
    kept(patient)
    assert code(patient.post("/drafts", {"body": "x"})) == (409, "too_many_drafts")
