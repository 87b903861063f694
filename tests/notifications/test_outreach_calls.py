"""Calls: opened once with their work item, tried, and ended."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.core.tables import AuditEntry, OutboxEvent
from portal.directory import service as directory
from portal.notifications import service
from portal.notifications.outreach_model import CallAttempt, PhoneCall
from portal.notifications.outreach_states import CallOutcome, CallStatus
from portal.notifications.rules import after_attempt, call_again_at
from portal.notifications.states import NotificationEvent
from portal.worklist.model import WorkItem
from portal.worklist.states import Priority
from tests.support.api import Caller
from tests.support.clinic import SmallClinic

SignIn = Callable[..., Caller]
Open = Callable[..., UUID]
SCRIPT = ["Ask for the birth date.", "Say that the doctor wants to see them."]


@pytest.fixture
def opened(clinic: SmallClinic) -> Open:
    """Opens a call to the first patient."""

    def open_call(**changes: Any) -> UUID:
        now = utcnow()
        values: dict[str, Any] = {
            "patient_id": clinic.patient.id,
            "responsible_id": clinic.physician.id,
            "pool_id": clinic.nurses.id,
            "event": NotificationEvent.RESULT_AVAILABLE,
            "source_id": new_id(),
            "subject_id": new_id(),
            "script": SCRIPT,
            "priority": Priority.ROUTINE,
            "due_at": now + timedelta(hours=1),
            "now": now,
            **changes,
        }
        with transaction(WORKER) as session:
            return service.open_call(session=session, **values)

    return open_call


def say(caller: Caller, call_id: UUID, outcome: str, **options: Any) -> Any:
    return caller.post(f"/calls/{call_id}/outcome", {"outcome": outcome}, **options)


def item_of(call_id: UUID) -> WorkItem:
    with transaction(OPERATOR) as session:
        return session.scalars(select(WorkItem).filter_by(subject_id=call_id)).one()


def moved() -> list[dict[str, Any]]:
    with transaction(OPERATOR) as session:
        found = session.scalars(select(OutboxEvent).where(OutboxEvent.kind == "call.moved"))
        return [event.payload for event in found]


def test_a_call_is_opened_once_with_its_work_item(clinic: SmallClinic, opened: Open) -> None:
    source = new_id()
    first, again = opened(source_id=source), opened(source_id=source)
    assert first == again
    item = item_of(first)
    assert (item.kind, item.status, item.patient_id) == ("phone_call", "open", clinic.patient.id)
    assert (item.responsible_id, item.pool_id) == (clinic.physician.id, clinic.nurses.id)
    with transaction(OPERATOR) as session:
        [call] = session.scalars(select(PhoneCall))
    assert (call.status, call.script, call.ended_at) == ("open", SCRIPT, None)


def test_whoever_calls_sees_whom_and_what_to_say(
    clinic: SmallClinic, opened: Open, nurse: Caller
) -> None:
    call_id = opened()
    view = nurse.get(f"/calls/{call_id}").json
    assert view["patient"] == {
        "id": str(clinic.patient.id),
        "name": clinic.patient.name,
        "birth_date": "1980-04-15",
        "phone": "555-0199",
        "language": "en",
    }
    assert (view["script"], view["attempts"], view["status"]) == (SCRIPT, [], "open")


def test_reached_ends_the_call_and_its_item(opened: Open, nurse: Caller) -> None:
    call_id = opened()
    answer = say(nurse, call_id, "reached")
    assert (answer.status_code, answer.json["status"]) == (200, "reached"), answer.text
    [attempt] = answer.json["attempts"]
    assert (attempt["number"], attempt["outcome"]) == (1, "reached")
    assert attempt["by"] == {"kind": "staff", "name": "Nora Bell"}
    item = item_of(call_id)
    assert (item.status, item.outcome) == ("done", "reached")
    assert moved() == [{"call_id": str(call_id)}]
    again = say(nurse, call_id, "no_answer")
    assert (again.status_code, again.json["code"]) == (409, "call_ended")
    assert again.json["status_now"] == "reached"


def test_a_wrong_number_gives_it_up(opened: Open, nurse: Caller) -> None:
    call_id = opened()
    assert say(nurse, call_id, "wrong_number").json["status"] == "given_up"
    item = item_of(call_id)
    assert (item.status, item.outcome) == ("done", "wrong_number")
    assert moved() == [{"call_id": str(call_id)}]


def test_nobody_answers_three_times(opened: Open, nurse: Caller, clinic: SmallClinic) -> None:
    call_id = opened()
    for number in (1, 2):
        assert say(nurse, call_id, "no_answer").json["status"] == "open"
        item = item_of(call_id)
        with transaction(OPERATOR) as session:
            calendar = directory.calendar_of(session, clinic.clinic.id)
            last = session.scalars(select(CallAttempt).filter_by(number=number)).one()
        assert (item.status, item.due_at) == ("open", call_again_at(calendar, last.at))
    assert say(nurse, call_id, "asked_to_call_back").json["status"] == "open"
    assert moved() == []
    third = say(nurse, call_id, "no_answer")
    assert third.json["status"] == "given_up"
    assert [attempt["number"] for attempt in third.json["attempts"]] == [1, 2, 3, 4]
    item = item_of(call_id)
    assert (item.status, item.outcome) == ("done", "no_answer")
    assert moved() == [{"call_id": str(call_id)}]


@pytest.mark.parametrize("outcome", CallOutcome)
@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_what_becomes_of_a_call(outcome: CallOutcome, before: int) -> None:
    expected = {
        "reached": CallStatus.REACHED,
        "wrong_number": CallStatus.GIVEN_UP,
        "asked_to_call_back": CallStatus.OPEN,
        "no_answer": CallStatus.GIVEN_UP if before >= 2 else CallStatus.OPEN,
    }
    assert after_attempt(outcome, before) == expected[outcome]


def test_who_claimed_it_keeps_it_until_it_is_due_again(opened: Open, nurse: Caller) -> None:
    call_id = opened()
    claimed = nurse.post(f"/worklist/{item_of(call_id).id}/claim")
    assert claimed.status_code == 200, claimed.text
    say(nurse, call_id, "no_answer")
    assert item_of(call_id).status == "claimed"


def test_the_same_report_twice_counts_once(opened: Open, nurse: Caller) -> None:
    call_id = opened()
    key = {"Idempotency-Key": "nobody answered"}
    for _ in range(2):
        answer = say(nurse, call_id, "no_answer", headers=key)
        assert (answer.status_code, len(answer.json["attempts"])) == (200, 1)
    assert len(nurse.get(f"/calls/{call_id}").json["attempts"]) == 1


def test_an_item_of_a_call_is_closed_by_its_outcome_alone(opened: Open, nurse: Caller) -> None:
    call_id = opened()
    answer = nurse.post(
        f"/worklist/{item_of(call_id).id}/complete", {"outcome": "done"}, headers={"If-Match": "*"}
    )
    assert (answer.status_code, answer.json["code"]) == (409, "not_closed_by_hand")
    assert f"/api/v1/calls/{call_id}/outcome" in answer.json["detail"]


def test_calls_are_for_those_who_care_for_the_patient(
    clinic: SmallClinic, opened: Open, caller: SignIn, anonymous: Caller
) -> None:
    call_id = opened()
    people = {
        ActorKind.PRACTITIONER: (clinic.physician.id, 200),
        ActorKind.STAFF: (clinic.nurse.id, 200),
        ActorKind.PATIENT: (clinic.patient.id, 403),
        ActorKind.ADMINISTRATOR: (new_id(), 403),
        ActorKind.PHARMACY: (clinic.pharmacy.id, 403),
        ActorKind.LABORATORY: (clinic.laboratory.id, 403),
        ActorKind.PHONE: (new_id(), 403),
    }
    for kind, (id_, status) in people.items():
        somebody = caller(kind, id_)
        assert somebody.get(f"/calls/{call_id}").status_code == status
        assert say(somebody, call_id, "asked_to_call_back").status_code == status
    assert anonymous.get(f"/calls/{call_id}").status_code == 401
    assert say(anonymous, call_id, "reached").status_code == 401
    officer = caller(ActorKind.STAFF, clinic.liaison_officer.id)
    colleague = caller(ActorKind.PRACTITIONER, clinic.colleague.id)
    outsider = caller(ActorKind.STAFF, uuid4())
    for somebody in (officer, outsider):
        assert somebody.get(f"/calls/{call_id}").status_code == 404
        assert say(somebody, call_id, "reached").json["code"] == "call_not_found"
    # It is with the pool of which the colleague is a member, until the workers have routed it.
    assert colleague.get(f"/calls/{call_id}").status_code == 200
    assert colleague.get(f"/calls/{uuid4()}").status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/outcome"),
        ({"outcome": "voicemail"}, "/outcome"),
        ({"outcome": "reached", "note": 7}, "/note"),
        ({"outcome": "reached", "at": "now"}, "/at"),
    ],
    ids=repr,
)
def test_bad_input_names_the_member(
    opened: Open, nurse: Caller, body: dict[str, Any], pointer: str
) -> None:
    call_id = opened()
    answer = nurse.post(f"/calls/{call_id}/outcome", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert nurse.get(f"/calls/{call_id}").json["attempts"] == []


def test_every_look_and_attempt_is_audited(
    clinic: SmallClinic, opened: Open, nurse: Caller
) -> None:
    call_id = opened()
    nurse.get(f"/calls/{call_id}")
    say(nurse, call_id, "no_answer")
    with transaction(OPERATOR) as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.at, AuditEntry.id)).all()
    assert {(entry.patient_id, entry.resource_id) for entry in entries} == {
        (clinic.patient.id, call_id)
    }
    assert sorted((entry.actor_kind, entry.action) for entry in entries) == [
        ("staff", "no_answer"),
        ("staff", "read"),
        ("staff", "read"),
        ("worker", "create"),
    ]
