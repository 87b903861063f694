"""What is kept from delegates in messages and on the advice line, and who is told of what."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.messages import service
from portal.notifications.model import Notification
from portal.patients.confidentiality_model import ConfidentialityEntry
from portal.patients.model import Patient
from tests.attachments.conftest import uploaded
from tests.messages.conftest import SignIn, answer, close, new_thread, opened, started, told, write
from tests.messages.story import CALL
from tests.patients.delegates import acting, acting_for, born_years_ago, give, new_person
from tests.patients.test_delegated_rows import PROTECTED, rows
from tests.results.conftest import receive
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, prescription
from tests.support.work import drain

REASON = "Asked for by the patient in confidence"
KEEP = {"reason": REASON}
OPEN_AGAIN = {"confidential": False, "reason": "The patient wants it to be shared"}


@pytest.fixture
def maria_id(clinic: SmallClinic) -> UUID:
    """Somebody with all access to the first patient's record."""
    id_ = new_person("Maria Ruiz")
    give(clinic.patient, id_, delegate_name="Maria Ruiz")
    return id_


@pytest.fixture
def maria(clinic: SmallClinic, maria_id: UUID, caller: SignIn) -> Caller:
    return caller(ActorKind.DELEGATE, maria_id, "Maria Ruiz").acting_for(clinic.patient.id)


def nothing_left(clinic: SmallClinic, person: UUID, kept: set[UUID]) -> None:
    """No protected table shows a delegate a row that is, or names, what is kept."""
    reader = acting(person, clinic.patient)
    for table in PROTECTED:
        for row in rows(reader, table):
            seen = {value for value in row.values() if isinstance(value, UUID)}
            assert not seen & kept, (table, row)


def test_a_confidential_thread_is_kept_with_all_that_is_in_it(
    clinic: SmallClinic,
    maria: Caller,
    maria_id: UUID,
    patient: Caller,
    physician: Caller,
    nurse: Caller,
) -> None:
    mine, file = uploaded(maria), uploaded(patient)
    kept = started(patient, new_thread(clinic, attachments=[str(file)]))
    shown = started(maria, new_thread(clinic))
    write(maria, kept, "From me.", attachments=[str(mine)])
    answer(nurse, kept)
    maria.post("/drafts", {"thread_id": str(kept), "body": "And"})
    drain()
    assert "message_received" in told(maria_id)
    marked = physician.post(f"/threads/{kept}/confidential", KEEP)
    assert (marked.status_code, marked.json["confidential"]) == (200, True)
    assert [one["id"] for one in maria.get("/threads").json["items"]] == [str(shown)]
    assert maria.get("/threads/summary").json["unread_threads"] == 0
    assert maria.post("/threads/search", {"q": "tablets"}).json["items"][0]["id"] == str(shown)
    assert len(maria.post("/threads/search", {"q": "tablets"}).json["items"]) == 1
    for refused in (
        maria.get(f"/threads/{kept}"),
        write(maria, kept, "Hello?"),
        close(maria, kept),
        maria.post("/drafts", {"thread_id": str(kept), "body": "x"}),
        maria.get(f"/attachments/{file}"),
        maria.get(f"/attachments/{mine}/content"),
    ):
        assert refused.status_code == 404
    assert maria.get("/drafts").json["items"] == []
    assert maria.get("/notifications").json["items"] == []
    nothing_left(clinic, maria_id, {kept, file, mine})
    before = len(told(maria_id))
    answer(nurse, kept, "Once more.")
    close(nurse, kept)
    drain()
    assert len(told(maria_id)) == before
    assert told(clinic.patient.id)[-1] == "thread_closed"
    view = opened(patient, kept)
    assert (view["confidential"], len(view["messages"])) == (True, 4)
    assert patient.get(f"/attachments/{mine}/content").status_code == 200
    opened_again = physician.post(f"/threads/{kept}/confidential", OPEN_AGAIN)
    assert opened_again.json["confidential"] is False
    assert len(opened(maria, kept)["messages"]) == 4
    with transaction(OPERATOR) as session:
        entries = session.scalars(
            select(ConfidentialityEntry).order_by(ConfidentialityEntry.id)
        ).all()
    assert [(one.resource, one.resource_id, one.confidential) for one in entries] == [
        ("thread", kept, True),
        ("thread", kept, False),
    ]


