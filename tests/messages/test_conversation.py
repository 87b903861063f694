"""A conversation by HTTP: asking, answering, receipts, who has it and by when."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.core.actor import ActorKind
from tests.appointments.conftest import booked, open_slots
from tests.appointments.conftest import in_days as at_ten
from tests.messages.conftest import (
    SignIn,
    answer,
    bodies,
    broken,
    close,
    items,
    messages,
    new_thread,
    open_items,
    opened,
    started,
    thread,
    to_physician,
    told,
    write,
)
from tests.referrals.conftest import refer
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, prescription
from tests.support.work import drain


def test_a_patient_asks_and_the_team_has_it(clinic: SmallClinic, patient: Caller) -> None:
    posted = patient.post("/threads", new_thread(clinic))
    assert posted.status_code == 201, posted.text
    view = posted.json
    assert (view["status"], view["urgent"], view["late"]) == ("awaiting_care_team", False, False)
    assert view["team"]["name"] == "Nurses"
    assert view["message"]["body"] == "May I take both tablets together?"
    assert view["message"]["author"] == {"kind": "patient", "name": "Avery Testpatient"}
    [item] = items(UUID(view["id"]))
    assert (item.kind, item.priority, item.status) == ("thread_reply", "routine", "open")
    assert (item.pool_id, item.responsible_id) == (clinic.nurses.id, None)
    assert item.due_at.isoformat().startswith(view["reply_due_at"][:19])
    drain()
    assert broken() == []


def test_a_thread_with_the_practitioner_is_theirs(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    id_ = started(patient, to_physician(clinic))
    drain()
    [listed] = physician.get("/worklist?mine=true").json["items"]
    assert listed["link"] == f"/api/v1/threads/{id_}"
    assert opened(physician, id_)["with"]["name"] == "Dr. Ines Okafor"


def test_the_answer_closes_the_item_and_the_next_message_opens_another(
    clinic: SmallClinic, patient: Caller, nurse: Caller, asked: UUID
) -> None:
    assert answer(nurse, asked).status_code == 201
    assert [item.outcome for item in items(asked)] == ["answered"]
    drain()
    assert told(clinic.patient.id) == ["message_received"]
    view = opened(patient, asked)
    assert (view["status"], view["with"]["kind"]) == ("awaiting_patient", "patient")
    assert view["messages"][0]["signature"] == "Nora Bell, RN; Nurses, Elm Street Clinic"
    assert write(patient, asked, "Thank you. And with coffee?").status_code == 201
    assert len(open_items(asked)) == 1
    assert thread(asked).status == "awaiting_care_team"
    steps = [step["status"] for step in opened(patient, asked)["history"]]
    assert steps == ["awaiting_care_team", "awaiting_patient", "awaiting_care_team"]
    drain()
    assert broken() == []


def test_receipts_tell_who_has_really_opened_it(
    patient: Caller, nurse: Caller, physician: Caller, asked: UUID
) -> None:
    assert opened(patient, asked)["messages"][0]["read_at"] is None
    path = "/threads?patient_id=" + str(thread(asked).patient_id)
    assert nurse.get(path).json["items"][0]["unread"] == 1, "a list opens nothing"
    assert messages(asked)[0].read_at is None
    opened(nurse, asked)
    opened(nurse, asked)
    opened(physician, asked)
    [message] = opened(patient, asked)["messages"]
    assert [read["by"]["name"] for read in message["reads"]] == ["Nora Bell", "Dr. Ines Okafor"]
    assert message["read_at"] == message["reads"][0]["at"]
    assert thread(asked).unread_by_team == 0
    answer(nurse, asked)
    assert thread(asked).unread_by_patient == 1
    assert opened(nurse, asked)["messages"][0]["reads"] == []
    assert opened(patient, asked)["unread"] == 0
    assert opened(nurse, asked)["messages"][0]["reads"][0]["by"]["kind"] == "patient"


def test_only_opening_is_reading(patient: Caller, nurse: Caller, asked: UUID) -> None:
    answer(nurse, asked)
    write(patient, asked, "I write without looking.")
    close(patient, asked)
    patient.post(f"/threads/{asked}/reopen")
    assert [m.read_at is None for m in messages(asked)] == [False, True, True]
    assert thread(asked).unread_by_patient == 1


def test_what_the_team_signs_is_the_teams(patient: Caller, nurse: Caller, asked: UUID) -> None:
    answer(nurse, asked, signature="team")
    name = "Nurses, Elm Street Clinic"
    assert opened(patient, asked)["messages"][0]["author"] == {"kind": "team", "name": name}
    assert opened(nurse, asked)["messages"][0]["author"]["name"] == "Nora Bell"


def test_internal_notes_stay_with_the_care_team(
    clinic: SmallClinic, patient: Caller, nurse: Caller, physician: Caller, asked: UUID
) -> None:
    before = thread(asked)
    posted = write(nurse, asked, "Ask Dr. Okafor first.", kind="internal_note")
    assert posted.status_code == 201, posted.text
    assert bodies(physician, asked)[-1] == "Ask Dr. Okafor first."
    assert bodies(patient, asked) == ["May I take both tablets together?"]
    assert thread(asked).last_message_at == before.last_message_at
    assert patient.post("/threads/search", {"q": "Okafor"}).json["items"] == []
    found = nurse.post("/threads/search", {"q": "Okafor"}).json["items"]
    assert [one["id"] for one in found] == [str(asked)]
    assert write(patient, asked, "x", kind="internal_note").status_code == 403
    drain()
    assert told(clinic.patient.id) == []
    assert len(open_items(asked)) == 1, "a note is no answer"


def test_the_team_must_have_seen_what_it_answers(
    nurse: Caller, patient: Caller, asked: UUID
) -> None:
    blind = write(nurse, asked, "Yes.")
    assert [error["pointer"] for error in blind.json["errors"]] == ["/last_seen_message_id"]
    other = write(nurse, asked, "Yes.", last_seen_message_id=str(uuid4()))
    assert (other.status_code, other.json["errors"][0]["pointer"]) == (
        422,
        "/last_seen_message_id",
    )
    seen = opened(nurse, asked)["messages"][0]["id"]
    write(patient, asked, "I meant the white ones.")
    late = write(nurse, asked, "Yes.", last_seen_message_id=seen)
    assert (late.status_code, late.json["code"]) == (409, "newer_messages")
    assert [one["body"] for one in late.json["messages"]] == ["I meant the white ones."]
    assert len(messages(asked)) == 2
    again = write(nurse, asked, "Yes.", last_seen_message_id=late.json["messages"][-1]["id"])
    assert again.status_code == 201


def test_the_second_sees_the_first_answer_before_sending(
    nurse: Caller, other_nurse: Caller, asked: UUID
) -> None:
    seen = opened(other_nurse, asked)["messages"][0]["id"]
    answer(nurse, asked, "Take them apart.")
    second = write(other_nurse, asked, "Take them together.", last_seen_message_id=seen)
    assert (second.status_code, second.json["code"]) == (409, "newer_messages")
    [first] = second.json["messages"]
    assert (first["body"], first["author"]["name"]) == ("Take them apart.", "Nora Bell")


def test_the_care_team_starts_a_thread(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    rx = prescription(clinic)
    body = {
        "patient_id": str(clinic.patient.id),
        "category": "medication",
        "subject": "Your blood pressure",
        "body": "Please measure it every morning.",
        "about": {"kind": "prescription", "id": str(rx.id)},
    }
    posted = physician.post("/threads", body)
    assert posted.status_code == 201, posted.text
    assert posted.json["about"]["link"] == f"/api/v1/prescriptions/{rx.id}"
    assert posted.json["status"] == "awaiting_patient"
    id_ = UUID(posted.json["id"])
    assert items(id_) == []
    drain()
    assert told(clinic.patient.id) == ["message_received"]
    [listed] = patient.get("/threads?unread=true").json["items"]
    assert (listed["unread"], listed["practitioner"]["name"]) == (1, "Dr. Ines Okafor")
    write(patient, id_, "I will.")
    assert open_items(id_)[0].responsible_id == clinic.physician.id


def test_the_care_team_names_the_patient(clinic: SmallClinic, physician: Caller) -> None:
    body = new_thread(clinic)
    refused = physician.post("/threads", body)
    assert [error["pointer"] for error in refused.json["errors"]] == ["/to", "/patient_id"]
    stranger = {**body, "to": None, "patient_id": str(clinic.other_patient.id)}
    assert physician.post("/threads", stranger).json["code"] == "patient_unknown"
    elsewhere = {**stranger, "pool_id": str(clinic.liaison.id)}
    assert physician.post("/threads", elsewhere).json["code"] == "pool_unusable"


def test_to_many_each_gets_a_thread_of_their_own(
    clinic: SmallClinic, caller: SignIn, patient: Caller, nurse: Caller
) -> None:
    ids = [clinic.patient.id, clinic.other_patient.id, uuid4()]
    body = {
        "patient_ids": [str(id_) for id_ in ids],
        "category": "other",
        "subject": "Flu vaccine",
        "body": "It is here: come in any morning.",
    }
    posted = nurse.post("/threads/many", body)
    assert posted.status_code == 207, posted.text
    outcomes = posted.json["items"]
    assert [one["outcome"] for one in outcomes] == ["sent", "sent", "rejected"]
    assert outcomes[2]["problem"]["code"] == "patient_unknown"
    drain()
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    for who in (patient, other):
        assert [one["subject"] for one in who.get("/threads").json["items"]] == ["Flu vaccine"]
    assert told(clinic.other_patient.id) == ["message_received"]
    twice = {**body, "patient_ids": [str(ids[0])] * 2}
    assert nurse.post("/threads/many", twice).status_code == 422
    too_many = {**body, "patient_ids": [str(uuid4()) for _ in range(501)]}
    assert nurse.post("/threads/many", too_many).status_code == 422


def test_patients_write_to_those_who_care_for_them(clinic: SmallClinic, patient: Caller) -> None:
    names = [one["name"] for one in patient.get("/threads/recipients").json["items"]]
    assert names == ["Dr. Ines Okafor", "Nurses", "Pharmacy liaison"]
    stranger = new_thread(clinic, to={"practitioner_id": str(clinic.colleague.id)})
    refused = patient.post("/threads", stranger)
    assert (refused.status_code, refused.json["code"]) == (422, "recipient_unusable")
    assert refused.json["errors"][0]["pointer"] == "/to/practitioner_id"
    nobody = new_thread(clinic, to={"pool_id": str(uuid4())})
    assert patient.post("/threads", nobody).json["errors"][0]["pointer"] == "/to/pool_id"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"to": None}, "/to"),
        ({"to": {}}, "/to"),
        ({"category": "gossip"}, "/category"),
        ({"subject": " \u202e "}, "/subject"),
        ({"subject": "x" * 201}, "/subject"),
        ({"body": "\x00\x07"}, "/body"),
        ({"body": "x" * 20_001}, "/body"),
        ({"body": "x" * 1_000_000}, "/body"),
        ({"about": {"kind": "owl", "id": str(uuid4())}}, "/about/kind"),
        ({"about": {"kind": "result", "id": str(uuid4())}}, "/about/id"),
        ({"mood": "good"}, "/mood"),
        ({"patient_id": str(uuid4())}, "/patient_id"),
    ],
)
def test_bad_input_names_the_member(
    clinic: SmallClinic, patient: Caller, changes: dict[str, Any], pointer: str
) -> None:
    refused = patient.post("/threads", new_thread(clinic, **changes))
    assert refused.status_code == 422, refused.text
    assert [error["pointer"] for error in refused.json["errors"]] == [pointer]


def test_text_is_cleaned_and_html_stays_text(clinic: SmallClinic, patient: Caller) -> None:
    body = "  a\u202eb\x00c\r\nd\u2066e\x1b[31m <script>alert(1)</script> \u05e9\u05dc\u05d5\u05dd "
    id_ = started(patient, new_thread(clinic, body=body, subject="one\n two\t\u202dthree"))
    view = opened(patient, id_)
    assert view["subject"] == "one two three"
    expected = "abc\nde[31m <script>alert(1)</script> \u05e9\u05dc\u05d5\u05dd"
    assert view["messages"][0]["body"] == expected


def test_the_same_key_sends_once(clinic: SmallClinic, patient: Caller, asked: UUID) -> None:
    key = {"Idempotency-Key": "one-message"}
    path, body = f"/threads/{asked}/messages", {"body": "And with coffee?"}
    first = patient.post(path, body, headers=key)
    again = patient.post(path, body, headers=key)
    assert (again.status_code, again.json) == (201, first.json)
    assert len(messages(asked)) == 2


def booked_here(clinic: SmallClinic, patient: Caller, physician: Caller) -> dict[str, Any]:
    """A referral, an appointment and the visit that it is, each as a thread names it."""
    [slot] = open_slots(physician, at_ten(3))
    appointment = booked(patient, slot)
    referral = refer(physician, clinic, None)
    [visit] = patient.get("/visits").json["items"]
    return {"referral": referral, "appointment": appointment, "visit": visit["id"]}


@pytest.mark.parametrize("kind", ["referral", "appointment", "visit"])
def test_a_thread_about_what_is_arranged(
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    caller: SignIn,
    kind: str,
) -> None:
    id_ = booked_here(clinic, patient, physician)[kind]
    about = {"kind": kind, "id": id_}
    thread_id = started(patient, new_thread(clinic, about=about))
    seen = opened(patient, thread_id)["about"]
    assert patient.request("GET", seen["link"]).json["id"] == id_
    patient.post("/drafts", {"thread_id": str(thread_id), "body": "Thank"})
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    refused = other.post("/threads", new_thread(clinic, about=about))
    assert refused.json["errors"][0]["pointer"] == "/about/id"


def test_nobody_writes_about_a_referral_that_was_not_sent(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    draft = refer(physician, clinic, None, draft=True)
    body = {
        "patient_id": str(clinic.patient.id),
        "category": "referral",
        "subject": "Cardiology",
        "body": "I shall refer you.",
        "about": {"kind": "referral", "id": draft},
    }
    refused = physician.post("/threads", body)
    assert (refused.status_code, refused.json["code"]) == (422, "about_unusable")
