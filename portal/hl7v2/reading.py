"""Reading a message: from bytes to its header and segments.

python-hl7 splits; what it leaves open is decided here: line ends, byte order marks, character sets,
delimiters, what a header must have. Its containers and plans take longer than its splitting, so
that plain lists are made by a plan that is kept (see segments.py).
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hl7.parser import _ParsePlan, _split, create_parse_plan

from portal.hl7v2.charsets import decode, decode_leniently, normalise, without_controls
from portal.hl7v2.errors import ErrorCondition, Faults, MessageRefused, refused, rejected
from portal.hl7v2.escaping import CONTROLS, STANDARD, Delimiters, escaped_controls
from portal.hl7v2.header import Header, check_header, header_values
from portal.hl7v2.segments import Segment

LARGEST = 20_000_000
# A message of delimiters alone would take far more memory than its bytes.
MOST_PARTS = 400_000
_HEAD = 8192
_NAME = re.compile("[A-Z][A-Z0-9]{2}")
_HEADERS = frozenset({"MSH", "BHS", "FHS", "BTS", "FTS"})
_SHORTEST_ENCODING = 4
_WITHOUT_EVENT = frozenset({"2.1", "2.2", "2.3", "2.3.1"})


class _Level(_ParsePlan):  # type: ignore[misc]
    """A level of python-hl7's plan that makes plain lists, and the level below it once: python-hl7
    makes one for every value that it splits."""

    def __init__(self, *levels: Any) -> None:
        super().__init__(*levels)
        within = self.separators[self.separators.find(self.separator) :]
        self._separated = re.compile(f"[{re.escape(within)}]").search
        self._below: _Level | None = super().next()

    def next(self) -> "_Level | None":
        return self._below

    def applies(self, text: str) -> bool:
        return self._separated(text) is not None

    def container(self, data: list[Any]) -> list[Any]:
        return data


@lru_cache(maxsize=64)
def _plan(delimiters: Delimiters) -> _Level:
    plan = create_parse_plan(f"MSH{delimiters.field}{delimiters.encoding}{delimiters.field}")
    return _Level(plan.separator, plan.separators, plan.containers, plan.esc, plan.factory)


def _nested(text: str, delimiters: Delimiters) -> list[Any]:
    """What hl7.parse() makes of a text, in a third of its time."""
    nested: list[Any] = _split(text, _plan(delimiters))
    return nested


@dataclass(frozen=True, slots=True)
class Message(Header):
    """A message that was read. `segments` are in their order, MSH first."""

    segments: tuple[Segment, ...] = ()

    def segment(self, name: str) -> Segment | None:
        """The first segment of a name."""
        return next((one for one in self.segments if one.name == name), None)

    @property
    def kind(self) -> str:
        """Its type and event, like `ORU^R01`. Old versions name no event: of results there was one
        alone."""
        unnamed = self.type == "ORU" and self.version in _WITHOUT_EVENT
        return f"{self.type}^{self.event or ('R01' if unnamed else '')}"

    def require(self, *types: str) -> None:
        """Raises MessageRefused (AR) unless it is one of `types`, like `ORU^R01`."""
        if self.kind in types:
            return
        if any(one.startswith(f"{self.type}^") for one in types):
            condition, component = ErrorCondition.UNSUPPORTED_EVENT_CODE, 2
        else:
            condition, component = ErrorCondition.UNSUPPORTED_MESSAGE_TYPE, 1
        raise rejected(f"MSH^1^9^{component}", condition, f"Supported: {', '.join(types)}.")


def read(raw: bytes, *, limit: int = LARGEST, answer: bool = False) -> Message:
    """The message in `raw`. Raises MessageRefused with what is wrong with its header.

    An `answer` may lack what its reader doesn't need: MSH-10 to MSH-12.
    """
    if len(raw) > limit:
        raise refused("", ErrorCondition.APPLICATION_INTERNAL_ERROR, f"Longer than {limit} bytes.")
    text = normalise(decode(raw))
    if answer:
        text = without_controls(text)
    delimiters = _delimiters(text)
    _check_shape(text, delimiters)
    nested = _nested(text, delimiters)
    segments = _segments(nested, delimiters)
    _check_controls(text, segments, delimiters)
    message = Message(**header_values(segments[0], delimiters), segments=segments)
    if not answer:
        check_header(message, Faults())
    return message


def header_of(raw: bytes) -> Header | None:
    """As much of a header as there is, of a message however broken; None where there is no MSH.

    It is what an acknowledgement of a refused message is made of.
    """
    line = without_controls(normalise(decode_leniently(raw[:_HEAD])).split("\r", 1)[0])
    if not line.startswith("MSH") or len(line) <= len("MSH|"):
        return None
    try:
        delimiters = _delimiters(line)
    except MessageRefused:
        return None
    [segment] = _segments(_nested(line, delimiters), delimiters)
    return Header(**header_values(segment, delimiters))


def _delimiters(text: str) -> Delimiters:
    if not text.startswith("MSH"):
        raise refused("MSH^1", ErrorCondition.SEGMENT_SEQUENCE, "A message begins with MSH.")
    field = text[3:4]
    encoding = text[4 : text.find(field, 4)] if field and field in text[4:16] else ""
    marks = field + encoding
    sound = (
        _SHORTEST_ENCODING <= len(encoding) <= _SHORTEST_ENCODING + 1
        and len(set(marks)) == len(marks)
        and all("!" <= mark <= "~" and not mark.isalnum() for mark in marks)
        and '"' not in marks
    )
    if not sound:
        raise refused(
            "MSH^1^2", ErrorCondition.DATA_TYPE, "Four or five different delimiters are needed."
        )
    if field == STANDARD.field and encoding == STANDARD.encoding:
        return STANDARD
    return Delimiters(field, *list(encoding))


def _check_shape(text: str, delimiters: Delimiters) -> None:
    parts = sum(
        text.count(mark)
        for mark in (
            "\r",
            delimiters.field,
            delimiters.component,
            delimiters.repetition,
            delimiters.subcomponent,
        )
    )
    if parts > MOST_PARTS:
        raise refused(
            "", ErrorCondition.APPLICATION_INTERNAL_ERROR, f"More than {MOST_PARTS} values."
        )
    faults = Faults()
    for number, line in enumerate(text.split("\r"), 1):
        name = line[:3]
        after = line[3:4]
        if not _NAME.fullmatch(name) or after not in ("", delimiters.field):
            faults.add("", ErrorCondition.SEGMENT_SEQUENCE, f"Line {number} is no segment.")
        elif number > 1 and name in _HEADERS:
            faults.add(
                "",
                ErrorCondition.SEGMENT_SEQUENCE,
                f"Line {number} is {name}: send one message at a time, without batches.",
            )
    faults.check()


def _check_controls(text: str, segments: tuple[Segment, ...], delimiters: Delimiters) -> None:
    """A control character within a value, also an escaped one: nobody knows what the value was, and
    without it another one would be kept (`3<NUL>8` is not 38)."""

    def spoils(value: str) -> bool:
        return bool(CONTROLS.search(value)) or escaped_controls(value, delimiters)

    if not spoils(text):
        return
    faults = Faults()
    for segment in segments:
        for number in range(1, segment.last + 1):
            if spoils(segment.raw(number)):
                problem = "Holds a control character."
                faults.add(segment.place(number), ErrorCondition.DATA_TYPE, problem)
    faults.check()
    raise refused("", ErrorCondition.DATA_TYPE, "Holds a control character.")


def _segments(nested: list[Any], delimiters: Delimiters) -> tuple[Segment, ...]:
    counts: dict[str, int] = {}
    segments = []
    for parts in nested:
        # A segment may be its name alone.
        fields = [parts] if type(parts[0]) is str else parts
        name = fields[0][0]
        number = counts.get(name, 0) + 1
        counts[name] = number
        segments.append(Segment(name, number, fields, delimiters))
    return tuple(segments)
