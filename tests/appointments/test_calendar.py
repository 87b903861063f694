"""Appointments as calendar files: read back by the library that calendars use."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from icalendar import Calendar

from tests.appointments.conftest import act, booked, in_days, open_slots
from tests.requisitions.conftest import CT, order
from tests.requisitions.conftest import offer as offer_imaging
from tests.support.api import Caller
from tests.support.clinic import SmallClinic


def events(who: Caller, path: str) -> list[Any]:
    answer = who.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/calendar; charset=utf-8"
    return list(Calendar.from_ical(answer.data).walk("VEVENT"))


def event(who: Caller, appointment_id: str) -> Any:
    [found] = events(who, f"/appointments/{appointment_id}/calendar")
    return found


def test_when_and_where(
    clinic: SmallClinic, patient: Caller, physician: Caller, appointment: str
) -> None:
    one = event(patient, appointment)
    start = one["dtstart"].dt
    assert start == in_days(3)
    assert start.hour == 10, "by the clock of the clinic"
    assert str(one["dtstart"].params["TZID"]) == clinic.clinic.time_zone
    assert one["dtend"].dt - start == timedelta(minutes=30)
    assert (one["summary"], one["status"], one["sequence"]) == ("Appointment", "CONFIRMED", 0)
    assert clinic.clinic.name in one["location"]
    assert clinic.clinic.phone in one["description"]
    assert event(physician, appointment)["uid"] == one["uid"]


def test_clocks_are_said_for_the_zone(patient: Caller, appointment: str) -> None:
    answer = patient.get(f"/appointments/{appointment}/calendar")
    calendar = Calendar.from_ical(answer.data)
    [zone] = calendar.walk("VTIMEZONE")
    assert zone["tzid"] == "America/New_York"
    assert zone.walk("DAYLIGHT")
    assert zone.walk("STANDARD")
    assert len(answer.data) < 4_000


def test_it_stays_the_same_event_through_a_change_and_its_end(
    patient: Caller, physician: Caller, appointment: str
) -> None:
    first = event(patient, appointment)
    [other] = open_slots(physician, in_days(6))
    moved = act(patient, appointment, "change", slot_id=str(other)).json["id"]
    for id_ in (appointment, moved):
        second = event(patient, id_)
        assert second["uid"] == first["uid"]
        assert (second["sequence"], second["status"]) == (1, "CONFIRMED")
        assert second["dtstart"].dt == in_days(6)
    act(patient, moved, "cancel")
    last = event(patient, moved)
    assert (last["uid"], last["sequence"], last["status"]) == (first["uid"], 2, "CANCELLED")


def test_all_that_are_coming(
    patient: Caller, other_patient: Caller, physician: Caller, appointment: str
) -> None:
    slots = open_slots(physician, in_days(6), in_days(7), in_days(8))
    booked(patient, slots[0])
    act(patient, booked(patient, slots[1]), "cancel")
    booked(other_patient, slots[2])
    found = events(patient, "/appointments/calendar")
    assert [one["dtstart"].dt for one in found] == [in_days(3), in_days(6)]
    assert len({one["uid"] for one in found}) == 2
    assert physician.get("/appointments/calendar").status_code == 403


def test_it_says_nothing_of_what_for_or_for_whom(
    clinic: SmallClinic, physician: Caller, patient: Caller, radiology: Caller
) -> None:
    [scan] = order(physician, clinic, CT)
    [slot] = offer_imaging(radiology, in_days(3))
    made = booked(patient, slot, about={"kind": "requisition", "id": str(scan)})
    content = patient.get(f"/appointments/{made}/calendar").text
    unfolded = content.replace("\r\n ", "")
    for word in ("CT", "Chest", "E11.9", clinic.patient.given_name, clinic.patient.family_name):
        assert word not in unfolded.replace("DTSTAMP", ""), word
    assert "3 Mill Street" in unfolded


def test_somebody_elses_is_not_there(other_patient: Caller, appointment: str) -> None:
    assert other_patient.get(f"/appointments/{appointment}/calendar").status_code == 404
    assert other_patient.get(f"/appointments/{uuid4()}/calendar").status_code == 404
    assert events(other_patient, "/appointments/calendar") == []
