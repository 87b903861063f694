"""Time. Use cases are handed `now`; only the edges (routes, tasks, commands) read this clock."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def utcnow() -> datetime:
    return datetime.now(UTC)


def spoken_time(at: datetime, time_zone: str) -> str:
    """A time in words, by the clock of a place: true whenever it is read."""
    return f"{at.astimezone(ZoneInfo(time_zone)):%A, %B %-d, %Y, %H:%M %Z}"


def local_day(moment: datetime, time_zone: str) -> date:
    """The calendar day of `moment` for somebody in `time_zone` (an IANA name)."""
    return moment.astimezone(ZoneInfo(time_zone)).date()
