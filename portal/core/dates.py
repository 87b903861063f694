"""Dates and times from outside: each says what it is about, and has bounds that follow from that.

The bounds here are the widest that can be meant, on whichever side of the date line somebody is;
what hangs on the thing itself (not before its request, not after it expires, not in the future by a
local day) its use case checks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from marshmallow import ValidationError, fields

from portal.core.clock import utcnow

DAY = timedelta(days=1)
YEAR = timedelta(days=366)
# Local days begin up to fourteen hours before, and end up to twelve hours after, those of UTC.
EASTERNMOST, WESTERNMOST = timedelta(hours=14), timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Bounds:
    """From how long ago to how far ahead of now a date may lie, and what it is about."""

    about: str
    back: timedelta
    ahead: timedelta

    def days(self, now: datetime) -> tuple[date, date]:
        """The first and the last day that may be named, wherever somebody is."""
        first = (now - WESTERNMOST - self.back).date()
        return first, (now + EASTERNMOST + self.ahead).date()

    def moments(self, now: datetime) -> tuple[datetime, datetime]:
        return now - self.back, now + self.ahead

    def example(self, now: datetime) -> datetime:
        """One that may be named, at a full hour: to come in a week, where it may lie ahead."""
        week = 7 * DAY
        moment = now + week if self.ahead > week else now - min(self.back, week)
        return moment.replace(minute=0, second=0, microsecond=0)


NONE = timedelta(0)
# Clocks differ; the use case has the exact bound.
DRIFT = DAY
LIFETIME = 130 * YEAR

BIRTH = Bounds("a birth date", LIFETIME, NONE)
OF_THE_PAST = Bounds("what happened to somebody", LIFETIME, NONE)
MEASURED = Bounds("what was measured", LIFETIME, DRIFT)
JUST_HAPPENED = Bounds("what is reported", 2 * YEAR, DRIFT)
PLANNED = Bounds("what is planned", YEAR, 3 * YEAR)
DUE = Bounds("what is to come", DAY, 3 * YEAR)
WITHIN_A_YEAR = Bounds("what is allowed or held for a while", DAY, YEAR)
PERIOD = Bounds("a period", 2 * YEAR, 30 * YEAR)
LOOKED_FOR = Bounds("what is looked for", LIFETIME, 30 * YEAR)


def _check(value: Any, first: Any, last: Any, about: str) -> None:
    try:
        fits = first <= value <= last
    except OverflowError:
        fits = False
    if not fits:
        words = f"{first.isoformat()[:16]} and {last.isoformat()[:16]}"
        raise ValidationError(f"Not a plausible time of {about}: between {words}.")


def _with_example(options: Mapping[str, Any], example: date) -> dict[str, Any]:
    """The options of a field, with an example that is within its bounds on the day it is read; what
    may be left out needs none."""
    if options.get("allow_none"):
        return dict(options)
    metadata = {"example": example.isoformat(), **options.get("metadata", {})}
    return {**options, "metadata": metadata}


class BoundedDay(fields.Date):
    """A day (ISO 8601) within its bounds."""

    def __init__(self, bounds: Bounds, **options: Any) -> None:
        super().__init__(**_with_example(options, bounds.example(utcnow()).date()))
        self.bounds = bounds

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        day = super()._deserialize(value, attr, data, **kwargs)
        _check(day, *self.bounds.days(utcnow()), self.bounds.about)
        return day


class BoundedMoment(fields.AwareDateTime):
    """A time with its zone (RFC 3339) within its bounds."""

    def __init__(self, bounds: Bounds, **options: Any) -> None:
        super().__init__(**_with_example(options, bounds.example(utcnow())))
        self.bounds = bounds

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        moment = super()._deserialize(value, attr, data, **kwargs)
        _check(moment, *self.bounds.moments(utcnow()), self.bounds.about)
        return moment


def day_field(bounds: Bounds, **options: Any) -> BoundedDay:
    """A day of what the bounds are about."""
    return BoundedDay(bounds, **options)


def time_field(bounds: Bounds, **options: Any) -> BoundedMoment:
    """A time of what the bounds are about."""
    return BoundedMoment(bounds, **options)
