"""Time. Use cases are handed `now`; only the edges (routes, tasks, commands) read this clock."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def utcnow() -> datetime:
    return datetime.now(UTC)


def local_day(moment: datetime, time_zone: str) -> date:
    """The calendar day of `moment` for somebody in `time_zone` (an IANA name)."""
    return moment.astimezone(ZoneInfo(time_zone)).date()
