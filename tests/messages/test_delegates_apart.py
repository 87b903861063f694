"""What somebody who acts for a patient does not see of others, nor others of them."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import ProgrammingError

from portal.core.actor import ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.messages.model import Message
from tests.attachments.conftest import uploaded
from tests.messages.conftest import (
    MARIA,
    SignIn,
    answer,
    close,
    code,
    new_thread,
    started,
    write,
)
from tests.messages.story import CALL
from tests.patients.delegates import EVERYTHING, acting, acting_for, give
from tests.support.api import Caller
from tests.support.clinic import SmallClinic


def test_files_are_seen_with_what_they_are_part_of(
    clinic: SmallClinic, maria: Caller, jo: Caller, patient: Caller, nurse: Caller
) -> None:
    rash, mine = uploaded(maria, name="Rash.pdf"), uploaded(patient)
    assert maria.get(f"/attachments/{rash}").json["uploaded_by"]["name"] == MARIA
    for who in (patient, jo, nurse):
        assert who.get(f"/attachments/{rash}").status_code == 404
    assert maria.get(f"/attachments/{mine}").status_code == 404
    refused = maria.post("/threads", new_thread(clinic, attachments=[str(mine)]))
    assert (refused.status_code, maria.get("/threads").json["items"]) == (422, [])
    id_ = started(maria, new_thread(clinic, attachments=[str(rash)]))
    for who in (patient, jo, nurse, maria):
        assert who.get(f"/attachments/{rash}/content").data.startswith(b"%PDF")
    assert jo.get(f"/attachments/{rash}").json["uploaded_by"] == {
        "kind": "delegate",
        "id": None,
        "name": None,
    }
    plan = uploaded(nurse, patient_id=clinic.patient.id)
    answer(nurse, id_, attachments=[str(plan)])
    secret = uploaded(nurse, patient_id=clinic.patient.id)
    write(nurse, id_, "Ours.", kind="internal_note", attachments=[str(secret)])
    assert maria.get(f"/attachments/{plan}/content").status_code == 200
    assert maria.get(f"/attachments/{secret}").status_code == 404
    spare = uploaded(maria)
    assert jo.delete(f"/attachments/{spare}").status_code == 404
    assert maria.delete(f"/attachments/{spare}").status_code == 204
    assert maria.delete(f"/attachments/{rash}").status_code == 409


def test_other_categories_open_nothing_of_it(
    clinic: SmallClinic, caller: SignIn, patient: Caller, asked: UUID
) -> None:
    rash = uploaded(patient)
    write(patient, asked, "See.", attachments=[str(rash)])
    others = [category for category in EVERYTHING if category != "messages"]
    delegate = acting_for(clinic.patient, caller, *others)
    calls = [
        delegate.get("/threads"),
        delegate.get("/threads/summary"),
        delegate.get("/threads/recipients"),
        delegate.get(f"/threads/{asked}"),
        delegate.post("/threads/search", {"q": "tablets"}),
        delegate.post("/threads", new_thread(clinic)),
        write(delegate, asked, "Hello"),
        close(delegate, asked),
        delegate.post(f"/threads/{asked}/reopen"),
        delegate.post("/messages/check", {"body": "Hello"}),
        delegate.get("/drafts"),
        delegate.post("/drafts", {"thread_id": str(asked), "body": "Hello"}),
        delegate.get("/advice-calls"),
        delegate.post("/advice-calls", CALL),
        delegate.get(f"/attachments/{rash}"),
        delegate.get(f"/attachments/{rash}/content"),
    ]
    assert {code(one) for one in calls} == {(403, "category_not_delegated")}


def test_what_is_the_care_teams_no_delegate_does(
    clinic: SmallClinic, maria: Caller, asked: UUID
) -> None:
    many = {**new_thread(clinic), "patient_ids": [str(clinic.patient.id)]}
    del many["to"]
    for call in (
        maria.post("/threads/many", many),
        maria.get("/quick-replies"),
        maria.post(f"/threads/{asked}/confidential", {"reason": "It is my own wish"}),
    ):
        assert code(call) == (403, "forbidden")


def test_who_acts_for_two_patients_sees_one_at_a_time(
    clinic: SmallClinic, maria_id: UUID, caller: SignIn, patient: Caller
) -> None:
    """Also a patient themselves: each header opens that patient's conversations alone."""
    me = clinic.other_patient
    give(clinic.patient, me.id, person_kind="patient", categories=["messages"])
    myself = caller(ActorKind.PATIENT, me.id)
    for_other = myself.acting_for(clinic.patient.id)
    nurses = {"pool_id": str(clinic.nurses.id)}
    theirs, mine = started(patient, new_thread(clinic)), started(myself, new_thread(clinic))
    file_of_mine = uploaded(myself)
    for who, own, foreign in ((myself, mine, theirs), (for_other, theirs, mine)):
        who.post("/drafts", {"to": nurses, "body": f"About {own}"})
        assert [one["id"] for one in who.get("/threads").json["items"]] == [str(own)]
        found = who.post("/threads/search", {"q": "tablets"}).json["items"]
        assert [one["id"] for one in found] == [str(own)]
        assert who.get(f"/threads/{foreign}").status_code == 404
        assert write(who, foreign, "Hello").status_code == 404
        assert who.post("/drafts", {"thread_id": str(foreign), "body": "x"}).status_code == 404
    for who, own in ((myself, mine), (for_other, theirs)):
        assert [one["body"] for one in who.get("/drafts").json["items"]] == [f"About {own}"]
    assert for_other.get(f"/attachments/{file_of_mine}").status_code == 404
    for_them = uploaded(for_other)
    assert for_other.get(f"/attachments/{for_them}").json["patient_id"] == str(clinic.patient.id)
    assert myself.get(f"/attachments/{for_them}").status_code == 404
    sent = myself.post("/threads", new_thread(clinic, attachments=[str(for_them)]))
    assert sent.status_code == 422
    call = for_other.post("/advice-calls", CALL).json
    assert myself.get(f"/advice-calls/{call['id']}").status_code == 404
    assert myself.get("/advice-calls").json["items"] == []


FORGED = {
    "a note": {"kind": "internal_note"},
    "as the patient": {"author_kind": "patient"},
    "as somebody else": {"author_id": new_id()},
    "for another patient": {"patient_id": new_id()},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=list(FORGED))
def test_the_database_takes_a_delegates_own_messages_alone(
    clinic: SmallClinic, maria_id: UUID, asked: UUID, changes: dict[str, Any]
) -> None:
    values: dict[str, Any] = {
        "id": new_id(),
        "thread_id": asked,
        "patient_id": clinic.patient.id,
        "kind": "message",
        "author_kind": "delegate",
        "author_id": maria_id,
        "body": "Hello",
        "sent_at": utcnow(),
    }
    delegate = acting(maria_id, clinic.patient)
    with transaction(delegate) as session:
        session.execute(insert(Message).values(**values))
    forged = {**values, "id": new_id(), **changes}
    with pytest.raises(ProgrammingError), transaction(delegate) as session:
        session.execute(insert(Message).values(**forged))