def test_a_practitioner_writes_in_confidence_from_the_beginning(
    clinic: SmallClinic,
    maria: Caller,
    maria_id: UUID,
    patient: Caller,
    physician: Caller,
    nurse: Caller,
) -> None:
    body = {**new_thread(clinic), "patient_id": str(clinic.patient.id)}
    del body["to"]
    secret = {**body, "confidential_reason": REASON}
    written = physician.post("/threads", secret)
    assert (written.status_code, written.json["confidential"]) == (201, True)
    drain()
    assert (told(maria_id), told(clinic.patient.id)) == ([], ["message_received"])
    assert maria.get("/threads").json["items"] == []
    refused = nurse.post("/threads", secret)
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (
        422,
        "/confidential_reason",
    )
    own = patient.post("/threads", new_thread(clinic, confidential_reason=REASON))
    assert own.status_code == 422
    assert nurse.post("/threads", body).json["confidential"] is False
    path = f"/threads/{written.json['id']}/confidential"
    assert nurse.post(path, OPEN_AGAIN).status_code == 403
    assert physician.post(path, {"reason": "short"}).status_code == 422


def about_prescription(clinic: SmallClinic) -> tuple[str, UUID]:
    return "prescription", prescription(clinic).id


def about_result(clinic: SmallClinic) -> tuple[str, UUID]:
    report = receive(clinic)
    drain()
    return "result", report


@pytest.mark.parametrize("record", [about_prescription, about_result])
def test_a_thread_about_something_that_is_kept_is_kept_at_once(
    clinic: SmallClinic,
    maria: Caller,
    maria_id: UUID,
    patient: Caller,
    physician: Caller,
    record: Callable[[SmallClinic], tuple[str, UUID]],
) -> None:
    kind, id_ = record(clinic)
    about = {"kind": kind, "id": str(id_)}
    kept = started(maria, new_thread(clinic, about=about))
    assert opened(patient, kept)["confidential"] is False
    assert maria.post("/drafts", {"about": about, "body": "Its colour"}).status_code == 201
    path = f"/{kind}s/{id_}/confidential"
    assert physician.post(path, KEEP).status_code == 200
    later = started(patient, new_thread(clinic, about=about))
    assert maria.get("/threads").json["items"] == maria.get("/drafts").json["items"] == []
    nothing_left(clinic, maria_id, {id_, kept, later})
    before = told(maria_id)
    for thread_id in (kept, later):
        assert opened(patient, thread_id)["confidential"] is True
        answer(physician, thread_id)
    drain()
    assert told(maria_id) == before
    # Opening the thread alone does not open what it is about.
    still = physician.post(f"/threads/{kept}/confidential", OPEN_AGAIN)
    assert (still.status_code, still.json["confidential"]) == (200, True)
    refused = maria.post("/threads", new_thread(clinic, about=about))
    assert (refused.status_code, refused.json["code"]) == (422, "about_unusable")
    again = maria.post("/drafts", {"about": about, "body": "Its colour"})
    assert (again.status_code, again.json["code"]) == (422, "about_unusable")
    assert maria.post("/drafts", {"body": "Another"}).status_code == 201
    [draft] = maria.get("/drafts").json["items"]
    assert (draft["body"], draft["about"]) == ("Another", None)
    physician.post(path, OPEN_AGAIN)
    assert {one["id"] for one in maria.get("/threads").json["items"]} == {str(kept), str(later)}


def test_a_delegate_writes_about_what_they_may_see(clinic: SmallClinic, caller: SignIn) -> None:
    about = {"kind": "prescription", "id": str(prescription(clinic).id)}
    without = acting_for(clinic.patient, caller, "messages")
    refused = without.post("/threads", new_thread(clinic, about=about))
    assert (refused.status_code, refused.json["code"]) == (422, "about_unusable")
    both = acting_for(clinic.patient, caller, "messages", "medicines")
    assert both.post("/threads", new_thread(clinic, about=about)).status_code == 201


def test_a_call_is_kept_from_delegates(
    clinic: SmallClinic,
    maria: Caller,
    maria_id: UUID,
    patient: Caller,
    physician: Caller,
    nurse: Caller,
) -> None:
    call = patient.post("/advice-calls", CALL).json
    path = f"/advice-calls/{call['id']}"
    assert maria.get(path).status_code == 200
    assert nurse.post(f"{path}/confidential", KEEP).status_code == 403
    assert physician.post(f"{path}/confidential", KEEP).json["confidential"] is True
    assert maria.get(path).status_code == maria.post(f"{path}/cancel").status_code == 404
    assert maria.get("/advice-calls").json["items"] == []
    for _ in range(3):
        nurse.post(f"{path}/outcome", {"outcome": "no_answer"})
    drain()
    assert (told(maria_id), told(clinic.patient.id)) == ([], ["advice_call_unreached"])
    nothing_left(clinic, maria_id, {UUID(call["id"])})
    assert physician.post(f"{path}/confidential", OPEN_AGAIN).json["confidential"] is False
    assert maria.get(path).json["status"] == "unreached"


