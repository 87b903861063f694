"""Opening hours as people write them, as they are kept, and as they are reckoned with."""

import re
from collections.abc import Mapping, Sequence
from datetime import time
from zoneinfo import ZoneInfo

from portal.directory.rules import Calendar

Opening = Mapping[str, Sequence[str]]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = "|".join(_DAYS)
_PERIOD = re.compile(
    rf"(?P<first>{_DAY})(?:-(?P<last>{_DAY}))? "
    r"(?P<opens>\d{1,2}(?::\d{2})?)-(?P<closes>\d{1,2}(?::\d{2})?)"
)


def read_hours(text: str) -> dict[str, list[str]] | None:
    """Hours as they are mostly written, "Mon-Fri 9-18, Sat 9:30-13"; None for any other words."""
    opening: dict[str, list[str]] = {}
    for part in text.split(", "):
        found = _PERIOD.fullmatch(part)
        if found is None:
            return None
        first = _DAYS.index(found["first"])
        last = _DAYS.index(found["last"] or found["first"])
        opens, closes = _clock(found["opens"]), _clock(found["closes"])
        if last < first or opens is None or closes is None or opens >= closes:
            return None
        opening.update({str(day): [opens, closes] for day in range(first, last + 1)})
    return opening


def _clock(text: str) -> str | None:
    hour, _, minute = text.partition(":")
    try:
        return time(int(hour), int(minute or 0)).strftime("%H:%M")
    except ValueError:
        return None


def calendar_of(opening: Opening | None, time_zone: str) -> Calendar:
    """The hours for reckoning; a place without any counts as always open."""
    hours = {
        int(day): (time.fromisoformat(opens), time.fromisoformat(closes))
        for day, (opens, closes) in (opening or {}).items()
    }
    return Calendar(ZoneInfo(time_zone), hours)
