"""Opening hours: read as people write them, and reckoned with where the pharmacy is."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from portal.directory.hours import calendar_of, read_hours
from portal.directory.model import Pharmacy
from portal.refills.rules import expected_by
from portal.refills.states import RefillStatus
from tests.support.clinic import ZONE


@pytest.mark.parametrize(
    ("written", "opening"),
    [
        ("Mon-Fri 9-18", {str(day): ["09:00", "18:00"] for day in range(5)}),
        ("Sat 9:30-13", {"5": ["09:30", "13:00"]}),
        ("Mon 9-18, Sat 9-13", {"0": ["09:00", "18:00"], "5": ["09:00", "13:00"]}),
        ("Fri-Mon 9-18", None),
        ("Mon-Fri 18-9", None),
        ("Mon-Fri 9-25", None),
        ("around the clock", None),
        ("Mon-Fri 9-18, closed on holidays", None),
        ("", None),
    ],
)
def test_hours_are_read_as_they_are_mostly_written(written: str, opening: Any) -> None:
    assert read_hours(written) == opening
    assert Pharmacy(hours=written).opening == opening


def test_a_step_is_never_late_because_the_pharmacy_is_closed() -> None:
    """Asked for twenty minutes before it closes on a Saturday: it is due on Monday at 12:40."""
    calendar = calendar_of(read_hours("Mon-Fri 9-18, Sat 9-13"), ZONE)
    saturday = datetime(2026, 3, 7, 17, 40, tzinfo=UTC)  # 12:40 in New York
    due = expected_by(RefillStatus.SENDING, saturday, calendar=calendar)
    # On Sunday the clocks change: 16:40 UTC is 12:40 in New York then.
    assert due == datetime(2026, 3, 9, 16, 40, tzinfo=UTC)
    for status in (RefillStatus.WITH_PHARMACY, RefillStatus.PREPARING):
        late = expected_by(status, saturday, calendar=calendar)
        assert late is not None
        assert calendar.is_open(late)
        assert late > due


def test_within_the_hours_and_without_any_nothing_changes() -> None:
    monday = datetime(2026, 3, 9, 15, 0, tzinfo=UTC)
    for opening in (read_hours("Mon-Fri 9-18"), None):
        calendar = calendar_of(opening, ZONE)
        due = expected_by(RefillStatus.SENDING, monday, calendar=calendar)
        assert due == datetime(2026, 3, 9, 19, 0, tzinfo=UTC)


def test_a_day_counts_to_its_end_where_the_pharmacy_is() -> None:
    calendar = calendar_of(None, "Pacific/Honolulu")
    now = datetime(2026, 3, 9, 15, 0, tzinfo=UTC)
    due = expected_by(RefillStatus.ON_HOLD, now, calendar=calendar, expected_on=date(2026, 3, 10))
    assert due is not None
    assert due.astimezone(UTC).isoformat()[:16] == "2026-03-11T09:59"
