"""Times: DT, TM, TS and DTM (HL7 v2.5.1, 2.A.21, 2.A.75, 2.A.77)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import IntEnum
from functools import lru_cache

from portal.hl7v2.errors import Unreadable

_STAMP = re.compile(
    "([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})"
    r"(?:([0-9]{2})(?:\.([0-9]{1,6}))?)?)?)?)?)?([+-][0-9]{4})?"
)
_CLOCK = re.compile(r"([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.([0-9]{1,6}))?)?)?([+-][0-9]{4})?")
# What some systems send for "no time".
_NO_TIME = re.compile("0+")
_LONGEST = len("YYYYMMDDHHMMSS.ffffff+HHMM")
_NOT_A_TIME = "Not a time as YYYYMMDDHHMMSS with an offset as +HHMM."
_FURTHEST_ZONE = timedelta(hours=14)
# A person's or a sample's time outside of these is a slip, whatever a calendar says.
_YEARS = range(1800, 2200)


class Precision(IntEnum):
    YEAR = 4
    MONTH = 6
    DAY = 8
    HOUR = 10
    MINUTE = 12
    SECOND = 14


@dataclass(frozen=True, slots=True)
class Moment:
    """A time with its zone, and how precisely it was given; what was not given is the earliest."""

    value: datetime
    precision: Precision

    @property
    def text(self) -> str:
        """As ISO 8601 writes it, as far as it was given."""
        ends = {Precision.YEAR: 4, Precision.MONTH: 7, Precision.DAY: 10}
        if self.precision in ends:
            return self.value.date().isoformat()[: ends[self.precision]]
        seconds = "seconds" if self.precision is Precision.SECOND else "minutes"
        return self.value.isoformat(timespec=seconds)


def _zone(text: str | None, default: tzinfo) -> tzinfo:
    if not text:
        return default
    hours, minutes = int(text[1:3]), int(text[3:5])
    offset = timedelta(hours=hours, minutes=minutes)
    if minutes >= 60 or offset > _FURTHEST_ZONE:
        raise Unreadable("No such time zone offset.")
    if not offset:
        return UTC
    return timezone(-offset if text[0] == "-" else offset)


def _microseconds(fraction: str | None) -> int:
    return int(fraction.ljust(6, "0")) if fraction else 0


def moment(text: str, zone: tzinfo) -> Moment | None:
    """A TS or DTM; None for an empty one, or one of zeros. `zone` is where it was written.

    Raises Unreadable for what is no time, or one that doesn't exist.
    """
    if not text or _NO_TIME.fullmatch(text):
        return None
    if len(text) > _LONGEST:
        raise Unreadable(_NOT_A_TIME)
    return _moment(text, zone)


# One message gives the same time again and again.
@lru_cache(maxsize=1024)
def _moment(text: str, zone: tzinfo) -> Moment:
    found = _STAMP.fullmatch(text)
    if not found:
        raise Unreadable(_NOT_A_TIME)
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if int(year) not in _YEARS:
        raise Unreadable("No such time.")
    try:
        value = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            _microseconds(fraction),
            _zone(offset, zone),
        )
    except Unreadable:
        raise
    except ValueError:
        raise Unreadable("No such time.") from None
    given = sum(1 for one in (month, day, hour, minute, second) if one)
    return Moment(value, Precision(4 + 2 * given))


def day(text: str) -> date | None:
    """The day of a DT, or of a TS in the sender's own words; None where no day was given.

    Raises Unreadable for what is no time.
    """
    found = moment(text, UTC)
    if found is None or found.precision < Precision.DAY:
        return None
    return found.value.date()


def clock(text: str) -> str:
    """A TM as ISO 8601 writes it. Raises Unreadable for what is none."""
    found = _CLOCK.fullmatch(text)
    if not found:
        raise Unreadable("Not a time as HHMMSS.")
    hour, minute, second, fraction, offset = found.groups()
    _zone(offset, UTC)
    try:
        value = time(int(hour), int(minute or 0), int(second or 0), _microseconds(fraction))
    except ValueError:
        raise Unreadable("No such time.") from None
    zone = f"{offset[:3]}:{offset[3:]}" if offset else ""
    return value.isoformat(timespec="seconds" if second else "minutes") + zone


def stamp(moment: datetime) -> str:
    """A time as a message gives it, to the second, with its offset."""
    return moment.strftime("%Y%m%d%H%M%S%z")
