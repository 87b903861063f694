"""Reading the members of a JSON document of which nothing is known yet.

A `Node` is a value with its JSON pointer. What can't be used is gathered as problems, and reading
goes on with nothing in its place, so that a sender learns of everything at once.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from portal.core.errors import FieldError

MAX_PROBLEMS = 20
MAX_CODE, MAX_LINE, MAX_TEXT = 200, 1_000, 64_000
# Room for whatever a laboratory counts or weighs, and for the database's numbers.
_MAX_DIGITS, _MAX_POWER = 40, 30
_FIRST_YEAR, _LAST_YEAR = 1850, 2200
_MAX_OFFSET = timedelta(hours=14)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}):(\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})?", re.ASCII
)


@dataclass(slots=True)
class Problems:
    """What can't be used, up to twenty places."""

    found: list[FieldError] = field(default_factory=list)

    def add(self, pointer: str, message: str) -> None:
        problem = FieldError(pointer, message)
        if len(self.found) < MAX_PROBLEMS and problem not in self.found:
            self.found.append(problem)


def clean(text: str) -> str | None:
    """Text with newlines as such and without blanks around; None where it holds other control
    characters than newlines and tabs: without them it would say something else."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return None if _CONTROLS.search(lines) else lines.strip()


@dataclass(frozen=True, slots=True)
class Node:
    """A value at a place in the document; None where there is none."""

    value: Any
    pointer: str
    problems: Problems
    zone: ZoneInfo

    def __bool__(self) -> bool:
        return self.value is not None

    def problem(self, message: str) -> None:
        self.problems.add(self.pointer, message)

    def at(self, name: str | int) -> "Node":
        """A member of an object (None if it isn't there), or an item of a list."""
        inside: Any = None
        if isinstance(self.value, Mapping) or isinstance(name, int):
            inside = self.value[name] if isinstance(name, int) else self.value.get(name)
        return Node(inside, f"{self.pointer}/{name}", self.problems, self.zone)

    def object(self, name: str) -> "Node":
        """A member that is an object."""
        found = self.at(name)
        if found and not isinstance(found.value, Mapping):
            found.problem("Send an object.")
            return Node(None, found.pointer, self.problems, self.zone)
        return found

    def objects(self, name: str) -> Iterator["Node"]:
        """The objects of a member that is a list."""
        found = self.at(name)
        if found and not isinstance(found.value, list):
            found.problem("Send a list of objects.")
            return
        for index, item in enumerate(found.value or ()):
            inside = found.at(index)
            if isinstance(item, Mapping):
                yield inside
            else:
                inside.problem("Send an object.")

    def text(self, name: str, most: int = MAX_LINE) -> str:
        found = self.at(name)
        if not found:
            return ""
        if not isinstance(found.value, str):
            found.problem("Send a string.")
            return ""
        cleaned = clean(found.value)
        if cleaned is None:
            found.problem("Send it without control characters.")
            return ""
        if len(cleaned) > most:
            found.problem(f"Send {most} characters at most.")
            return ""
        return cleaned

    def code(self, name: str) -> str:
        return " ".join(self.text(name, MAX_CODE).split())

    def line(self, name: str) -> str:
        return " ".join(self.text(name).split())

    def lines(self, name: str) -> list[str]:
        """The strings of a member that is a list of them."""
        found = self.at(name)
        if found and not isinstance(found.value, list):
            found.problem("Send a list of strings.")
            return []
        texts = []
        for index, item in enumerate(found.value or ()):
            cleaned = clean(item) if isinstance(item, str) and len(item) <= MAX_LINE else None
            if cleaned is not None:
                texts.append(" ".join(cleaned.split()))
            elif item is not None:
                message = f"Send a string of {MAX_LINE} characters at most, without controls."
                found.at(index).problem(message)
        return texts

    def decimal(self, name: str) -> Decimal | None:
        """A number, with the digits that the parser of the document left."""
        found = self.at(name)
        if not found:
            return None
        number = _number(found.value)
        if number is None:
            found.problem(f"Send a number of {_MAX_DIGITS} digits at most, not beyond 1e30.")
        return number

    def moment(self, name: str) -> datetime | None:
        """A FHIR dateTime or instant; a date or month alone is its first moment in the zone."""
        found = self.at(name)
        text = self.code(name)
        if not text:
            return None
        moment = _moment(text, self.zone)
        if moment is None:
            found.problem("Send a time with its offset, as in 2026-03-01T08:30:00-05:00.")
        return moment

    def day(self, name: str) -> date | None:
        """A whole date; None for a year or month alone."""
        text = self.code(name)
        if not text or _moment(text, self.zone) is None:
            if text:
                self.at(name).problem("Send a date, as in 1980-04-15.")
            return None
        return date.fromisoformat(text) if len(text) == len("1980-04-15") else None


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if isinstance(value, int) and value.bit_length() > 4 * _MAX_DIGITS:
        return None  # its digits alone would take long
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > _MAX_POWER:
        return None
    exponent = number.as_tuple().exponent
    fits = isinstance(exponent, int) and len(number.as_tuple().digits) <= _MAX_DIGITS
    return number if fits and abs(int(exponent)) <= _MAX_DIGITS else None


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    day = _DATE.fullmatch(text)
    exact = _MOMENT.fullmatch(text)
    try:
        if day:
            year, month, day_of_month = (int(part or 1) for part in day.groups())
            moment = datetime(year, month, day_of_month, tzinfo=zone)
        elif exact:
            moment = _exactly(exact, zone)
        else:
            return None
    except ValueError:
        return None
    offset = moment.utcoffset()
    usable = offset is not None and abs(offset) <= _MAX_OFFSET
    return moment if usable and _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def _exactly(match: re.Match[str], zone: ZoneInfo) -> datetime:
    """Raises ValueError for what no calendar has. A leap second is the second before it."""
    minute, second, fraction, offset = match.groups()
    second = "59" if second == "60" else second
    microseconds = (fraction or ".0")[:7].ljust(7, "0")
    moment = datetime.fromisoformat(f"{minute}:{second}{microseconds}{offset or ''}")
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
