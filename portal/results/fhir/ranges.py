"""How far from what is expected an observation is: by its flags, else by its reference range."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.results.fhir.codes import codings
from portal.results.fhir.members import Node
from portal.results.fhir.values import Value, quantity, written
from portal.results.flags import by_flags
from portal.results.incoming import Coding
from portal.results.states import Abnormality, ValueKind
from portal.results.words import QUALITATIVE_WORDS
from portal.units import in_unit


@dataclass(frozen=True, slots=True)
class Expected:
    """A reference range, in the value's unit where that is possible."""

    low: Decimal | None = None
    high: Decimal | None = None
    text: str = ""
    # Whether a value may be judged by it.
    sure: bool = False


def flags(node: Node) -> tuple[str, ...]:
    """The codes of the interpretations, in their order."""
    found = []
    for each in node.objects("interpretation"):
        coded = codings(each)
        text = each.line("text")
        found.extend([code.code for code in coded] or ([text] if text else []))
    return tuple(dict.fromkeys(found))


def abnormality(
    marked: Sequence[str], value: Value, expected: Expected, code: Coding
) -> Abnormality:
    """The worst of the flags; without any that is understood, where the number lies in its
    reference range, or what the words mean."""
    if (said := by_flags(marked)) is not Abnormality.UNKNOWN:
        return said
    if value.kind in (ValueKind.TEXT, ValueKind.CODED):
        coded = (value.code.code, value.code.system) if value.code else ("", "")
        return QUALITATIVE_WORDS.table.judge(
            value.text, coded=coded, code=code.code, name=code.display
        )
    if value.number is None or value.high is not None or not expected.sure:
        return Abnormality.UNKNOWN
    return _by_range(value.number, value.comparator, expected)


def _by_range(number: Decimal, comparator: str, expected: Expected) -> Abnormality:
    """`<5` may be anything below 5: normal only if all of that is, and likewise abnormal."""
    below = expected.low is not None and number < expected.low
    above = expected.high is not None and number > expected.high
    if comparator.startswith("<"):
        sure, open_end = below or (comparator == "<" and number == expected.low), expected.low
        inside = not above
    elif comparator.startswith(">"):
        sure, open_end = above or (comparator == ">" and number == expected.high), expected.high
        inside = not below
    else:
        return Abnormality.ABNORMAL if below or above else Abnormality.NORMAL
    if sure:
        return Abnormality.ABNORMAL
    return Abnormality.NORMAL if inside and open_end is None else Abnormality.UNKNOWN


def expected(node: Node, value: Value, code: str) -> Expected:
    """The normal range among those given; one of several is shown, but nothing is judged by it."""
    ranges = [each for each in node.objects("referenceRange") if _is_normal(each)]
    if not ranges:
        return Expected()
    first = ranges[0]
    low, high = (_bound(first.object(name), value.unit, code) for name in ("low", "high"))
    text = first.line("text") or _between(low.sent, high.sent, low.unit or high.unit)
    comparable = (low.number is None) == (not low.sent) and (high.number is None) == (not high.sent)
    sure = len(ranges) == 1 and comparable and bool(low.sent or high.sent)
    return Expected(low.number, high.number, text, sure)


def _is_normal(node: Node) -> bool:
    """Others are therapeutic, critical, or of a phase of life: shown by the laboratory's report."""
    kinds = codings(node.object("type"))
    return not kinds or any(kind.code == "normal" for kind in kinds)


@dataclass(frozen=True, slots=True)
class _Bound:
    """A bound in the value's unit, None where it can't be; and as it was sent."""

    number: Decimal | None
    sent: str
    unit: str


def _bound(node: Node, wanted: str, code: str) -> _Bound:
    number, unit, _comparator = quantity(node)
    if number is None:
        return _Bound(None, "", "")
    usable = in_unit(number, unit, wanted, code=code) if unit and wanted else number
    return _Bound(usable, written(number), unit)


def _between(low: str, high: str, unit: str) -> str:
    if low and high:
        return f"{low} - {high} {unit}".strip()
    return f"{'>=' if low else '<='} {low or high} {unit}".strip() if low or high else ""
