"""Visits that were booked as appointments: planned, moved, begun and called off with them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from portal.appointments.model import Appointment
from portal.core.actor import WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.visits import rules, service
from portal.visits.model import Visit
from portal.visits.states import VisitKind
from tests.appointments.conftest import act, began, booked, free, open_slots, rows
from tests.appointments.conftest import change as set_appointment
from tests.appointments.conftest import in_days as at_ten
from tests.appointments.conftest import load as appointment
from tests.referrals.conftest import cardiologist, clerk, kept_promise, refer, specialist  # noqa: F401
from tests.referrals.conftest import step as refer_step
from tests.requisitions.conftest import CT, offer, order
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.races import at_once
from tests.support.work import drain
from tests.visits.conftest import step, told


@pytest.fixture
def times(physician: Caller) -> list[UUID]:
    return open_slots(physician, at_ten(3), at_ten(5))


@pytest.fixture
def mine(patient: Caller, times: list[UUID]) -> str:
    """The patient's appointment at the first time."""
    made = booked(patient, times[0])
    drain()
    return made


def visit() -> Visit:
    """The one visit that there is."""
    [row] = rows(Visit)
    assert isinstance(row, Visit)
    return row


def acted(who: Caller, id_: Any, what: str, **members: Any) -> Any:
    answer = act(who, id_, what, **members)
    assert answer.status_code == 200, answer.text
    drain()
    return answer.json


def test_an_appointment_is_a_visit(
    clinic: SmallClinic, patient: Caller, physician: Caller, mine: str
) -> None:
    [seen] = patient.get("/visits").json["items"]
    assert (seen["status"], seen["kind"], seen["reason"]) == ("planned", "office", "office visit")
    assert seen["practitioner"]["id"] == str(clinic.physician.id)
    assert seen["appointment"]["id"] == mine
    assert (seen["appointment"]["status"], seen["appointment"]["about"]) == ("booked", None)
    assert patient.request("GET", seen["appointment"]["link"]).json["id"] == mine
    assert visit().starts_at == at_ten(3)
    assert [one["id"] for one in physician.get("/visits").json["items"]] == [seen["id"]]
    assert told() == ["appointment_booked"]
    kept_promise()


def test_it_moves_with_its_appointment(patient: Caller, mine: str, times: list[UUID]) -> None:
    before = visit()
    moved = acted(patient, mine, "change", slot_id=str(times[1]))
    after = visit()
    assert (after.id, str(after.appointment_id)) == (before.id, moved["id"])
    assert (after.starts_at, after.version) == (at_ten(5), before.version + 1)
    seen = patient.get(f"/visits/{after.id}").json
    assert [one["starts_at"] for one in seen["history"]] != []
    assert len(seen["history"]) == 2
    assert "visit_changed" not in told()


def test_it_moves_to_another_practitioner(
    clinic: SmallClinic, patient: Caller, colleague: Caller, mine: str
) -> None:
    [other] = open_slots(colleague, at_ten(4))
    acted(patient, mine, "change", slot_id=str(other))
    assert visit().practitioner_id == clinic.colleague.id


def test_steps_heard_of_late_and_in_any_order(
    patient: Caller, mine: str, times: list[UUID]
) -> None:
    last = patient.post(f"/appointments/{mine}/change", {"slot_id": str(times[1])}).json["id"]
    for heard in (last, mine, last, mine):
        with transaction(WORKER) as session:
            service.follow_appointment(session=session, appointment_id=UUID(heard), now=utcnow())
        assert (str(visit().appointment_id), visit().status) == (last, "planned")
    drain()
    assert str(visit().appointment_id) == last
    acted(patient, last, "cancel")
    assert visit().status == "cancelled"
    drain()


def test_two_workers_hear_of_it_at_once(patient: Caller, times: list[UUID]) -> None:
    mine = UUID(booked(patient, times[0]))

    def hear() -> None:
        with transaction(WORKER) as session:
            service.follow_appointment(session=session, appointment_id=mine, now=utcnow())

    at_once(*[hear] * 4)
    assert visit().appointment_id == mine


def test_what_was_called_off_before_anybody_heard_of_it_was_no_visit(
    patient: Caller, times: list[UUID]
) -> None:
    acted(patient, booked(patient, times[0]), "cancel")
    assert rows(Visit) == []


