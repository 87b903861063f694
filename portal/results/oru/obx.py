"""One observation: an OBX with its further lines and notes."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import TypeVar

from portal.hl7v2.errors import ErrorCondition, Faults, Unreadable
from portal.hl7v2.fields import LOINC, Code, codes
from portal.hl7v2.numbers import Range, range_of, reference_range
from portal.hl7v2.segments import Element, Segment
from portal.hl7v2.times import moment
from portal.results.flags import SEVERITY, by_flags, gravest
from portal.results.incoming import Coding, IncomingObservation
from portal.results.oru.obx_values import TEXT_TYPES, VALUE, Value, value_of
from portal.results.oru.tables import OBSERVATION_STATUS, UNSENT, by_range
from portal.results.states import Abnormality, ObservationStatus, ValueKind
from portal.results.words import QUALITATIVE_WORDS

LONGEST_CODE = 199
_UCUM = "UCUM"
_MOST_FLAGS = 20
_POWER = re.compile("[xX]?10")
_EXPONENT = re.compile("-?[0-9]")
T = TypeVar("T")


@dataclass(slots=True)
class Result:
    """An OBX as it stands in its message, with what belongs to it."""

    obx: Segment
    more: list[Segment] = field(default_factory=list)
    notes: list[Segment] = field(default_factory=list)

    def takes(self, obx: Segment) -> bool:
        """Whether `obx` is another line of this one's text.

        Narratives come as one OBX a line, with the same code and status, or without a code.
        """
        if self.notes or self.obx.text(2) not in TEXT_TYPES or obx.text(2) not in TEXT_TYPES:
            return False
        if any(obx.raw(number) for number in (6, 7, 8)) or obx.raw(11) != self.obx.raw(11):
            return False
        code = obx.raw(3)
        return not code or (code, obx.raw(2), obx.raw(4)) == (
            self.obx.raw(3),
            self.obx.raw(2),
            self.obx.raw(4),
        )


class Reader:
    """Reads fields of one message, and gathers what is wrong with them."""

    __slots__ = ("commas", "faults", "zone")

    def __init__(self, zone: tzinfo, *, commas: bool = False) -> None:
        self.zone = zone
        self.commas = commas
        self.faults = Faults()

    def attempt(self, segment: Segment, number: int, read: Callable[[], T]) -> T | None:
        """What `read` makes of a field, or None with a fault where it can't be read."""
        try:
            return read()
        except Unreadable as error:
            self.faults.add(segment.place(number), ErrorCondition.DATA_TYPE, str(error))
            return None

    def time(self, segment: Segment, number: int) -> datetime | None:
        text = segment.text(number)
        if not text:
            return None
        found = self.attempt(segment, number, lambda: moment(text, self.zone))
        return found.value if found else None

    def code(self, segment: Segment, number: int) -> tuple[Coding, Coding | None]:
        """A field that must hold a code. Where it is LOINC's, the local one beside it."""
        first, second = codes(segment.first(number))
        if not first.code:
            self.faults.add(
                segment.place(number),
                ErrorCondition.REQUIRED_FIELD_MISSING,
                "A code is needed.",
            )
        self.bounded(segment, number, first.code)
        local = second if second and second.code and first.system == LOINC else None
        return coding(first), coding(local) if local else None

    def bounded(self, segment: Segment, number: int, text: str) -> str:
        """A code, number or unit that is no longer than such may be."""
        if len(text) > LONGEST_CODE:
            self.faults.add(
                segment.place(number),
                ErrorCondition.DATA_TYPE,
                f"Longer than {LONGEST_CODE} characters.",
            )
        return text

    def listed(self, segment: Segment, number: int, table: dict[str, T]) -> T | None:
        """What a table says of a letter; None with a fault where there is none, or another."""
        letter = segment.text(number).upper()
        found = table.get(letter)
        if found is None:
            condition = (
                ErrorCondition.TABLE_VALUE_NOT_FOUND
                if letter
                else ErrorCondition.REQUIRED_FIELD_MISSING
            )
            self.faults.add(segment.place(number), condition, f"One of {', '.join(table)}.")
        return found


def coding(code: Code) -> Coding:
    return Coding(code.code, code.text or code.code, code.system)


def notes_text(notes: list[Segment]) -> str:
    return "\n".join(text for text in (note.whole(3).strip() for note in notes) if text)


