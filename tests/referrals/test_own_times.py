"""A referral's appointment at a time of ours: booked, offered, moved, missed, called off, kept."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from portal.appointments.model import Appointment
from portal.appointments.offer_model import AppointmentOffer
from portal.core.clock import utcnow
from portal.directory.model import Practitioner
from portal.notifications.model import Notification
from portal.worklist.model import WorkItem
from tests.appointments.conftest import act, began, book, booked, free, open_slots, rows
from tests.appointments.conftest import change as set_row
from tests.appointments.conftest import in_days as at_ten
from tests.appointments.conftest import load as appointment
from tests.referrals.conftest import (
    change,
    done,
    in_days,
    items,
    kept_promise,
    load,
    open_kinds,
    refer,
    step,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain
from workers import schedule


def about(referral: str) -> dict[str, Any]:
    return {"about": {"kind": "referral", "id": referral}}


def told(person: UUID) -> list[str]:
    """What a patient was told of the referral and its appointments."""
    found = [row.event for row in rows(Notification, recipient_id=person)]
    return [one for one in found if one.startswith(("referral", "appointment"))]


def open_items(patient: UUID) -> list[str]:
    """Every loop about a patient that somebody has, whatever it is about."""
    found = rows(WorkItem, patient_id=patient)
    return sorted(row.kind for row in found if row.status in ("open", "claimed"))


def offered(who: Caller, referral: str, *slots: UUID) -> Any:
    answer = who.post(
        "/appointments/offers", {**about(referral), "slot_ids": [str(id_) for id_ in slots]}
    )
    assert answer.status_code == 201, answer.text
    drain()
    return answer.json


def accept(who: Caller, offer: Any, slot: UUID) -> Any:
    return who.post(f"/appointments/offers/{offer['id']}/accept", {"slot_id": str(slot)})


def acted(who: Caller, id_: Any, what: str, **members: Any) -> Any:
    answer = act(who, id_, what, **members)
    assert answer.status_code == 200, answer.text
    drain()
    return answer.json


@pytest.fixture
def times(specialist: Caller) -> list[UUID]:
    """Three times with the cardiologist."""
    return open_slots(specialist, at_ten(3), at_ten(5), at_ten(9))


@pytest.fixture
def mine(clerk: Caller, accepted: str, times: list[UUID]) -> str:
    """The appointment that the staff booked for the accepted referral, at the second time."""
    made = booked(clerk, times[1], **about(accepted))
    drain()
    return made


def test_a_booked_time_is_the_referrals_appointment(
    clinic: SmallClinic, patient: Caller, accepted: str, mine: str
) -> None:
    seen = done(patient.get(f"/referrals/{accepted}"))
    assert (seen["status"], seen["reason_code"], seen["with"]["kind"]) == (
        "scheduled",
        "booked",
        "patient",
    )
    assert seen["appointment"]["appointment_id"] == mine
    assert seen["appointment"]["place"] == clinic.clinic.name
    assert done(patient.get(f"/appointments/{mine}"))["about"] == {
        "kind": "referral",
        "id": accepted,
    }
    assert told(clinic.patient.id) == [
        "referral_requested",
        "referral_accepted",
        "appointment_booked",
    ]
    assert open_items(clinic.patient.id) == []
    kept_promise()


def test_a_patient_takes_one_of_the_times_that_they_were_offered(
    clinic: SmallClinic, clerk: Caller, patient: Caller, accepted: str, times: list[UUID]
) -> None:
    offer = offered(clerk, accepted, *times)
    [waiting] = items(accepted)
    assert (waiting.kind, waiting.due_at) == (
        "referral_scheduling",
        rows(AppointmentOffer)[0].expires_at,
    )
    assert load(accepted).expected_by == waiting.due_at
    [choosing] = patient.get("/referrals").json["items"]
    assert (choosing["with"], "Choose one" in choosing["next_step"]) == ("patient", True)
    assert choosing["offered_until"] == offer["expires_at"]
    kept_promise()
    answer = accept(patient, offer, times[2])
    assert answer.status_code == 200, answer.text
    drain()
    seen = done(patient.get(f"/referrals/{accepted}"))
    assert seen["appointment"]["appointment_id"] == answer.json["id"]
    assert [one["by"]["kind"] for one in seen["history"]][-1] == "patient"
    assert open_items(clinic.patient.id) == []
    kept_promise()


def test_what_nobody_takes_is_one_item_of_the_staff(
    clinic: SmallClinic, clerk: Caller, patient: Caller, accepted: str, times: list[UUID]
) -> None:
    offer = offered(clerk, accepted, *times)
    why = {"reason": "I work on these days"}
    assert patient.post(f"/appointments/offers/{offer['id']}/decline", why).status_code == 200
    before = items(accepted)[0].due_at
    drain()
    seen = done(patient.get(f"/referrals/{accepted}"))
    assert (seen["with"]["kind"], seen["offered_until"]) == ("staff", None)
    [refused] = done(clerk.get(f"/referrals/{accepted}"))["offers"]
    assert (refused["status"], refused["reason"]) == ("declined", why["reason"])
    assert clerk.request("GET", refused["link"]).json["id"] == offer["id"]
    [waiting] = items(accepted)
    assert open_items(clinic.patient.id) == ["referral_scheduling"]
    assert waiting.due_at != before
    assert load(accepted).expected_by == waiting.due_at
    late = offered(clerk, accepted, times[0])
    set_row(rows(AppointmentOffer, id=UUID(late["id"]))[0], expires_at=utcnow())
    assert schedule.expire_offers() == 1
    drain()
    assert open_items(clinic.patient.id) == ["referral_scheduling"]
    kept_promise()


def test_offers_end_with_what_they_were_for(
    physician: Caller, clerk: Caller, patient: Caller, accepted: str, times: list[UUID]
) -> None:
    first = offered(clerk, accepted, times[0])
    second = offered(clerk, accepted, times[1])
    assert accept(patient, first, times[0]).status_code == 200
    drain()
    assert done(patient.get(f"/appointments/offers/{second['id']}"))["status"] == "withdrawn"
    acted(clerk, load(accepted).appointment_id, "cancel", reason="The specialist is ill")
    third = offered(clerk, accepted, times[2])
    done(physician.post(f"/referrals/{accepted}/cancel"))
    refused = accept(patient, third, times[2])
    assert (refused.status_code, refused.json["code"]) == (409, "not_schedulable")
    drain()
    assert done(patient.get(f"/appointments/offers/{third['id']}"))["status"] == "withdrawn"
    assert set(free(patient)) >= {str(id_) for id_ in times}
    kept_promise()


def test_two_offers_of_which_one_is_refused(
    clerk: Caller, patient: Caller, accepted: str, times: list[UUID]
) -> None:
    refused, open_still = (offered(clerk, accepted, time) for time in times[:2])
    assert patient.post(f"/appointments/offers/{refused['id']}/decline", {}).status_code == 200
    drain()
    [waiting] = items(accepted)
    assert waiting.due_at == rows(AppointmentOffer, id=UUID(open_still["id"]))[0].expires_at
    assert done(patient.get(f"/referrals/{accepted}"))["with"]["kind"] == "patient"
    step(clerk, accepted, "appointment", starts_at=in_days(6), place="Harbor Heart")
    assert done(patient.get("/appointments/offers"))["items"] == []
    kept_promise()


def test_a_patient_moves_and_calls_off_by_themselves(
    clinic: SmallClinic, patient: Caller, accepted: str, mine: str, times: list[UUID]
) -> None:
    moved = acted(patient, mine, "change", slot_id=str(times[2]))
    assert str(load(accepted).appointment_id) == moved["id"]
    assert load(accepted).appointment_at == appointment(moved["id"]).starts_at
    assert load(accepted).status == "scheduled"
    kept_promise()
    acted(patient, moved["id"], "cancel", reason="I am travelling")
    seen = done(patient.get(f"/referrals/{accepted}"))
    assert (seen["status"], seen["reason_code"], seen["appointment"]) == (
        "accepted",
        "called_off",
        None,
    )
    assert seen["history"][-1]["note"] == "I am travelling"
    assert open_items(clinic.patient.id) == ["referral_scheduling"]
    assert told(clinic.patient.id)[2:] == [
        "appointment_booked",
        "appointment_booked",
        "appointment_cancelled",
    ]
    kept_promise()


def test_an_earlier_time_is_taken_for_a_referral(
    patient: Caller, specialist: Caller, accepted: str, mine: str
) -> None:
    acted(patient, mine, "earlier")
    [earlier] = open_slots(specialist, at_ten(2))
    drain()
    [offer] = patient.get("/appointments/offers").json["items"]
    assert accept(patient, offer, earlier).status_code == 200
    drain()
    assert load(accepted).appointment_at == at_ten(2)
    kept_promise()


def test_the_patient_is_reminded(clinic: SmallClinic, mine: str) -> None:
    soon = utcnow() + timedelta(minutes=118)
    set_row(appointment(mine), starts_at=soon, next_reminder_at=utcnow() - timedelta(minutes=3))
    assert schedule.remind_of_appointments() == 1
    drain()
    assert told(clinic.patient.id)[-1] == "appointment_in_two_hours"


def test_a_missed_appointment_is_one_item_of_who_arranges(
    clinic: SmallClinic, specialist: Caller, clerk: Caller, accepted: str, mine: str
) -> None:
    began(mine)
    change(accepted, appointment_at=appointment(mine).starts_at)
    acted(specialist, mine, "no-show", reason="Called: the car broke down")
    seen = done(clerk.get(f"/referrals/{accepted}"))
    assert (seen["status"], seen["no_shows"], seen["appointment"]) == ("no_show", 1, None)
    assert seen["history"][-1]["note"] == "Called: the car broke down"
    assert open_items(clinic.patient.id) == ["referral_no_show"]
    assert [one["kind"] for one in clerk.get("/worklist").json["items"]] == ["referral_no_show"]
    assert told(clinic.patient.id)[-1] == "referral_no_show"
    kept_promise()


@pytest.mark.parametrize(("call", "becomes"), [("attended", "attended"), ("no-show", "no_show")])
def test_what_is_said_of_the_referral_is_said_of_its_time(
    clinic: SmallClinic, clerk: Caller, accepted: str, mine: str, call: str, becomes: str
) -> None:
    began(mine)
    change(accepted, appointment_at=appointment(mine).starts_at)
    step(clerk, accepted, call)
    assert (load(accepted).status, appointment(mine).status) == (becomes, becomes)
    assert len(open_items(clinic.patient.id)) == 1
    kept_promise()


def test_a_note_before_the_time_frees_it(
    specialist: Caller, patient: Caller, accepted: str, mine: str, times: list[UUID]
) -> None:
    step(specialist, accepted, "note", text="Seen on the ward.")
    assert (appointment(mine).status, appointment(mine).reason_code) == ("cancelled", "not_needed")
    assert str(times[1]) in free(patient)
    kept_promise()


def test_nobody_says_what_came_of_it_and_its_practitioner_is_asked_once(
    clinic: SmallClinic, specialist: Caller, accepted: str, mine: str
) -> None:
    began(mine, 60)
    change(accepted, appointment_at=appointment(mine).starts_at)
    assert schedule.find_without_outcome() == 1
    assert schedule.watch_referrals() == 0
    drain()
    assert open_items(clinic.patient.id) == ["appointment_outcome"]
    [item] = specialist.get("/worklist?kind=appointment_outcome").json["items"]
    assert item["link"] == f"/api/v1/appointments/{mine}"
    kept_promise()
    acted(specialist, mine, "attended")
    assert load(accepted).status == "attended"
    assert open_items(clinic.patient.id) == ["referral_note_missing"]
    kept_promise()


def test_nothing_stays_booked_for_a_referral_that_ends(
    clinic: SmallClinic, patient: Caller, physician: Caller, accepted: str, mine: str
) -> None:
    done(patient.post(f"/referrals/{accepted}/cancel", {"reason": "I feel well"}))
    ended = appointment(mine)
    assert (ended.status, ended.reason_code) == ("cancelled", "not_needed")
    drain()
    assert told(clinic.patient.id)[-1] == "appointment_booked"  # who cancelled need not be told
    kept_promise()


def test_nothing_stays_booked_for_a_referral_that_expires(
    clinic: SmallClinic, clerk: Caller, accepted: str, mine: str
) -> None:
    change(accepted, expires_at=utcnow() - timedelta(minutes=1))
    assert schedule.watch_referrals() >= 1
    assert (load(accepted).status, appointment(mine).status) == ("expired", "cancelled")
    drain()
    assert told(clinic.patient.id)[-1] == "referral_expired"
    kept_promise()


def test_what_is_arranged_elsewhere_frees_the_time(
    clinic: SmallClinic, clerk: Caller, patient: Caller, accepted: str, mine: str, times: list[UUID]
) -> None:
    step(clerk, accepted, "appointment", starts_at=in_days(6), place="Harbor Heart")
    assert appointment(mine).status == "cancelled"
    assert load(accepted).appointment_id is None
    assert told(clinic.patient.id)[-1] == "referral_scheduled"
    kept_promise()
    again = booked(clerk, times[1], **about(accepted))
    drain()
    assert str(load(accepted).appointment_id) == again
    kept_promise()


def test_called_off_by_hand_or_with_the_time_withdrawn(
    clinic: SmallClinic,
    clerk: Caller,
    specialist: Caller,
    patient: Caller,
    accepted: str,
    mine: str,
    times: list[UUID],
) -> None:
    step(clerk, accepted, "appointment/cancel", reason="The specialist is ill")
    assert (appointment(mine).status, load(accepted).status) == ("cancelled", "accepted")
    again = booked(clerk, times[1], **about(accepted))
    drain()
    assert specialist.post(f"/slots/{times[1]}/withdraw", {}).status_code == 200
    drain()
    assert (appointment(again).status, load(accepted).reason_code) == (
        "cancelled",
        "slot_withdrawn",
    )
    [offer] = patient.get("/appointments/offers").json["items"]
    assert [slot["id"] for slot in offer["slots"]] == [str(times[0]), str(times[2])]
    assert open_items(clinic.patient.id) == ["referral_scheduling"]
    kept_promise()


def test_only_times_of_whom_the_patient_was_referred_to(
    clinic: SmallClinic, physician: Caller, clerk: Caller, accepted: str
) -> None:
    [other] = open_slots(physician, at_ten(3))
    refused = book(clerk, other, **about(accepted))
    assert (refused.status_code, refused.json["code"]) == (422, "slot_unusable")
    assert [error["pointer"] for error in refused.json["errors"]] == ["/slot_id"]


def test_a_specialist_elsewhere_has_no_times_here(
    clinic: SmallClinic, physician: Caller, clerk: Caller, times: list[UUID]
) -> None:
    elsewhere = refer(physician, clinic, None)
    step(clerk, elsewhere, "accept")
    refused = book(clerk, times[0], **about(elsewhere))
    assert (refused.status_code, refused.json["code"]) == (409, "time_elsewhere")
    step(clerk, elsewhere, "appointment", starts_at=in_days(6), place="Harbor Heart")
    kept_promise()


def test_a_second_time_for_the_same_is_refused(
    clerk: Caller, accepted: str, mine: str, times: list[UUID]
) -> None:
    refused = book(clerk, times[0], **about(accepted))
    assert (refused.status_code, refused.json["code"]) == (409, "not_schedulable")
    assert refused.json["appointment_id"] == mine


def test_what_waits_for_no_appointment_gets_none(
    clerk: Caller, specialist: Caller, requested: str, times: list[UUID]
) -> None:
    refused = book(clerk, times[0], **about(requested))
    assert (refused.status_code, refused.json["code"]) == (409, "not_schedulable")


def test_after_too_many_missed_the_referrer_offers_times(
    clinic: SmallClinic,
    physician: Caller,
    clerk: Caller,
    patient: Caller,
    accepted: str,
    mine: str,
    times: list[UUID],
) -> None:
    change(accepted, no_shows=1)
    began(mine)
    change(accepted, appointment_at=appointment(mine).starts_at)
    step(clerk, accepted, "no-show", reason_code="forgot")
    for refused in (
        book(clerk, times[0], **about(accepted)),
        book(patient, times[0], **about(accepted)),
        clerk.post("/appointments/offers", {**about(accepted), "slot_ids": [str(times[0])]}),
    ):
        assert (refused.status_code, refused.json["code"]) == (403, "referral_not_yours")
    offer = offered(physician, accepted, times[2])
    assert accept(patient, offer, times[2]).status_code == 200
    drain()
    assert load(accepted).status == "scheduled"
    kept_promise()


def test_an_authorization_is_kept_to(
    clinic: SmallClinic,
    clerk: Caller,
    cardiologist: Practitioner,
    accepted: str,
    times: list[UUID],
) -> None:
    first, last = str(at_ten(4).date()), str(at_ten(6).date())
    step(clerk, accepted, "authorization", authorization={"valid_from": first, "valid_until": last})
    early = book(clerk, times[0], **about(accepted))
    assert (early.status_code, early.json["code"]) == (422, "slot_unusable")
    booked(clerk, times[2], **about(accepted))
    drain()
    assert open_kinds(accepted) == ["referral_authorization"]
    assert rows(Appointment, status="booked")
    assert cardiologist.active
    kept_promise()