@pytest.mark.parametrize(
    ("what", "status", "reason"),
    [
        ("cancel", "cancelled", "The appointment was called off."),
        ("no-show", "cancelled", "The patient did not come."),
    ],
)
def test_it_ends_with_its_appointment(
    physician: Caller, mine: str, what: str, status: str, reason: str
) -> None:
    began(mine, 1)
    acted(physician, mine, what)
    assert visit().status == status
    seen = physician.get(f"/visits/{visit().id}").json
    assert seen["history"][-1]["reason"] == reason
    assert physician.get("/visits").json["items"] == []
    kept_promise()


def test_it_begins_when_the_patient_came(physician: Caller, mine: str) -> None:
    start = utcnow() - timedelta(minutes=10)
    set_appointment(appointment(mine), starts_at=start, ends_at=start + timedelta(minutes=30))
    acted(physician, mine, "attended")
    begun = visit()
    assert begun.status == "in_progress"
    assert begun.started_at is not None
    assert begun.started_at > start
    assert begun.summary_due_at is not None
    kept_promise()


def test_of_one_that_is_over_it_began_when_it_was_to(physician: Caller, mine: str) -> None:
    began(mine, 30)
    acted(physician, mine, "attended")
    assert visit().started_at == appointment(mine).starts_at


def test_who_begins_a_visit_says_that_the_patient_came(
    physician: Caller, nurse: Caller, mine: str
) -> None:
    step(nurse, visit().id, "start")
    assert appointment(mine).status == "attended"
    drain()
    assert visit().status == "in_progress"
    step(physician, visit().id, "finish")
    drain()
    assert physician.get(f"/visits/{visit().id}").json["appointment"]["status"] == "attended"
    kept_promise()


@pytest.mark.parametrize("what", ["cancel", "entered-in-error"])
def test_who_calls_a_visit_off_frees_its_time(
    patient: Caller, physician: Caller, mine: str, times: list[UUID], what: str
) -> None:
    step(physician, visit().id, what, reason="The practitioner is ill")
    ended = appointment(mine)
    assert (ended.status, ended.reason) == ("cancelled", "The practitioner is ill")
    assert str(times[0]) in free(patient)
    drain()
    assert told() == ["appointment_booked", "appointment_cancelled"]
    kept_promise()


def test_when_and_with_whom_is_the_appointments(
    clinic: SmallClinic, physician: Caller, mine: str
) -> None:
    there = f"/visits/{visit().id}"
    for changes in (
        {"starts_at": at_ten(7).isoformat()},
        {"practitioner_id": str(clinic.colleague.id)},
    ):
        refused = physician.patch(there, changes)
        assert (refused.status_code, refused.json["code"]) == (409, "visit_booked")
        assert refused.json["appointment_id"] == mine
    answer = physician.patch(there, {"kind": "telehealth", "reason": "Blood pressure"})
    assert (answer.status_code, answer.json["kind"]) == (200, "telehealth")


def test_a_referrals_appointment_is_a_visit_with_the_specialist(
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    specialist: Caller,  # noqa: F811
    clerk: Caller,  # noqa: F811
    cardiologist: Any,  # noqa: F811
) -> None:
    referral = refer(physician, clinic, cardiologist)
    refer_step(specialist, referral, "accept")
    [slot] = open_slots(specialist, at_ten(3))
    booked(clerk, slot, about={"kind": "referral", "id": referral})
    drain()
    [seen] = specialist.get("/visits").json["items"]
    assert seen["appointment"]["about"] == {"kind": "referral", "id": referral}
    assert [one["id"] for one in patient.get("/visits").json["items"]] == [seen["id"]]
    step(specialist, UUID(seen["id"]), "start")
    drain()
    assert patient.get(f"/referrals/{referral}").json["status"] == "attended"
    kept_promise()


def test_a_department_has_no_visits(
    clinic: SmallClinic, physician: Caller, patient: Caller, caller: Callable[..., Caller]
) -> None:
    [scan] = order(physician, clinic, CT)
    drain()
    [time] = offer(caller(ActorKind.LABORATORY, clinic.radiology.id), at_ten(3))
    answer = patient.post(f"/imaging/slots/{time}/book", {"requisition_id": str(scan)})
    assert answer.status_code == 200
    drain()
    assert rows(Visit) == []
    assert len(rows(Appointment)) == 1


@pytest.mark.parametrize(
    ("service_type", "kind"),
    [
        ("office visit", VisitKind.OFFICE),
        ("Telehealth", VisitKind.TELEHEALTH),
        ("phone call", VisitKind.PHONE),
        ("home visit, long", VisitKind.HOME),
        ("stress test", VisitKind.OFFICE),
    ],
)
def test_how_a_patient_is_seen_at_a_time(service_type: str, kind: VisitKind) -> None:
    assert rules.kind_of(service_type) == kind
