"""Business hours and who answers for somebody who is away: pure decisions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A clinic's opening hours by weekday (0 = Monday), local time, and the days it is closed."""

    zone: ZoneInfo
    hours: Mapping[int, tuple[time, time]]
    closures: frozenset[date] = frozenset()

    @property
    def time_zone(self) -> str:
        return self.zone.key

    def add_business(self, start: datetime, hours: float) -> datetime:
        """When `hours` of opening time have passed since `start`; UTC in, UTC out.

        Hours are hours that pass: a day on which clocks change is an hour shorter or longer for
        a clinic that is open meanwhile. A start outside the hours counts from the next opening.
        A clinic without hours counts as always open: a due time must not be lost over that.
        """
        left = timedelta(hours=hours)
        if left < timedelta(0):
            raise ValueError("business hours are added, not taken away")
        for opens, closes in self._windows(start):
            begin = max(start, opens)
            if begin < closes:
                if left <= closes - begin:
                    return (begin + left).astimezone(UTC)
                left -= closes - begin
        return (start + left).astimezone(UTC)

    def is_open(self, moment: datetime) -> bool:
        """Whether the clinic is open; at its closing time it still is."""
        if not any(opens < closes for opens, closes in self.hours.values()):
            return True
        opens, closes = next(self._windows(moment))
        return opens <= moment <= closes

    def _windows(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The opening hours from the local day of `start` on, in UTC, without an end."""
        if not any(opens < closes for opens, closes in self.hours.values()):
            return
        day = start.astimezone(self.zone).date()
        while True:
            if day.weekday() in self.hours and day not in self.closures:
                opens, closes = self.hours[day.weekday()]
                yield self._moment(day, opens), self._moment(day, closes)
            day += DAY

    def _moment(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, tzinfo=self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class CoverageStep:
    """One practitioner on the way from who is responsible to who answers."""

    practitioner_id: UUID
    name: str
    active: bool
    covered_by: UUID | None

    @property
    def answers(self) -> bool:
        return self.active and self.covered_by is None


def who_answers(chain: Sequence[CoverageStep]) -> UUID | None:
    """The first of the chain who is there; None when it ends in a circle or with nobody."""
    return next((step.practitioner_id for step in chain if step.answers), None)
