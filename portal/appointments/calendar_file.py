"""Appointments as iCalendar (RFC 5545): when and where, and not what for.

A calendar is shown to families and colleagues: no diagnosis, no test, no name of a person.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from icalendar import Calendar, Event

from portal.appointments.states import AppointmentStatus

CONTENT_TYPE = "text/calendar"
PRODUCT = "-//Careloop//Appointments//EN"
TITLE = "Appointment"


def calendar_of(appointments: Iterable[Any], now: datetime) -> bytes:
    """A calendar of appointments; each keeps its UID, and a change raises its SEQUENCE."""
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("method", "PUBLISH")
    for row in appointments:
        calendar.add_component(_event(row, now))
    content: bytes = calendar.to_ical()
    return content


def _event(row: Any, now: datetime) -> Event:
    cancelled = row.status == AppointmentStatus.CANCELLED
    event = Event()
    event.add("uid", f"{row.calendar_uid}@careloop")
    event.add("sequence", row.sequence)
    event.add("dtstamp", now)
    event.add("last-modified", row.ended_at or row.booked_at)
    # In UTC (RFC 5545, 3.3.5): a local time can't say which of the hour that autumn repeats it is,
    # and calendars show everything by the clock of who looks.
    event.add("dtstart", row.starts_at.astimezone(UTC))
    event.add("dtend", row.ends_at.astimezone(UTC))
    event.add("summary", TITLE)
    event.add("location", ", ".join(_where(row)))
    event.add("description", f"To change it, sign in to Careloop or call {row.phone}.")
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("class", "PRIVATE")
    return event


def _where(row: Any) -> list[str]:
    region = " ".join(part for part in (row.state, row.postal_code) if part)
    return [part for part in (row.place_name, row.line, row.city, region) if part]
