"""Coverage, changes of the care team, the digest: what the workers see to."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from portal.core.actor import WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.messages import service
from tests.messages.conftest import (
    SignIn,
    answer,
    away,
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
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, care_team
from tests.support.clinic import patient as new_patient
from tests.support.work import drain

NOTICE = "Dr. Ines Okafor is away at present. Dr. Tom Lindqvist will read and answer your message."


def test_who_covers_answers_and_the_patient_is_told_once(
    clinic: SmallClinic, patient: Caller, colleague: Caller
) -> None:
    away(clinic.physician, clinic.colleague)
    id_ = started(patient, to_physician(clinic))
    drain()
    assert [item.assignee_id for item in items(id_)] == [clinic.colleague.id]
    assert bodies(patient, id_)[1] == NOTICE
    assert opened(patient, id_)["messages"][0]["author"] == {"kind": "careloop", "name": "Careloop"}
    assert answer(colleague, id_).status_code == 201
    write(patient, id_, "And tomorrow?")
    drain()
    assert [m.kind for m in messages(id_)].count("automatic_notice") == 1
    assert told(clinic.patient.id) == ["message_received", "message_received"]
    assert opened(colleague, id_)["with"]["name"] == "Dr. Tom Lindqvist"
    assert broken() == []


def test_a_circle_of_coverage_ends_in_the_team(clinic: SmallClinic, patient: Caller) -> None:
    away(clinic.physician, clinic.colleague)
    away(clinic.colleague, clinic.physician)
    id_ = started(patient, to_physician(clinic))
    drain()
    assert [item.assignee_id for item in open_items(id_)] == [None]
    assert bodies(patient, id_)[1] == (
        "Dr. Ines Okafor is away at present. Nurses will read and answer your message."
    )


def test_nobody_is_told_of_who_is_there(clinic: SmallClinic, patient: Caller) -> None:
    id_ = started(patient, to_physician(clinic))
    drain()
    assert len(messages(id_)) == 1


def hand_over(clinic: SmallClinic, nurse: Caller) -> None:
    """The first physician's care ends; the colleague is the primary practitioner now."""
    add(care_team(clinic.patient, clinic.colleague, "specialist"))
    path = f"/patients/{clinic.patient.id}/care-team/{clinic.physician.id}"
    assert nurse.delete(path).status_code == 204


def test_threads_and_drafts_follow_the_care_team(
    clinic: SmallClinic, patient: Caller, nurse: Caller, physician: Caller, colleague: Caller
) -> None:
    waits = started(patient, to_physician(clinic))
    answered = started(patient, to_physician(clinic))
    ended = started(patient, to_physician(clinic))
    to_team = started(patient, new_thread(clinic))
    answer(physician, answered)
    close(patient, ended, "withdrawn")
    to = {"practitioner_id": str(clinic.physician.id)}
    patient.post("/drafts", {"to": to, "body": "I wanted to ask"})
    drain()
    due_at = thread(waits).reply_due_at
    hand_over(clinic, nurse)
    drain()
    drain()
    for id_ in (waits, answered):
        assert thread(id_).practitioner_id == clinic.colleague.id
    assert thread(ended).practitioner_id == clinic.physician.id
    assert thread(to_team).practitioner_id is None
    first, second = items(waits)
    assert (first.status, first.outcome) == ("cancelled", "the care team changed")
    assert (second.assignee_id, second.due_at) == (clinic.colleague.id, due_at)
    [draft] = patient.get("/drafts").json["items"]
    assert draft["to"]["practitioner_id"] == str(clinic.colleague.id)
    assert draft["version"] == 2, "the window in which it is open learns of it"
    assert physician.get("/worklist?mine=true").json["items"] == []
    assert answer(colleague, waits).status_code == 201
    assert opened(patient, waits)["history"][1]["action"] == "rerouted"
    drain()
    left = "an open thread is with a practitioner who no longer cares for the patient"
    assert left not in broken(utcnow() + timedelta(days=2))


