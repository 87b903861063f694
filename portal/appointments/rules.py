"""Whether a time fits, until when it can be changed, when people are reminded: pure decisions."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.core.clock import local_day
from portal.core.errors import FieldError
from portal.notifications.states import NotificationEvent

# Patients change and cancel by themselves until so long before; afterwards they call.
NOTICE = timedelta(hours=4)
# Nobody means a time that is longer, or so far ahead: a slip in the date.
LONGEST = timedelta(hours=12)
FURTHEST = timedelta(days=2 * 366)
OFFER_OPEN_FOR = timedelta(days=3)
LONGEST_OFFER = timedelta(days=14)
EARLIER_OPEN_FOR = timedelta(hours=4)
SHORTEST_OFFER = timedelta(hours=1)
# Nobody is asked for an answer at night.
DAY_BEGINS, DAY_ENDS = time(8), time(20)
# What a practitioner's team says by itself needs no item; business hours, once there is one.
OUTCOME_AFTER = timedelta(hours=2)
OUTCOME_HOURS = 8.0
OTHERS_OFFERED = 3
_TWO_DAYS = timedelta(days=2)
_TWO_HOURS = timedelta(hours=2)
_SOME_MINUTES = timedelta(minutes=15)
E = NotificationEvent


@dataclass(frozen=True, slots=True)
class About:
    """What an appointment is about: its kind and its id."""

    kind: str
    id: UUID


@dataclass(frozen=True, slots=True)
class Needs:
    """What an appointment has to be: for whom, for what, how long, not before which day, and with
    one of which practitioners, where it matters."""

    patient_id: UUID
    service_type: str | None = None
    minutes: int = 0
    not_before: date | None = None
    practitioner_ids: Collection[UUID] = ()


class Times(Protocol):
    """Of a slot, what tells whether it fits."""

    @property
    def practitioner_id(self) -> UUID | None: ...
    @property
    def service_type(self) -> str: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...


class NewTimes(Protocol):
    """Of a slot to be opened, its times."""

    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...


def misfit(slot: Times, needs: Needs, time_zone: str, now: datetime) -> str | None:
    """Why a slot can't be booked for this; None where it fits."""
    first = needs.not_before
    if slot.starts_at <= now:
        return "This time is over: choose a later one."
    if needs.practitioner_ids and slot.practitioner_id not in needs.practitioner_ids:
        return "This is somebody else's time: choose one of whom the patient is to see."
    if needs.service_type not in (None, slot.service_type):
        return f"This is a time for {slot.service_type}; {needs.service_type} is needed."
    if first is not None and local_day(slot.starts_at, time_zone) < first:
        return f"This must not be done before {first.isoformat()}: choose a later time."
    if slot.ends_at - slot.starts_at < timedelta(minutes=needs.minutes):
        return f"This time is too short: {needs.minutes} minutes are needed."
    return None


def wrong_times(slots: Sequence[NewTimes], now: datetime) -> Iterator[FieldError]:
    """What is wrong with times that are to be opened, each by its pointer."""
    for number, slot in enumerate(slots):
        where = f"/slots/{number}"
        if slot.ends_at <= slot.starts_at:
            yield FieldError(f"{where}/ends_at", "It ends before it begins.")
        elif slot.starts_at <= now:
            yield FieldError(f"{where}/starts_at", "This time is over.")
        elif slot.ends_at - slot.starts_at > LONGEST:
            yield FieldError(f"{where}/ends_at", "It is longer than twelve hours: check the day.")
        elif slot.starts_at > now + FURTHEST:
            yield FieldError(f"{where}/starts_at", "More than two years ahead: check the year.")


@dataclass(frozen=True, slots=True)
class Span:
    """When something is used; `number` is its place in the request, -1 for what stands already."""

    resource: str
    starts_at: datetime
    ends_at: datetime
    number: int = -1


def overlaps(spans: Sequence[Span]) -> Iterator[FieldError]:
    """Which of the requested times overlap others of their room or person.

    By resource in the order of their begin: each against the latest end before it.
    """
    by_resource: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        by_resource[span.resource].append(span)
    for times in by_resource.values():
        times.sort(key=lambda one: (one.starts_at, one.ends_at, one.number))
        last = times[0]
        for span in times[1:]:
            clash = span.starts_at < last.ends_at
            if clash and (number := span.number if span.number >= 0 else last.number) >= 0:
                message = "Another time of this room or person overlaps it."
                yield FieldError(f"/slots/{number}", message)
            if span.ends_at > last.ends_at:
                last = span


def changeable_until(starts_at: datetime) -> datetime:
    """Until when a patient changes or cancels without calling."""
    return starts_at - NOTICE


def reminders(starts_at: datetime, time_zone: str) -> list[tuple[datetime, NotificationEvent]]:
    """When a patient is reminded (UTC) and of what: by the clock of the place two days before, and
    two hours before."""
    zone = ZoneInfo(time_zone)
    days_before = (starts_at.astimezone(zone) - _TWO_DAYS).replace(fold=0)
    return [
        (days_before.astimezone(UTC), NotificationEvent.APPOINTMENT_IN_TWO_DAYS),
        (starts_at - _TWO_HOURS, NotificationEvent.APPOINTMENT_IN_TWO_HOURS),
    ]


def next_reminder(starts_at: datetime, time_zone: str, now: datetime) -> datetime | None:
    """The first reminder that is still to come."""
    return next((at for at, _ in reminders(starts_at, time_zone) if at > now), None)


def reminder_due(
    starts_at: datetime, time_zone: str, planned: datetime, now: datetime
) -> NotificationEvent | None:
    """What a patient is reminded of now: the last that is due since the planned one, since one who
    waited long for the workers needs one reminder. One that comes too late to be true is only that
    there is an appointment. None once it has begun."""
    if starts_at <= now:
        return None
    due = [what for at, what in reminders(starts_at, time_zone) if planned <= at <= now]
    if not due:
        return None
    return due[-1] if _is_true(due[-1], starts_at, time_zone, now) else E.APPOINTMENT_COMING


def _is_true(
    reminder: NotificationEvent, starts_at: datetime, time_zone: str, now: datetime
) -> bool:
    if reminder == E.APPOINTMENT_IN_TWO_DAYS:
        days = local_day(starts_at, time_zone) - local_day(now, time_zone)
        return days == _TWO_DAYS
    return starts_at - now >= _TWO_HOURS - _SOME_MINUTES


def offer_until(wanted: datetime | None, last_start: datetime, now: datetime) -> datetime:
    """Until when times are held for who is offered them."""
    return min(wanted or now + OFFER_OPEN_FOR, last_start)


def earlier_until(starts_at: datetime, time_zone: str, now: datetime) -> datetime | None:
    """Until when an earlier time is held for who waits for one; None where too little is left.

    Hours of the night, by the clock of the place, don't count.
    """
    local = now.astimezone(ZoneInfo(time_zone))
    begin = now
    if not DAY_BEGINS <= local.time() < DAY_ENDS:
        day = local.date() + timedelta(days=1 if local.time() >= DAY_ENDS else 0)
        begin = datetime.combine(day, DAY_BEGINS, tzinfo=local.tzinfo).astimezone(UTC)
    until = min(begin + EARLIER_OPEN_FOR, changeable_until(starts_at))
    return until if until - now >= SHORTEST_OFFER else None
