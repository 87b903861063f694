"""Somebody who acts for a patient writes, reads and calls for them, as themselves."""

from uuid import UUID

from sqlalchemy import select

from portal.core.actor import OPERATOR
from portal.core.db import transaction
from portal.core.tables import AuditEntry
from portal.messages.composing_model import RedFlagWarning
from portal.worklist.states import Priority
from tests.messages.conftest import (
    ALARMING,
    MARIA,
    SignIn,
    answer,
    broken,
    close,
    code,
    for_avery,
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
from tests.patients.delegates import acting_for
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain


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
    assert close(maria, id_, "misuse").status_code == 422
    closed = close(maria, id_)
    assert (closed.status_code, open_items(id_)) == (200, [])
    assert maria.post(f"/threads/{id_}/reopen").json["status"] == "awaiting_care_team"
    close(nurse, id_, "duplicate")
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
            saved = who.post("/drafts", {**body, "body": f"Of {name}"})
            assert saved.status_code == 201, saved.text
            assert saved.json["patient_id"] == str(clinic.patient.id)
    drafts = {name: who.get("/drafts").json["items"] for name, who in writers.items()}
    for name, mine in drafts.items():
        assert [one["body"] for one in mine] == [f"Of {name}"] * 2
    assert code(maria.delete(f"/drafts/{drafts['jo'][0]['id']}")) == (404, "draft_not_found")
    assert code(patient.delete(f"/drafts/{drafts['maria'][0]['id']}")) == (404, "draft_not_found")
    assert maria.delete(f"/drafts/{drafts['maria'][0]['id']}").status_code == 204
    [left] = maria.get("/drafts").json["items"]
    to_team = new_thread(clinic, draft={"id": left["id"], "version": 1})
    if left["thread_id"] is None:
        assert maria.post("/threads", to_team).status_code == 201
    else:
        write(maria, asked, "Sent.", draft=to_team["draft"])
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