def test_what_was_sent_as_they_left_follows_too(
    clinic: SmallClinic, patient: Caller, nurse: Caller
) -> None:
    id_ = started(patient, to_physician(clinic))
    hand_over(clinic, nurse)
    message = messages(id_)[0].id
    with transaction(WORKER) as session:
        service.follow_message(session=session, message_id=message, now=utcnow())
        service.follow_message(session=session, message_id=message, now=utcnow())
    assert thread(id_).practitioner_id == clinic.colleague.id
    assert len(items(id_)) == 2


def test_without_a_practitioner_the_team_has_it(
    clinic: SmallClinic, patient: Caller, nurse: Caller
) -> None:
    id_ = started(patient, to_physician(clinic))
    nurse.delete(f"/patients/{clinic.patient.id}/care-team/{clinic.physician.id}")
    drain()
    assert (thread(id_).practitioner_id, thread(id_).pool_id) == (None, clinic.nurses.id)
    assert open_items(id_)[0].responsible_id is None


def digest(now: datetime) -> int:
    with transaction(WORKER) as session:
        return service.send_digests(session=session, now=now, limit=100)


def test_the_digest_comes_once_a_day_for_what_is_unread(
    clinic: SmallClinic, patient: Caller, nurse: Caller, asked: UUID
) -> None:
    tomorrow = (utcnow() + timedelta(days=1)).date()
    noon = datetime(tomorrow.year, tomorrow.month, tomorrow.day, 17, tzinfo=UTC)
    patient.patch("/me/preferences", {"by_email": {"message_digest": True}})
    assert digest(noon) == 0, "nothing is unread"
    answer(nurse, asked)
    assert digest(noon.replace(hour=8)) == 0, "it is night where the patient lives"
    assert (digest(noon), digest(noon + timedelta(hours=2))) == (1, 0)
    assert told(clinic.patient.id)[-1] == "message_digest"
    assert digest(noon + timedelta(days=1)) == 0, "nothing new since"


def test_each_message_or_a_digest(patient: Caller) -> None:
    chosen = patient.get("/me/preferences").json["by_email"]
    assert (chosen["message_received"], chosen["message_digest"]) == (True, False)
    path = "/me/preferences"
    digests = patient.patch(path, {"by_email": {"message_digest": True}}).json["by_email"]
    assert (digests["message_received"], digests["message_digest"]) == (False, True)
    each = patient.patch(path, {"by_email": {"message_received": True}}).json["by_email"]
    assert (each["message_received"], each["message_digest"]) == (True, False)
    both = {"message_received": True, "message_digest": True}
    refused = patient.patch(path, {"by_email": both})
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/by_email")


def test_what_is_reopened_goes_to_who_answers_now(
    clinic: SmallClinic, patient: Caller, nurse: Caller
) -> None:
    id_ = started(patient, to_physician(clinic))
    close(patient, id_)
    drain()
    hand_over(clinic, nurse)
    drain()
    assert thread(id_).practitioner_id == clinic.physician.id
    patient.post(f"/threads/{id_}/reopen")
    drain()
    drain()
    assert thread(id_).practitioner_id == clinic.colleague.id
    assert open_items(id_)[0].assignee_id == clinic.colleague.id


def test_a_merge_brings_threads_drafts_and_calls_along(
    clinic: SmallClinic, patient: Caller, nurse: Caller, caller: SignIn
) -> None:
    duplicate = new_patient(clinic.clinic, clinic.pharmacy, "Avery", 3)
    add(duplicate, care_team(duplicate, clinic.physician))
    twin = caller(ActorKind.PATIENT, duplicate.id)
    body = {"reason": "A fever", "callback_number": "+1 518 555 0101", "urgency": "urgent"}
    for who in (patient, twin):
        started(who, new_thread(clinic))
        assert who.post("/advice-calls", body).status_code == 201
        assert who.post("/drafts", {"body": "I wanted to ask"}).status_code == 201
    drain()
    merged = {"into_id": str(clinic.patient.id), "reason": "Registered twice"}
    assert nurse.post(f"/patients/{duplicate.id}/merge", merged).status_code == 200
    drain()
    assert len(patient.get("/threads").json["items"]) == 2
    assert len(patient.get("/advice-calls?status=open").json["items"]) == 2
    assert len(patient.get("/drafts").json["items"]) == 2
    for item in patient.get("/threads").json["items"]:
        assert answer(nurse, UUID(item["id"])).status_code == 201
    drain()
    assert broken() == []
