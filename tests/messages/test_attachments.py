"""Files that messages carry."""

from portal.core.actor import ActorKind
from portal.core.ids import new_id
from tests.attachments.conftest import uploaded
from tests.messages.conftest import SignIn, answer, new_thread, opened, started, write
from tests.support.api import Caller
from tests.support.clinic import SmallClinic


def names(message: dict[str, object]) -> list[str]:
    files = message["attachments"]
    assert isinstance(files, list)
    return [file["name"] for file in files]


def test_a_new_thread_brings_its_files(
    clinic: SmallClinic, patient: Caller, nurse: Caller, caller: SignIn
) -> None:
    rash, list_ = uploaded(patient, name="Rash.pdf"), uploaded(patient, name="List.pdf")
    thread_id = started(patient, new_thread(clinic, attachments=[str(rash), str(list_)]))
    [message] = opened(nurse, thread_id)["messages"]
    assert names(message) == ["Rash.pdf", "List.pdf"]
    content = message["attachments"][0]["content"]
    assert nurse.get(content.removeprefix("/api/v1")).data.startswith(b"%PDF")
    stranger = caller(ActorKind.PATIENT, clinic.other_patient.id)
    assert stranger.get(f"/attachments/{rash}").status_code == 404


def test_an_answer_brings_files_and_an_internal_note_hides_them(
    clinic: SmallClinic, patient: Caller, nurse: Caller
) -> None:
    thread_id = started(patient, new_thread(clinic))
    plan = uploaded(nurse, name="Plan.pdf", patient_id=clinic.patient.id)
    answer(nurse, thread_id, attachments=[str(plan)])
    secret = uploaded(nurse, name="Ours.pdf", patient_id=clinic.patient.id)
    note = write(nurse, thread_id, "Look.", kind="internal_note", attachments=[str(secret)])
    assert names(note.json["message"]) == ["Ours.pdf"]
    shown = [name for one in opened(patient, thread_id)["messages"] for name in names(one)]
    assert shown == ["Plan.pdf"]
    assert patient.get(f"/attachments/{secret}").status_code == 404
    assert patient.get(f"/attachments/{plan}/content").status_code == 200


def test_what_can_not_be_sent_sends_nothing(
    clinic: SmallClinic, patient: Caller, nurse: Caller
) -> None:
    mine = uploaded(patient)
    thread_id = started(patient, new_thread(clinic, attachments=[str(mine)]))
    for id_ in (mine, new_id(), uploaded(nurse, patient_id=clinic.patient.id)):
        refused = write(patient, thread_id, "Again.", attachments=[str(id_)])
        assert refused.status_code == 422, refused.text
        assert [one["pointer"] for one in refused.json["errors"]] == ["/attachments/0"]
    many = [str(uploaded(patient, name=f"{n}.pdf")) for n in range(6)]
    assert write(patient, thread_id, "Six.", attachments=many).status_code == 422
    assert len(opened(nurse, thread_id)["messages"]) == 1
    assert write(patient, thread_id, "Five.", attachments=many[:5]).status_code == 201


def test_the_first_answer_is_shown_with_its_files(
    clinic: SmallClinic, patient: Caller, nurse: Caller, other_nurse: Caller
) -> None:
    thread_id = started(patient, new_thread(clinic))
    seen = opened(other_nurse, thread_id)["messages"][0]["id"]
    plan = uploaded(nurse, name="Plan.pdf", patient_id=clinic.patient.id)
    answer(nurse, thread_id, attachments=[str(plan)])
    late = write(other_nurse, thread_id, "Mine.", last_seen_message_id=seen)
    assert late.status_code == 409
    assert [names(one) for one in late.json["messages"]] == [["Plan.pdf"]]
