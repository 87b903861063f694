"""What comes of appointments: kept, missed, forgotten; reminders; the rules of the promise."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from portal.appointments import rules, service
from portal.core.actor import WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.notifications.model import Delivery
from tests.appointments.conftest import (
    act,
    began,
    booked,
    broken,
    change,
    in_days,
    items,
    load,
    open_slots,
    rows,
    told,
)
from tests.requisitions.conftest import CT, order
from tests.requisitions.conftest import offer as offer_imaging
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic
from tests.support.work import drain
from workers.schedule import TICKS


def twice(what: Callable[..., int], now: datetime) -> list[int]:
    """What two runs at the same time find."""
    found = []
    for _ in range(2):
        with transaction(WORKER) as session:
            found.append(what(session=session, now=now, limit=100))
    return found


def test_the_patient_came(
    clinic: SmallClinic, physician: Caller, patient: Caller, appointment: str
) -> None:
    early = act(physician, appointment, "attended")
    assert (early.status_code, early.json["code"]) == (409, "not_yet")
    began(appointment, 0.1)
    answer = act(physician, appointment, "attended")
    assert (answer.status_code, answer.json["status"]) == (200, "attended")
    assert answer.json["history"][-1]["by"]["name"] == clinic.physician.name
    assert act(physician, appointment, "attended").json["code"] == "appointment_ended"
    assert act(patient, appointment, "attended").status_code == 403
    drain()
    assert broken() == set()


def test_who_did_not_come_is_asked_why(
    clinic: SmallClinic, physician: Caller, nurse: Caller, patient: Caller, appointment: str
) -> None:
    began(appointment, 1)
    answer = act(nurse, appointment, "no-show", reason="No answer by phone")
    assert (answer.json["status"], answer.json["reason"]) == ("no_show", "No answer by phone")
    drain()
    [item] = items("appointment_no_show")
    assert (str(item.subject_id), item.responsible_id) == (appointment, clinic.physician.id)
    assert item.assignee_id == clinic.physician.id
    assert "appointment_cancelled" not in told()
    assert broken() == set()
    [again] = open_slots(physician, in_days(8))
    booked(patient, again)
    drain()
    assert [item.status for item in items("appointment_no_show")] == ["done"]


def test_what_came_of_it_is_asked_for_once(
    clinic: SmallClinic, physician: Caller, appointment: str
) -> None:
    drain()
    began(appointment, 2)
    assert twice(service.find_without_outcome, utcnow()) == [0, 0], "the team has time"
    began(appointment, 3)
    assert broken() == {"an appointment is over and nobody was asked what came of it"}
    now = utcnow()
    assert twice(service.find_without_outcome, now) == [1, 0]
    [item] = items("appointment_outcome")
    assert item.responsible_id == clinic.physician.id
    assert now < item.due_at <= now + timedelta(days=5), "a business day, over a week-end at most"
    drain()
    assert broken() == set()
    act(physician, appointment, "attended")
    drain()
    assert [item.status for item in items("appointment_outcome")] == ["done"]


def test_the_item_closes_with_the_call_alone(physician: Caller, appointment: str) -> None:
    began(appointment, 5)
    twice(service.find_without_outcome, utcnow())
    drain()
    [item] = items("appointment_outcome")
    answer = physician.post(
        f"/worklist/{item.id}/complete", {"outcome": "seen to"}, headers={"If-Match": "*"}
    )
    assert answer.status_code == 409
    assert f"/appointments/{appointment}/attended" in answer.json["detail"]


def test_a_department_follows_its_own(
    clinic: SmallClinic, physician: Caller, patient: Caller, radiology: Caller
) -> None:
    [scan] = order(physician, clinic, CT)
    [slot] = offer_imaging(radiology, in_days(3))
    made = patient.post(f"/imaging/slots/{slot}/book", {"requisition_id": str(scan)})
    appointment = made.json["appointment"]["id"]
    began(appointment, 10)
    assert act(physician, appointment, "no-show").json["code"] == "not_yet"
    assert twice(service.find_without_outcome, utcnow()) == [0, 0]
    assert broken() == set()


def test_an_order_follows_what_is_done_with_its_appointment(
    clinic: SmallClinic, physician: Caller, patient: Caller, radiology: Caller
) -> None:
    """By the calls of appointments, an order moves as by those of imaging."""
    [scan] = order(physician, clinic, CT)
    first, second = offer_imaging(radiology, in_days(3), in_days(4))
    about = {"kind": "requisition", "id": str(scan)}
    made = booked(patient, first, about=about)
    again = patient.post(f"/slots/{second}/book", {"about": about})
    assert (again.status_code, again.json["code"]) == (409, "not_bookable")
    moved = act(patient, made, "change", slot_id=str(second)).json
    seen = patient.get(f"/requisitions/{scan}").json
    assert (seen["status"], seen["appointment"]["id"]) == ("scheduled", moved["id"])
    act(patient, moved["id"], "cancel", reason="I am away")
    seen = patient.get(f"/requisitions/{scan}").json
    assert (seen["status"], seen["appointment"]) == ("accepted", None)
    assert (seen["reason_code"], seen["reason"]) == ("appointment_cancelled", "I am away")
    booked(patient, second, about=about)
    physician.post(f"/requisitions/{scan}/cancel", {"reason": "not needed"})
    [last] = patient.get("/appointments?when=past&limit=1").json["items"]
    assert (last["status"], last["reason_code"]) == ("cancelled", "not_needed")
    drain()
    assert told().count("appointment_cancelled") == 1, "of the other they hear as of the order"
    assert broken() == set()


def test_reminders_once_each(patient: Caller, clinic: SmallClinic, appointment: str) -> None:
    drain()
    start = load(appointment).starts_at
    (days, _), (hours, _) = rules.reminders(start, ZONE)
    assert load(appointment).next_reminder_at == days
    assert twice(service.remind, days - timedelta(seconds=1)) == [0, 0]
    assert twice(service.remind, days) == [1, 0]
    assert told()[-1:] == ["appointment_in_two_days"]
    assert twice(service.remind, hours) == [1, 0]
    assert told()[-2:] == ["appointment_in_two_days", "appointment_in_two_hours"]
    assert load(appointment).next_reminder_at is None


def test_one_reminder_after_a_long_pause(appointment: str) -> None:
    drain()
    start = load(appointment).starts_at
    assert twice(service.remind, start - timedelta(hours=1)) == [1, 0]
    assert told()[-1:] == ["appointment_coming"], "an hour before, two hours would not be true"


def test_booked_shortly_before_there_is_one_reminder(patient: Caller, physician: Caller) -> None:
    start = utcnow() + timedelta(hours=30)
    [slot] = open_slots(physician, start)
    made = load(booked(patient, slot))
    assert made.next_reminder_at == made.starts_at - timedelta(hours=2)


def test_no_reminder_of_what_was_called_off_or_changed(
    patient: Caller, physician: Caller, appointment: str
) -> None:
    [other] = open_slots(physician, in_days(6))
    moved = act(patient, appointment, "change", slot_id=str(other)).json["id"]
    assert load(appointment).next_reminder_at is None
    assert load(moved).next_reminder_at is not None
    act(patient, moved, "cancel")
    assert twice(service.remind, in_days(6)) == [0, 0]
    drain()
    assert not [one for one in told() if "_in_" in one]


@pytest.mark.parametrize("wanted", [True, False])
def test_reminders_by_the_patients_preference(
    wanted: bool, patient: Caller, appointment: str
) -> None:
    preferences: dict[str, Any] = {"by_email": {"appointment_in_two_days": wanted}}
    answer = patient.patch("/me/preferences", preferences)
    assert answer.status_code == 200, answer.text
    drain()
    before = {row.id for row in rows(Delivery)}
    twice(service.remind, rules.reminders(load(appointment).starts_at, ZONE)[0][0])
    [delivery] = [row for row in rows(Delivery) if row.id not in before]
    assert delivery.status == ("pending" if wanted else "suppressed")


def test_what_was_never_followed_is_found(
    physician: Caller, patient: Caller, appointment: str
) -> None:
    assert broken() == set()
    assert broken(load(appointment).starts_at - timedelta(hours=1)) >= {
        "a patient was not reminded of an appointment"
    }
    began(appointment, 1)
    act(physician, appointment, "no-show")
    assert "a patient missed an appointment and nobody was told" in broken()
    change(load(appointment), status="booked", ended_at=None, ended_by=None)
    began(appointment, 9)
    assert TICKS["find_without_outcome"]() == 1
    assert TICKS["remind_of_appointments"]() == 0
    assert TICKS["expire_offers"]() == 0