@pytest.mark.parametrize(("years", "status"), [(11, 200), (13, 403)])
def test_what_a_child_writes_its_mother_reads_to_eleven(
    clinic: SmallClinic, caller: SignIn, patient: Caller, years: int, status: int
) -> None:
    mother = new_person("Morgan Testpatient")
    give(clinic.patient, mother, kind="parental", relationship="parent")
    with transaction(OPERATOR) as session:
        session.get_one(Patient, clinic.patient.id).birth_date = born_years_ago(years)
    id_ = started(patient, new_thread(clinic))
    looking = caller(ActorKind.DELEGATE, mother).acting_for(clinic.patient.id)
    assert looking.get(f"/threads/{id_}").status_code == status


def test_delegates_are_told_by_category_and_wish(
    clinic: SmallClinic, patient: Caller, nurse: Caller, caller: SignIn
) -> None:
    people = {name: new_person() for name in ("messages", "visits", "silent", "revoked")}
    give(clinic.patient, people["messages"], categories=["messages"])
    give(clinic.patient, people["visits"], categories=["visits"])
    give(clinic.patient, people["silent"], categories=["messages"], notify=False)
    give(clinic.patient, people["revoked"], status="revoked")
    id_ = started(patient, new_thread(clinic))
    answer(nurse, id_)
    write(nurse, id_, "Among us.", kind="internal_note")
    close(nurse, id_)
    drain()
    expected = ["message_received", "thread_closed"]
    assert told(clinic.patient.id) == expected
    assert {name: told(one) for name, one in people.items()} == {
        "messages": expected,
        "visits": [],
        "silent": [],
        "revoked": [],
    }
    reader = caller(ActorKind.DELEGATE, people["messages"]).acting_for(clinic.patient.id)
    [_, first] = reader.get("/notifications").json["items"]
    assert first["text"].startswith("The patient for whom you act was told: ")
    opened(reader, id_)
    assert {one["read_at"] for one in patient.get("/notifications").json["items"]} == {None}


def digests(now: datetime) -> int:
    with transaction(WORKER) as session:
        return service.send_digests(session=session, now=now, limit=100)


def test_each_has_their_own_digest_for_each_patient(
    clinic: SmallClinic, patient: Caller, nurse: Caller, caller: SignIn, physician: Caller
) -> None:
    """A patient who acts for two others, and wants one e-mail a day about each."""
    me = clinic.other_patient
    give(clinic.patient, me.id, person_kind="patient", categories=["messages"])
    myself = caller(ActorKind.PATIENT, me.id)
    for_other = myself.acting_for(clinic.patient.id)
    myself.patch("/me/preferences", {"by_email": {"message_digest": True}})
    day = (utcnow() + timedelta(days=1)).date()
    noon = datetime(day.year, day.month, day.day, 17, tzinfo=UTC)
    assert digests(noon) == 0
    theirs, kept = started(patient, new_thread(clinic)), started(patient, new_thread(clinic))
    answer(nurse, kept)
    physician.post(f"/threads/{kept}/confidential", KEEP)
    assert digests(noon) == 0, "what is kept is nothing to tell of"
    answer(nurse, theirs)
    assert (digests(noon), digests(noon + timedelta(hours=1))) == (1, 0)
    mine = started(myself, new_thread(clinic))
    answer(caller(ActorKind.PRACTITIONER, clinic.colleague.id), mine)
    assert digests(noon + timedelta(hours=2)) == 1, "one's own is another digest"
    assert digests(noon + timedelta(hours=3)) == 0
    with transaction(OPERATOR) as session:
        found = session.execute(
            select(Notification.recipient_kind, Notification.patient_id).where(
                Notification.recipient_id == me.id, Notification.event == "message_digest"
            )
        ).all()
    assert {tuple(row) for row in found} == {
        ("patient", me.id),
        ("delegate", clinic.patient.id),
    }
    answer(nurse, theirs)
    opened(for_other, theirs)
    assert digests(noon + timedelta(days=1)) == 0, "the delegate has read what came"
    assert told(clinic.patient.id).count("message_digest") == 0
