"""Appointments as calendar files: read back by the library that calendars use."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from portal.appointments.calendar_file import calendar_of
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
    assert one["dtend"].dt - start == timedelta(minutes=30)
    assert (one["summary"], one["status"], one["sequence"]) == ("Appointment", "CONFIRMED", 0)
    assert clinic.clinic.name in one["location"]
    assert clinic.clinic.phone in one["description"]
    assert event(physician, appointment)["uid"] == one["uid"]


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


# Both changes of the clock, north and south, by an hour and by half of one, and none.
CHANGES = {
    "America/New_York": ("2026-03-08T07:00Z", "2026-11-01T06:00Z"),
    "Europe/Berlin": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "Australia/Sydney": ("2026-04-04T16:00Z", "2026-10-03T16:00Z"),
    "Australia/Lord_Howe": ("2026-04-04T15:00Z", "2026-10-03T15:30Z"),
    "Asia/Kolkata": ("2026-03-08T07:00Z", "2026-11-01T06:00Z"),
}


@pytest.mark.parametrize("zone", CHANGES)
@given(
    change=st.sampled_from([0, 1]),
    before=st.integers(-180, 180),
    minutes=st.integers(1, 240),
)
@settings(max_examples=40)
def test_over_both_changes_of_the_clock(zone: str, change: int, before: int, minutes: int) -> None:
    at = datetime.fromisoformat(CHANGES[zone][change])
    start = at - timedelta(minutes=before)
    end = start + timedelta(minutes=minutes)
    row = SimpleNamespace(
        **dict.fromkeys(("phone", "state", "postal_code", "place_name", "line", "city"), "x"),
        time_zone=zone,
        status="booked",
        calendar_uid=uuid4(),
        sequence=0,
        ended_at=None,
        booked_at=start,
        starts_at=start.astimezone(ZoneInfo(zone)),
        ends_at=end.astimezone(ZoneInfo(zone)),
    )
    read: Any
    [read] = Calendar.from_ical(calendar_of([row], at)).walk("VEVENT")
    begins, ends = (read[name].dt.astimezone(UTC) for name in ("dtstart", "dtend"))
    assert (begins, ends) == (start, end)
    assert begins < ends


@pytest.mark.parametrize("zone", [zone for zone in CHANGES if zone != "Asia/Kolkata"])
def test_the_changes_are_changes(zone: str) -> None:
    for at in CHANGES[zone]:
        moment, before = datetime.fromisoformat(at), timedelta(minutes=1)
        there = ZoneInfo(zone)
        offsets = [one.astimezone(there).utcoffset() for one in (moment - before, moment)]
        assert offsets[0] != offsets[1]