def observation(
    reader: Reader, result: Result, collected_at: datetime | None
) -> IncomingObservation:
    """The observation of one OBX; faults go to the reader."""
    obx = result.obx
    code, local = reader.code(obx, 3)
    status = reader.listed(obx, 11, OBSERVATION_STATUS) or ObservationStatus.REGISTERED
    value = _value(reader, result, code)
    expected = _expected(obx, commas=reader.commas)
    flags = _flags(reader, obx)
    return IncomingObservation(
        code=code,
        kind=value.kind,
        status=status,
        sub_id=reader.bounded(obx, 4, obx.text(4)),
        local=local,
        number=value.number,
        high=value.high,
        comparator=value.comparator,
        text=value.text,
        value_code=value.code,
        unit=reader.bounded(obx, 6, _unit(obx)),
        reference_low=expected.low,
        reference_high=expected.high,
        reference_text=expected.text,
        flags=flags,
        abnormality=_abnormality(value, flags, expected, code),
        observed_at=reader.time(obx, 14) or collected_at,
        note=notes_text(result.notes),
        attachment=value.attachment,
        unsent=obx.text(11).upper() == UNSENT and value.kind == ValueKind.NONE,
    )


def _value(reader: Reader, result: Result, code: Coding) -> Value:
    obx = result.obx
    if not obx.text(2) and obx.every(VALUE):
        reader.faults.add(
            obx.place(2), ErrorCondition.REQUIRED_FIELD_MISSING, "Of which type is the value?"
        )
        return Value()
    value = reader.attempt(
        obx, VALUE, lambda: value_of(obx, result.more, reader.zone, commas=reader.commas)
    )
    value = value or Value()
    if value.code:
        reader.bounded(obx, VALUE, value.code.code)
    if value.attachment:
        title = code.display
        return replace(value, text=title, attachment=replace(value.attachment, title=title))
    return value


def _gravest_word(element: Element) -> str:
    """What an interpretation says: its code, or where they say something graver that of the other
    table, or either in words. A laboratory's own code often stands first: `CRIT^Critical^L^HH`."""
    words = [word for part in (1, 4, 2, 5) if (word := element.text(part).strip())]
    first = words[0] if words else ""
    grave = max(words, key=lambda word: SEVERITY.index(by_flags([word])), default=first)
    return grave if by_flags([grave]) in (Abnormality.CRITICAL, Abnormality.ABNORMAL) else first


def _flags(reader: Reader, obx: Segment) -> tuple[str, ...]:
    flags = [flag for one in obx.every(8) if (flag := _gravest_word(one))]
    if len(flags) > _MOST_FLAGS:
        reader.faults.add(obx.place(8), ErrorCondition.DATA_TYPE, f"More than {_MOST_FLAGS} flags.")
    return tuple(reader.bounded(obx, 8, flag) for flag in flags[:_MOST_FLAGS])


def _unit(obx: Segment) -> str:
    """UCUM's where one of the two is said to be, else the first as it came."""
    element = obx.first(6)
    if _POWER.fullmatch(element.text(1)) and _EXPONENT.match(element.text(2)):
        # `10^3/uL`, whose mark of the power nobody escaped.
        return f"{element.text(1)}^{element.text(2)}"
    if element.text(6) == _UCUM and element.text(3) != _UCUM:
        return element.whole_component(4)
    return next(filter(None, map(element.whole_component, (1, 2, 4))), "")


def _expected(obx: Segment, *, commas: bool) -> Range:
    ranges = obx.every(7)
    if not ranges:
        return Range()
    if len(ranges) > 1:
        return Range(text="\n".join(element.whole().strip() for element in ranges))
    found = range_of(ranges[0])
    if commas and not found.bounded:
        return replace(reference_range(found.text.replace(",", ".")), text=found.text)
    return found


def _abnormality(
    value: Value, flags: tuple[str, ...], expected: Range, code: Coding
) -> Abnormality:
    """What the flags say; without any, what each of the values is."""
    said = by_flags(flags)
    if said is not Abnormality.UNKNOWN:
        return said
    return gravest(_judged(one, expected, code) for one in (value, *value.others))


def _judged(value: Value, expected: Range, code: Coding) -> Abnormality:
    if value.kind == ValueKind.QUANTITY and value.number is not None:
        return by_range(value.number, value.comparator, expected)
    if value.kind not in (ValueKind.TEXT, ValueKind.CODED):
        return Abnormality.UNKNOWN
    coded = (value.code.code, value.code.system) if value.code else ("", "")
    return QUALITATIVE_WORDS.table.judge(value.text, coded=coded, code=code.code, name=code.display)
