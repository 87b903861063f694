"""Business hours: never outside the opening hours, never backwards, whatever the clocks do."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.directory.rules import Calendar

NEW_YORK = ZoneInfo("America/New_York")
WEEKDAYS = {day: (time(8), time(17)) for day in range(5)}
OFFICE = Calendar(NEW_YORK, WEEKDAYS)
NIGHT = Calendar(NEW_YORK, {day: (time(0), time(23, 59)) for day in range(7)})

# In 2026 the clocks of New York go forward on 8 March and back on 1 November.
starts = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001 - the zone is given apart
    datetime(2027, 1, 1),  # noqa: DTZ001 - the zone is given apart
    timezones=st.just(UTC),
)
hours = st.floats(0, 200, allow_nan=False)
openings = st.tuples(
    st.builds(time, st.integers(0, 11), st.integers(0, 59)),
    st.builds(time, st.integers(12, 23), st.integers(0, 59)),
)
weeks = st.dictionaries(st.integers(0, 6), openings, min_size=1)
closures = st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=30)
zones = st.sampled_from(
    ["America/New_York", "America/Phoenix", "Asia/Kolkata", "Australia/Lord_Howe"]
)
calendars = st.builds(Calendar, zones.map(ZoneInfo), weeks, closures)


def local(text: str, zone: ZoneInfo = NEW_YORK) -> datetime:
    """A local time, as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@given(calendars, starts, st.floats(0.001, 40, allow_nan=False))
def test_the_end_is_within_opening_hours(calendar: Calendar, start: datetime, added: float) -> None:
    end = calendar.add_business(start, added)
    assert end >= start
    assert end.tzinfo is UTC
    assert calendar.is_open(end)
    there = end.astimezone(calendar.zone)
    assert there.weekday() in calendar.hours
    assert there.date() not in calendar.closures


@given(calendars, starts, hours, hours)
def test_more_hours_are_never_earlier(
    calendar: Calendar, start: datetime, few: float, more: float
) -> None:
    least, most = sorted((few / 5, more / 5))
    assert calendar.add_business(start, least) <= calendar.add_business(start, most)


@given(calendars, starts, st.timedeltas(timedelta(0), timedelta(days=9)), st.floats(0, 40))
def test_a_later_start_is_never_an_earlier_end(
    calendar: Calendar, start: datetime, later: timedelta, added: float
) -> None:
    assert calendar.add_business(start, added) <= calendar.add_business(start + later, added)


@given(calendars, starts, st.integers(1, 20), st.integers(1, 20))
def test_in_two_steps_it_is_as_in_one(
    calendar: Calendar, start: datetime, first: int, second: int
) -> None:
    between = calendar.add_business(start, first)
    assert calendar.add_business(between, second) == calendar.add_business(start, first + second)


@given(starts, hours)
def test_without_hours_a_clinic_counts_as_always_open(start: datetime, added: float) -> None:
    for nothing in ({}, {0: (time(9), time(9))}):
        calendar = Calendar(NEW_YORK, nothing)
        assert calendar.add_business(start, added) == start + timedelta(hours=added)
        assert calendar.is_open(start)


@pytest.mark.parametrize(
    ("start", "added", "end"),
    [
        ("2026-03-04 11:00", 2, "2026-03-04 13:00"),
        ("2026-03-04 16:00", 2, "2026-03-05 09:00"),
        ("2026-03-04 06:00", 1, "2026-03-04 09:00"),
        ("2026-03-04 20:00", 1, "2026-03-05 09:00"),
        ("2026-03-04 16:00", 1, "2026-03-04 17:00"),  # just in time
        ("2026-03-04 16:00", 18, "2026-03-06 16:00"),
        ("2026-03-07 12:00", 0.5, "2026-03-09 08:30"),  # a Saturday, before the clocks go forward
        ("2026-03-06 16:30", 1, "2026-03-09 08:30"),  # a Friday, before the clocks go forward
        ("2026-10-30 16:30", 1, "2026-11-02 08:30"),  # a Friday, before the clocks go back
    ],
)
def test_at_the_office(start: str, added: float, end: str) -> None:
    assert OFFICE.add_business(local(start), added) == local(end)


@pytest.mark.parametrize(
    ("start", "added", "end"),
    [
        ("2026-03-08 01:00", 1, "2026-03-08 03:00"),  # there is no two o'clock
        ("2026-03-08 00:00", 4, "2026-03-08 05:00"),
        ("2026-11-01 00:00", 4, "2026-11-01 03:00"),  # one o'clock comes twice
    ],
)
def test_through_the_night_hours_are_hours_that_pass(start: str, added: float, end: str) -> None:
    assert NIGHT.add_business(local(start), added) == local(end)


def test_closed_days_are_passed_over() -> None:
    closed = frozenset({date(2026, 3, 5), date(2026, 3, 6)})
    calendar = Calendar(NEW_YORK, WEEKDAYS, closed)
    assert calendar.add_business(local("2026-03-04 16:30"), 1) == local("2026-03-09 08:30")
    assert calendar.add_business(local("2026-03-05 10:00"), 1) == local("2026-03-09 09:00")
    assert not calendar.is_open(local("2026-03-05 10:00"))


def test_hours_are_not_taken_away() -> None:
    with pytest.raises(ValueError, match="taken away"):
        OFFICE.add_business(local("2026-03-04 10:00"), -1)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-03-04 07:59", False),
        ("2026-03-04 08:00", True),
        ("2026-03-04 17:00", True),
        ("2026-03-04 17:01", False),
        ("2026-03-07 12:00", False),
    ],
)
def test_when_the_office_is_open(moment: str, is_open: bool) -> None:
    assert OFFICE.is_open(local(moment)) is is_open
