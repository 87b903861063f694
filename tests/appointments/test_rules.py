"""Pure decisions: what fits, what overlaps, when people are reminded and asked."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.appointments import rules
from portal.appointments.rules import Needs, Span
from portal.core.clock import spoken_time
from portal.notifications.states import NotificationEvent as E

NEW_YORK = "America/New_York"
NOW = datetime(2026, 3, 4, 16, tzinfo=UTC)


HIM, HER = UUID(int=1), UUID(int=2)


@dataclass
class Times:
    starts_at: datetime
    ends_at: datetime
    service_type: str = "CT"
    practitioner_id: UUID | None = HIM


def times(start: datetime, minutes: int = 30) -> Times:
    return Times(start, start + timedelta(minutes=minutes))


def local(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    there = ZoneInfo(NEW_YORK)
    return datetime(year, month, day, hour, minute, tzinfo=there).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "minutes", "needs", "word"),
    [
        (NOW + timedelta(days=1), 30, Needs(uuid4(), "CT", 30), None),
        (NOW + timedelta(days=1), 30, Needs(uuid4()), None),
        (NOW, 30, Needs(uuid4()), "over"),
        (NOW + timedelta(days=1), 30, Needs(uuid4(), "MR"), "time for CT"),
        (NOW + timedelta(days=1), 29, Needs(uuid4(), "CT", 30), "too short"),
        (NOW + timedelta(days=1), 30, Needs(uuid4(), practitioner_ids=[HER, HIM]), None),
        (NOW + timedelta(days=1), 30, Needs(uuid4(), practitioner_ids=[HER]), "somebody else"),
        # Ten in the evening of the sixth in New York is the seventh in UTC.
        (local(2026, 3, 6, 22), 30, Needs(uuid4(), "CT", 0, date(2026, 3, 7)), "before"),
        (local(2026, 3, 7, 0), 30, Needs(uuid4(), "CT", 0, date(2026, 3, 7)), None),
    ],
)
def test_what_fits(start: datetime, minutes: int, needs: Needs, word: str | None) -> None:
    problem = rules.misfit(times(start, minutes), needs, NEW_YORK, NOW)
    assert (problem is None) if word is None else (problem is not None and word in problem)


@pytest.mark.parametrize(
    ("start", "minutes", "where"),
    [
        (timedelta(hours=1), 30, None),
        (timedelta(hours=1), 0, "/slots/0/ends_at"),
        (timedelta(hours=1), 13 * 60, "/slots/0/ends_at"),
        (timedelta(0), 30, "/slots/0/starts_at"),
        (timedelta(days=800), 30, "/slots/0/starts_at"),
    ],
)
def test_times_that_nobody_means(start: timedelta, minutes: int, where: str | None) -> None:
    wrong = [error.pointer for error in rules.wrong_times([times(NOW + start, minutes)], NOW)]
    assert wrong == ([] if where is None else [where])


_HOURS = st.integers(0, 20)


@given(st.lists(st.tuples(st.sampled_from("AB"), _HOURS, st.integers(1, 6)), max_size=8))
def test_an_overlap_is_named_exactly_when_there_is_one(wanted: list[tuple[str, int, int]]) -> None:
    spans = [
        Span(room, NOW + timedelta(hours=begin), NOW + timedelta(hours=begin + long), number)
        for number, (room, begin, long) in enumerate(wanted)
    ]
    clash = any(
        one.resource == other.resource
        and one.starts_at < other.ends_at
        and other.starts_at < one.ends_at
        for one in spans
        for other in spans
        if one.number < other.number
    )
    assert bool(list(rules.overlaps(spans))) == clash


def test_two_days_before_is_by_the_clock_of_the_place() -> None:
    """Clocks go forward on 8 March and back on 1 November 2026."""
    for start, expected in (
        (local(2026, 3, 4, 10), local(2026, 3, 2, 10)),
        (local(2026, 3, 9, 10), local(2026, 3, 7, 10)),
        (local(2026, 11, 2, 10), local(2026, 10, 31, 10)),
    ):
        (days, _), (hours, _) = rules.reminders(start, NEW_YORK)
        assert days == expected
        assert start - hours == timedelta(hours=2)
    over_the_change = local(2026, 3, 9, 10) - rules.reminders(local(2026, 3, 9, 10), NEW_YORK)[0][0]
    assert over_the_change == timedelta(hours=47)
    # Half past two does not exist two days after this one: the hour before the change counts on.
    assert rules.reminders(local(2026, 3, 10, 2, 30), NEW_YORK)[0][0] == local(2026, 3, 8, 3, 30)


def test_one_reminder_each_and_only_the_last_of_what_was_missed() -> None:
    start = local(2026, 3, 20, 10)
    first, second = (at for at, _ in rules.reminders(start, NEW_YORK))
    assert rules.next_reminder(start, NEW_YORK, NOW) == first
    assert rules.next_reminder(start, NEW_YORK, first) == second
    assert rules.next_reminder(start, NEW_YORK, second) is None
    assert rules.reminder_due(start, NEW_YORK, first, first) == E.APPOINTMENT_IN_TWO_DAYS
    assert rules.reminder_due(start, NEW_YORK, first, second) == E.APPOINTMENT_IN_TWO_HOURS
    assert rules.reminder_due(start, NEW_YORK, second, second) == E.APPOINTMENT_IN_TWO_HOURS
    assert rules.reminder_due(start, NEW_YORK, first, start) is None


@pytest.mark.parametrize(
    ("now", "start", "until"),
    [
        (local(2026, 3, 4, 9), local(2026, 3, 9, 9), local(2026, 3, 4, 13)),
        (local(2026, 3, 4, 21), local(2026, 3, 9, 9), local(2026, 3, 5, 12)),
        (local(2026, 3, 4, 3), local(2026, 3, 9, 9), local(2026, 3, 4, 12)),
        # It begins in the afternoon: until four hours before.
        (local(2026, 3, 4, 9), local(2026, 3, 4, 15), local(2026, 3, 4, 11)),
        (local(2026, 3, 4, 9), local(2026, 3, 4, 13, 30), None),
    ],
)
def test_until_when_an_earlier_time_is_held(
    now: datetime, start: datetime, until: datetime | None
) -> None:
    assert rules.earlier_until(start, NEW_YORK, now) == until


@pytest.mark.parametrize(
    ("late", "told"),
    [
        (timedelta(), "appointment_in_two_days"),
        (timedelta(hours=1), "appointment_in_two_days"),
        (timedelta(days=1), "appointment_coming"),
        (timedelta(hours=45), "appointment_coming"),
        (timedelta(hours=46), "appointment_in_two_hours"),
        (timedelta(hours=47), "appointment_coming"),
        (timedelta(days=7), None),
    ],
)
def test_a_reminder_that_is_late_says_what_is_true(late: timedelta, told: str | None) -> None:
    start = local(2026, 5, 20, 14)
    planned = rules.reminders(start, NEW_YORK)[0][0]
    assert rules.reminder_due(start, NEW_YORK, planned, planned + late) == told


def test_the_time_itself_is_said() -> None:
    said = spoken_time(local(2026, 11, 1, 9), NEW_YORK)
    assert said == "Sunday, November 1, 2026, 09:00 EST"
