"""Somebody who acts for a patient writes, reads and calls for them, as themselves."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import ProgrammingError

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.core.tables import AuditEntry
from portal.messages.composing_model import RedFlagWarning
from portal.messages.model import Message
from portal.worklist.states import Priority
from tests.attachments.conftest import uploaded
from tests.messages.conftest import (
    ALARMING,
    SignIn,
    answer,
    broken,
    messages,
    new_thread,
    open_items,
    opened,
    started,
    thread,
    to_physician,
    write,
)
from tests.messages.story import CALL
from tests.patients.delegates import EVERYTHING, acting, acting_for, give, new_person
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain

MARIA, JO = "Maria Ruiz", "Jo Secret"


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


@pytest.fixture
def maria_id(clinic: SmallClinic) -> UUID:
    """Somebody whom the first patient gave access to messages."""
    id_ = new_person(MARIA)
    give(clinic.patient, id_, categories=["messages"], delegate_name=MARIA)
    return id_


@pytest.fixture
def maria(clinic: SmallClinic, maria_id: UUID, caller: SignIn) -> Caller:
    return caller(ActorKind.DELEGATE, maria_id, MARIA).acting_for(clinic.patient.id)


@pytest.fixture
def jo(clinic: SmallClinic, caller: SignIn) -> Caller:
    """Somebody else with the same access."""
    id_ = new_person(JO)
    give(clinic.patient, id_, categories=["messages"], delegate_name=JO)
    return caller(ActorKind.DELEGATE, id_, JO).acting_for(clinic.patient.id)


def for_avery(clinic: SmallClinic, name: str | None) -> dict[str, Any]:
    return {"kind": "delegate", "name": name, "for": clinic.patient.name}


def test_a_delegates_message_is_a_loop_like_the_patients(
    clinic: SmallClinic, maria: Caller, maria_id: UUID, patient: Caller, nurse: Caller
) -> None:
    recipients = maria.get("/threads/recipients").json["items"]
    assert str(clinic.physician.id) in {one["practitioner_id"] for one in recipients}
    theirs = thread(started(patient, new_thread(clinic)))
    id_ = started(maria, to_physician(clinic))
    row = thread(id_)
    assert (row.patient_id, row.status) == (clinic.patient.id, "awaiting_care_team")
    assert row.reply_due_at is not None
    assert theirs.reply_due_at is not None
    assert abs((row.reply_due_at - theirs.reply_due_at).total_seconds()) < 60
    [item] = open_items(id_)
    assert (item.kind, item.responsible_id) == ("thread_reply", clinic.physician.id)
    assert opened(maria, id_)["with"]["kind"] == "care_team"
    answer(nurse, id_)
    assert open_items(id_) == []
    assert write(maria, id_, "And at night?").status_code == 201
    assert len(open_items(id_)) == 1
    assert maria.post(f"/threads/{id_}/close", {"reason": "misuse"}).status_code == 422
    closed = maria.post(f"/threads/{id_}/close", {"reason": "answered"})
    assert (closed.status_code, open_items(id_)) == (200, [])
    assert maria.post(f"/threads/{id_}/reopen").json["status"] == "awaiting_care_team"
    nurse.post(f"/threads/{id_}/close", {"reason": "duplicate"})
    assert code(write(maria, id_, "Why?")) == (409, "thread_closed")
    drain()
    assert broken() == []
    with transaction(OPERATOR) as session:
        created = session.scalars(
            select(AuditEntry).where(AuditEntry.resource_id == id_, AuditEntry.action == "create")
        ).one()
    assert (created.actor_kind, created.actor_id) == ("delegate", maria_id)
    assert (created.patient_id, created.on_behalf_of) == (clinic.patient.id, clinic.patient.id)


def test_everybody_reads_who_wrote_and_for_whom(
    clinic: SmallClinic, maria: Caller, jo: Caller, patient: Caller, nurse: Caller
) -> None:
    id_ = started(maria, new_thread(clinic))
    for reader in (patient, nurse, maria):
        view = opened(reader, id_)
        [message] = view["messages"]
        assert message["author"] == for_avery(clinic, MARIA)
        assert (message["mine"], message["signature"]) == (reader is maria, None)
        assert view["history"][0]["by"] == {"kind": "delegate", "name": MARIA}
    other = jo.get(f"/threads/{id_}")
    assert other.json["messages"][0]["author"] == for_avery(clinic, None)
    assert MARIA not in other.text
    signed = answer(nurse, id_, signature="team").json["message"]
    assert opened(maria, id_)["messages"][0]["author"]["name"] == signed["signature"]


def test_each_has_their_own_unread_and_receipts_say_who_read(
    clinic: SmallClinic, maria: Caller, jo: Caller, patient: Caller, nurse: Caller, asked: UUID
) -> None:
    answer(nurse, asked)

    def unread(who: Caller) -> tuple[int, int, int]:
        """As the list, the filter and the counts have it."""
        [listed] = who.get("/threads").json["items"]
        filtered = who.get("/threads?unread=true").json["items"]
        counts = who.get("/threads/summary").json
        assert counts["unread_threads"] == len(filtered)
        return listed["unread"], len(filtered), counts["unread_messages"]

    assert unread(patient) == unread(maria) == unread(jo) == (1, 1, 1)
    assert opened(maria, asked)["unread"] == 0
    assert unread(maria) == (0, 0, 0)
    assert unread(patient) == unread(jo) == (1, 1, 1)
    [message, _] = opened(nurse, asked)["messages"]
    assert [one["by"] for one in message["reads"]] == [for_avery(clinic, MARIA)]
    assert message["read_at"] is None
    opened(maria, asked)
    opened(patient, asked)
    assert unread(patient) == (0, 0, 0)
    [message, _] = opened(nurse, asked)["messages"]
    assert [one["by"]["kind"] for one in message["reads"]] == ["delegate", "patient"]
    assert message["read_at"] == message["reads"][1]["at"]
    seen_by_jo = jo.get(f"/threads/{asked}")
    assert seen_by_jo.json["messages"][0]["reads"][0]["by"] == for_avery(clinic, None)
    assert MARIA not in seen_by_jo.text
    assert nurse.get("/threads/summary").json["unread_messages"] == 0
    drain()
    assert broken() == []


def test_what_a_delegate_wrote_is_unread_by_the_care_team(
    clinic: SmallClinic, maria: Caller, patient: Caller, nurse: Caller
) -> None:
    id_ = started(maria, new_thread(clinic))
    assert thread(id_).unread_by_team == 1
    assert patient.get("/threads").json["items"][0]["unread"] == 0
    opened(nurse, id_)
    assert thread(id_).unread_by_team == 0
    [message] = opened(maria, id_)["messages"]
    assert [one["by"]["kind"] for one in message["reads"]] == ["staff"]
    seen = message["id"]
    write(patient, id_, "I take them at noon.")
    late = write(maria, id_, "She takes them at noon.", last_seen_message_id=seen)
    assert code(late) == (409, "newer_messages")
    drain()
    assert broken() == []


def test_what_came_before_the_access_is_not_unread(
    clinic: SmallClinic, patient: Caller, nurse: Caller, asked: UUID, caller: SignIn
) -> None:
    answer(nurse, asked)
    late = acting_for(clinic.patient, caller, "messages")
    assert late.get("/threads").json["items"][0]["unread"] == 0
    assert late.get("/threads/summary").json["unread_messages"] == 0
    assert len(opened(late, asked)["messages"]) == 2


def test_red_flags_are_shown_to_a_delegate_and_what_they_send_is_urgent(
    clinic: SmallClinic, maria: Caller, maria_id: UUID
) -> None:
    checked = maria.post("/messages/check", {"body": ALARMING}).json
    assert checked["flags"]
    assert checked["guidance"]
    warned = maria.post("/threads", to_physician(clinic, body=ALARMING))
    assert code(warned) == (409, "red_flags_found")
    version = warned.json["version"]
    id_ = started(maria, to_physician(clinic, body=ALARMING, acknowledged_red_flags=version))
    [item] = open_items(id_)
    assert (item.priority, item.pool_id) == (Priority.URGENT, clinic.nurses.id)
    assert messages(id_)[0].red_flag_version == version
    with transaction(OPERATOR) as session:
        assert len(session.scalars(select(RedFlagWarning)).all()) == 2
        who = session.execute(
            select(AuditEntry.actor_id, AuditEntry.patient_id).where(AuditEntry.action == "warn")
        ).all()
    assert {tuple(row) for row in who} == {(maria_id, clinic.patient.id)}


def test_drafts_are_each_persons_own(
    clinic: SmallClinic, maria: Caller, jo: Caller, patient: Caller, asked: UUID
) -> None:
    writers = {"patient": patient, "maria": maria, "jo": jo}
    for name, who in writers.items():
        for body in ({"thread_id": str(asked)}, {"to": new_thread(clinic)["to"]}):
            saved = who.put("/drafts", {**body, "body": f"Of {name}"})
            assert saved.status_code == 200, saved.text
            assert saved.json["patient_id"] == str(clinic.patient.id)
    drafts = {name: who.get("/drafts").json["items"] for name, who in writers.items()}
    for name, mine in drafts.items():
        assert [one["body"] for one in mine] == [f"Of {name}"] * 2
    assert code(maria.delete(f"/drafts/{drafts['jo'][0]['id']}")) == (404, "draft_not_found")
    assert code(patient.delete(f"/drafts/{drafts['maria'][0]['id']}")) == (404, "draft_not_found")
    assert maria.delete(f"/drafts/{drafts['maria'][0]['id']}").status_code == 204
    write(maria, asked, "Sent.")
    assert [len(who.get("/drafts").json["items"]) for who in writers.values()] == [2, 0, 2]


def test_a_delegate_finds_threads_by_words(
    clinic: SmallClinic, maria: Caller, nurse: Caller, asked: UUID
) -> None:
    write(nurse, asked, "Zebra among ourselves.", kind="internal_note")
    answer(nurse, asked, "Take the giraffe.")
    found = maria.post("/threads/search", {"q": "giraffe"}).json["items"]
    assert [(one["id"], one["unread"]) for one in found] == [(str(asked), 1)]
    assert maria.post("/threads/search", {"q": "zebra"}).json["items"] == []
    assert "Zebra" not in maria.get(f"/threads/{asked}").text
    note = write(maria, asked, "Ours.", kind="internal_note")
    assert code(note) == (403, "care_team_only")


def test_a_delegate_asks_for_a_nurses_call(
    clinic: SmallClinic, maria: Caller, jo: Caller, patient: Caller, nurse: Caller
) -> None:
    call = maria.post("/advice-calls", CALL)
    assert call.status_code == 201, call.text
    assert call.json["requested_by"] == for_avery(clinic, MARIA)
    path = f"/advice-calls/{call.json['id']}"
    assert nurse.get(path).json["requested_by"] == for_avery(clinic, MARIA)
    assert patient.get(path).json["requested_by"]["name"] == MARIA
    assert MARIA not in jo.get(path).text
    assert code(patient.post("/advice-calls", CALL)) == (409, "advice_call_open")
    nurse.post(f"{path}/outcome", {"outcome": "voicemail", "note": "Call us."})
    [attempt] = maria.get("/advice-calls").json["items"][0]["attempts"]
    assert attempt["note"] == "Call us."
    assert maria.post(f"{path}/cancel").json["status"] == "cancelled"
    assert open_items(UUID(call.json["id"])) == []
    alarming = maria.post("/advice-calls", {**CALL, "reason": ALARMING})
    assert code(alarming) == (409, "red_flags_found")
    own = patient.post("/advice-calls", CALL).json
    assert own["requested_by"] == {"kind": "patient", "name": clinic.patient.name}
    drain()
    assert broken() == []


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
        delegate.post(f"/threads/{asked}/close", {"reason": "answered"}),
        delegate.post(f"/threads/{asked}/reopen"),
        delegate.post("/messages/check", {"body": "Hello"}),
        delegate.get("/drafts"),
        delegate.put("/drafts", {"thread_id": str(asked), "body": "Hello"}),
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
        who.put("/drafts", {"to": nurses, "body": f"About {own}"})
        assert [one["id"] for one in who.get("/threads").json["items"]] == [str(own)]
        found = who.post("/threads/search", {"q": "tablets"}).json["items"]
        assert [one["id"] for one in found] == [str(own)]
        assert who.get(f"/threads/{foreign}").status_code == 404
        assert write(who, foreign, "Hello").status_code == 404
        assert who.put("/drafts", {"thread_id": str(foreign), "body": "x"}).status_code == 404
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
