"""Letters: queued once, printed, returned; whose print queue they are in."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import local_day, utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.core.tables import AuditEntry, OutboxEvent
from portal.directory.model import Clinic, StaffMember
from portal.notifications import service
from portal.notifications.errors import MailingAddressMissing
from portal.notifications.outreach_model import Letter, LetterHistory
from portal.notifications.outreach_states import LetterStatus
from portal.notifications.service import LetterText
from portal.notifications.states import NotificationEvent
from portal.patients.errors import PatientUnknown
from portal.patients.model import Patient
from portal.worklist.model import WorkItem
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic, add
from tests.support.pdf import pages_of
from workers.runner import run_events

SignIn = Callable[..., Caller]
Queue = Callable[..., UUID]
TEXT = LetterText(
    "A new result", ["There is a new result for you."], [("Sodium", "140")], ("T", "V")
)


@pytest.fixture
def clerk(clinic: SmallClinic, caller: SignIn) -> Caller:
    """Staff of the clinic who care for no patient."""
    return caller(ActorKind.STAFF, clinic.liaison_officer.id, clinic.liaison_officer.name)


@pytest.fixture
def queue(clinic: SmallClinic) -> Queue:
    """Queues a letter to the first patient."""

    def queue_letter(**changes: Any) -> UUID:
        values: dict[str, Any] = {
            "patient_id": clinic.patient.id,
            "event": NotificationEvent.RESULT_AVAILABLE,
            "source_id": new_id(),
            "subject_id": new_id(),
            "text": TEXT,
            "now": utcnow(),
            **changes,
        }
        with transaction(WORKER) as session:
            return service.queue_letter(session=session, **values)

    return queue_letter


def move(clerk: Caller, letter_id: UUID, status: str, **body: Any) -> Any:
    return clerk.post(f"/letters/{letter_id}/status", {"status": status, **body})


def events(kind: str) -> list[OutboxEvent]:
    with transaction(OPERATOR) as session:
        return list(session.scalars(select(OutboxEvent).where(OutboxEvent.kind == kind)))


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json["items"]]


def test_a_letter_is_queued_once_for_its_source(clinic: SmallClinic, queue: Queue) -> None:
    source = new_id()
    first, again = queue(source_id=source), queue(source_id=source, text=LetterText("X", []))
    assert first == again
    with transaction(OPERATOR) as session:
        [letter] = session.scalars(select(Letter))
        assert (letter.status, letter.clinic_id) == ("queued", clinic.clinic.id)
        assert letter.addressee == ["Avery Testpatient", "2 Oak Lane", "Springfield, NY 12345"]
        [page] = pages_of(letter.document)
        [step] = session.scalars(select(LetterHistory))
        assert (step.from_status, step.to_status, step.actor_kind) == (None, "queued", "worker")
    today = local_day(utcnow(), ZONE)
    for said in ("Elm Street Clinic", "Phone 555-0100", f"{today:%B} {today.day}, {today.year}"):
        assert said in page.splitlines()


def test_the_date_is_that_of_the_clinic(queue: Queue, clerk: Caller) -> None:
    after_midnight = utcnow().replace(day=15, hour=2)
    answer = clerk.get(f"/letters/{queue(now=after_midnight)}/document")
    assert f"{after_midnight:%B} 14, {after_midnight.year}" in pages_of(answer.data)[0]


@pytest.mark.parametrize("missing", ["line", "city"])
def test_without_an_address_the_caller_is_told(
    clinic: SmallClinic, queue: Queue, missing: str
) -> None:
    with transaction(OPERATOR) as session:
        session.execute(update(Patient).values({missing: None}))
    with pytest.raises(MailingAddressMissing):
        queue()
    with pytest.raises(PatientUnknown):
        queue(patient_id=new_id())
    with transaction(OPERATOR) as session:
        assert session.scalars(select(Letter)).all() == []
        assert clinic.patient.id


def test_the_print_queue_is_in_order_and_in_pages(queue: Queue, clerk: Caller) -> None:
    letters = [str(queue()) for _ in range(5)]
    assert ids(clerk.get("/letters")) == letters
    assert move(clerk, UUID(letters[1]), "printed").status_code == 200
    queued = [letters[0], *letters[2:]]
    first = clerk.get("/letters?status=queued&limit=3")
    rest = clerk.get(f"/letters?status=queued&limit=3&cursor={first.json['next']}")
    assert ids(first) + ids(rest) == queued
    assert ids(clerk.get("/letters?status=printed")) == [letters[1]]
    assert clerk.get("/letters?status=eaten").status_code == 422


def test_a_letter_is_printed_from_its_document(queue: Queue, clerk: Caller) -> None:
    letter_id = queue()
    answer = clerk.get(f"/letters/{letter_id}/document")
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    disposition = answer.headers["Content-Disposition"]
    assert disposition == f'inline; filename="letter-{letter_id}.pdf"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert "There is a new result for you." in pages_of(answer.data)[0]


def test_a_letter_is_printed_once_and_may_come_back(queue: Queue, clerk: Caller) -> None:
    letter_id = queue()
    printed = move(clerk, letter_id, "printed")
    assert (printed.status_code, printed.json["status"]) == (200, "printed")
    again = move(clerk, letter_id, "printed")
    assert (again.status_code, again.json["code"]) == (409, "illegal_transition")
    assert again.json["status_now"] == "printed"
    assert move(clerk, letter_id, "cancelled").status_code == 409
    back = move(clerk, letter_id, "returned", note="Moved away")
    assert (back.status_code, back.json["note"]) == (200, "Moved away")
    steps = [(step["status"], step["by"]["name"], step["note"]) for step in back.json["history"]]
    assert steps == [
        ("queued", "Careloop", None),
        ("printed", "Lee Park", None),
        ("returned", "Lee Park", "Moved away"),
    ]
    assert back.json["printed_at"] is not None
    assert back.json["ended_at"] is not None
    assert [event.payload for event in events("letter.moved")] == [
        {"letter_id": str(letter_id)}
    ] * 2


def test_a_returned_letter_becomes_work_once(
    clinic: SmallClinic, queue: Queue, clerk: Caller
) -> None:
    letter_id = queue()
    move(clerk, letter_id, "printed")
    assert events("letter.returned") == []
    move(clerk, letter_id, "returned")
    [event] = events("letter.returned")
    for _ in range(2):
        run_events("letter.returned", [event.id])
        with transaction(OPERATOR) as session:
            session.execute(update(OutboxEvent).values(status="published"))
    with transaction(OPERATOR) as session:
        [item] = session.scalars(select(WorkItem))
    assert (item.kind, item.subject_id) == ("letter_returned", letter_id)
    assert (item.patient_id, item.responsible_id) == (clinic.patient.id, None)
    assert (item.pool_id, item.status, item.priority) == (clinic.nurses.id, "open", "routine")


def test_a_letter_that_is_not_wanted_is_cancelled(queue: Queue, clerk: Caller) -> None:
    letter_id = queue()
    assert move(clerk, letter_id, "cancelled").json["status"] == "cancelled"
    assert move(clerk, letter_id, "printed").json["status_now"] == "cancelled"
    assert events("letter.returned") == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/status"),
        ({"status": "queued"}, "/status"),
        ({"status": "printed", "note": ""}, "/note"),
        ({"status": "printed", "note": "a\x00"}, "/note"),
        ({"status": "printed", "by": "me"}, "/by"),
    ],
    ids=repr,
)
def test_bad_input_names_the_member(
    queue: Queue, clerk: Caller, body: dict[str, str], pointer: str
) -> None:
    letter_id = queue()
    answer = clerk.post(f"/letters/{letter_id}/status", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert clerk.get(f"/letters/{letter_id}").json["status"] == "queued"


def test_another_clinics_letters_do_not_exist(queue: Queue, caller: SignIn) -> None:
    letter_id = queue()
    elsewhere = Clinic(id=new_id(), name="Oak Clinic", time_zone=ZONE, phone="555-0111")
    stranger = StaffMember(id=new_id(), clinic_id=elsewhere.id, name="Sam Roe", title="Clerk")
    add(elsewhere, stranger)
    other = caller(ActorKind.STAFF, stranger.id)
    assert ids(other.get("/letters")) == []
    for answer in (
        other.get(f"/letters/{letter_id}"),
        other.get(f"/letters/{letter_id}/document"),
        move(other, letter_id, "printed"),
        other.get(f"/letters/{uuid4()}"),
    ):
        assert (answer.status_code, answer.json["code"]) == (404, "letter_not_found")


@pytest.mark.parametrize(
    "kind", [kind for kind in ActorKind if kind.value not in ("staff", "worker", "operator")]
)
def test_letters_are_for_staff(
    clinic: SmallClinic, queue: Queue, caller: SignIn, anonymous: Caller, kind: ActorKind
) -> None:
    letter_id = queue()
    nobody = kind is ActorKind.ANONYMOUS
    somebody = anonymous if nobody else caller(kind, clinic.patient.id)
    for answer in (
        somebody.get("/letters"),
        somebody.get(f"/letters/{letter_id}"),
        somebody.get(f"/letters/{letter_id}/document"),
        move(somebody, letter_id, "printed"),
    ):
        assert answer.status_code == (401 if nobody else 403)


def test_every_look_and_step_is_audited(clinic: SmallClinic, queue: Queue, clerk: Caller) -> None:
    letter_id = queue()
    clerk.get("/letters")
    clerk.get(f"/letters/{letter_id}")
    clerk.get(f"/letters/{letter_id}/document")
    move(clerk, letter_id, "printed")
    with transaction(OPERATOR) as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.at, AuditEntry.id)).all()
    assert {(entry.patient_id, entry.resource_id) for entry in entries} == {
        (clinic.patient.id, letter_id)
    }
    by_whom = [(entry.actor_kind, entry.action) for entry in entries]
    assert by_whom[:4] == [("worker", "queued"), *[("staff", "read")] * 3]
    assert sorted(by_whom[4:]) == [("staff", "printed"), ("staff", "read")]


def test_the_workers_may_cancel(queue: Queue, clerk: Caller) -> None:
    letter_id = queue()
    with transaction(WORKER) as session:
        service.move_letter(
            session=session,
            actor=WORKER,
            letter_id=letter_id,
            status=LetterStatus.CANCELLED,
            note="The result was withdrawn",
            now=utcnow(),
        )
    view = clerk.get(f"/letters/{letter_id}").json
    assert (view["status"], view["note"]) == ("cancelled", "The result was withdrawn")
