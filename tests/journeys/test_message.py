"""A patient's message with a file: covered for, handed on, answered, closed and reopened."""

from datetime import timedelta

from portal.core.clock import utcnow
from tests.attachments.conftest import uploaded
from tests.messages.conftest import answer, bodies, broken, close, opened, to_physician, told, write
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain


def worklist(who: Caller) -> list[dict[str, object]]:
    """The messages that wait for somebody."""
    found = who.get("/worklist?kind=thread_reply")
    assert found.status_code == 200, found.text
    return list(found.json["items"])


def test_from_the_question_to_the_end(
    clinic: SmallClinic, patient: Caller, physician: Caller, colleague: Caller, nurse: Caller
) -> None:
    # The physician is away, and a colleague covers.
    now = utcnow()
    away = {
        "covering_id": str(clinic.colleague.id),
        "starts_at": (now - timedelta(minutes=1)).isoformat(),
        "ends_at": (now + timedelta(days=7)).isoformat(),
        "reason": "Leave",
    }
    assert physician.post("/coverage", away).status_code == 201

    # The patient writes, with a photograph; who covers has it, and the patient is told so once.
    photo = uploaded(patient, name="Rash.pdf")
    body = to_physician(clinic, body="Is this from the tablets?", attachments=[str(photo)])
    checked = patient.post("/messages/check", {"body": body["body"]})
    assert (checked.status_code, checked.json["guidance"]) == (200, None)
    sent = patient.post("/threads", body, headers={"Idempotency-Key": "rash-1"})
    assert sent.status_code == 201, sent.text
    again = patient.post("/threads", body, headers={"Idempotency-Key": "rash-1"})
    thread = sent.json["id"]
    assert again.json["id"] == thread
    drain()
    assert "away" in bodies(patient, thread)[-1]
    [item] = worklist(colleague)
    assert item["subject_id"] == thread
    assert worklist(physician) == []
    assert broken() == []

    # The colleague writes a note among colleagues, and hands it to the nurse who covers.
    note = write(colleague, thread, "Nora, please look.", kind="internal_note")
    assert note.status_code == 201, note.text
    handed = colleague.post(
        f"/worklist/{item['id']}/reassign",
        {"assignee_id": str(clinic.nurse.id), "reason": "You know her"},
    )
    assert handed.status_code == 200, handed.text
    assert worklist(colleague) == []
    [mine] = worklist(nurse)
    assert mine["id"] == item["id"]

    # The nurse looks at the file, answers, and the item is closed with it.
    shown = opened(nurse, thread)
    [file] = next(one["attachments"] for one in shown["messages"] if one["attachments"])
    assert file["name"] == "Rash.pdf"
    assert nurse.get(file["content"].removeprefix("/api/v1")).status_code == 200
    assert opened(patient, thread)["messages"][-1]["reads"] != []
    assert answer(nurse, thread, "It may be. Stop them, and call us tomorrow.").status_code == 201
    drain()
    assert worklist(nurse) == []
    assert "message_received" in told(clinic.patient.id)
    read = opened(patient, thread)
    assert read["messages"][0]["body"].startswith("It may be.")
    assert "Nora, please look." not in str(read)

    # The nurse closes it; the patient reopens it by writing, and it waits for an answer again.
    closed = close(nurse, thread)
    assert closed.status_code == 200, closed.text
    assert opened(patient, thread)["status"] == "closed"
    assert write(patient, thread, "It is worse today.").status_code == 201
    drain()
    assert opened(patient, thread)["status"] == "awaiting_care_team"
    assert [one["subject_id"] for one in worklist(nurse)] == [thread]
    assert broken() == []
    answer(nurse, thread, "Please come in this afternoon.")
    assert close(nurse, thread).status_code == 200
    drain()
    assert broken() == []
