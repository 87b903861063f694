"""Numbers: NM, SN and reference ranges (HL7 v2.5.1, 2.A.47, 2.A.71, 7.4.2.7)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from portal.hl7v2.errors import Unreadable
from portal.hl7v2.segments import Element

MOST_DIGITS = 28
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_PLAIN = re.compile(_NUMBER)
_COMPARED = re.compile(rf"(<=|>=|<|>|≤|≥|=)?\s*({_NUMBER})")
# A unit may follow a range; anything more makes it free text.
_UNIT = r"(?:\s*[^\s\d<>=:;,-][^\s:;,]*)?"
_BETWEEN = re.compile(rf"({_NUMBER})\s*(?:-|–|to)\s*({_NUMBER}){_UNIT}")  # noqa: RUF001
_BOUND = re.compile(rf"(<=|>=|<|>|≤|≥)\s*({_NUMBER}){_UNIT}")
_LONGEST_RANGE = 100
_SIGNS = {"≤": "<=", "≥": ">=", "=": ""}


def number(text: str) -> Decimal:
    """An NM. Raises Unreadable for anything but plain digits, of which 28 may be."""
    if not _PLAIN.fullmatch(text) or sum(map(str.isdigit, text)) > MOST_DIGITS:
        raise Unreadable("Not a plain decimal number.")
    return Decimal(text)


@dataclass(frozen=True, slots=True)
class Compared:
    """A number, or one that a value lies beyond. `comparator`: <, <=, >, >=, <> or none."""

    comparator: str
    number: Decimal


def compared(text: str) -> Compared:
    """A number that may have a comparator in front, as analysers report beyond their limits.

    Raises Unreadable for anything else.
    """
    found = _COMPARED.fullmatch(text.strip())
    if not found:
        raise Unreadable("Not a number.")
    sign = found[1] or ""
    return Compared(_SIGNS.get(sign, sign), number(found[2]))


@dataclass(frozen=True, slots=True)
class Structured:
    """An SN: `separator` is `-` for a range, `:` or `/` for a ratio, `+` for "at least" scores.

    `text` is all of it, every digit as it was sent; `second_comparator` is that of a titre like
    `1:>128`.
    """

    comparator: str
    first: Decimal
    separator: str = ""
    second: Decimal | None = None
    text: str = ""
    second_comparator: str = ""


def structured(element: Element) -> Structured:
    """An SN. Raises Unreadable for one without a number, or a separator without a second."""
    comparator, first, separator, second = (element.text(place) for place in (1, 2, 3, 4))
    comparator = _SIGNS.get(comparator, comparator)
    if comparator not in ("", "<", "<=", ">", ">=", "<>"):
        raise Unreadable("Not a comparator.")
    if separator not in ("", "-", "+", "/", ":", "."):
        raise Unreadable("Not a separator of numbers.")
    if bool(second) != (separator in ("-", "/", ":", ".")):
        raise Unreadable("A separator stands between two numbers.")
    text = f"{comparator}{first}{separator}{second}"
    if separator == ".":
        return Structured(comparator, number(f"{first}.{second}"), text=text)
    last = compared(second) if second else None
    return Structured(
        comparator,
        number(first),
        separator,
        last.number if last else None,
        text,
        last.comparator if last else "",
    )


@dataclass(frozen=True, slots=True)
class Range:
    """A reference range: its bounds where they can be told, and as people read it.

    An open bound (`<5`) is not part of the range.
    """

    low: Decimal | None = None
    high: Decimal | None = None
    text: str = ""
    low_open: bool = False
    high_open: bool = False

    @property
    def bounded(self) -> bool:
        return self.low is not None or self.high is not None

    def holds(self, value: Decimal) -> bool:
        if self.low is not None and (value < self.low or (self.low_open and value == self.low)):
            return False
        return not (
            self.high is not None and (value > self.high or (self.high_open and value == self.high))
        )


def reference_range(text: str) -> Range:
    """`3.5-5.1`, `-2.0-2.0`, `3.5 - 5.1 mg/dL`, `<5`, `>=60`; anything else stays free text."""
    text = text.strip()
    return Range(text=text) if len(text) > _LONGEST_RANGE else _reference_range(text)


# An analyte's range comes with each of its results.
@lru_cache(maxsize=1024)
def _reference_range(text: str) -> Range:
    try:
        if found := _BETWEEN.fullmatch(text):
            low, high = number(found[1]), number(found[2])
            return Range(low, high, text) if low <= high else Range(text=text)
        if found := _BOUND.fullmatch(text):
            sign, bound = _SIGNS.get(found[1], found[1]), number(found[2])
            if sign[0] == "<":
                return Range(None, bound, text, high_open=sign == "<")
            return Range(bound, None, text, low_open=sign == ">")
    except Unreadable:
        pass
    return Range(text=text)


def range_of(element: Element) -> Range:
    """A reference range that may have been split by delimiters in it.

    Some senders put the bounds into subcomponents (`0.00&10000.00`) or into the first and third
    components (`^^10.0`) instead of a text.
    """
    parts = element.components()
    if len(parts) <= 1:
        bounds = element.subcomponents()
        return _bounds(*bounds) if len(bounds) == 2 else reference_range(element.whole())
    if len(parts) == 3 and not parts[1]:
        return _bounds(parts[0], parts[2])
    return Range(text=" ".join(part for part in parts if part))


def _bounds(low: str, high: str) -> Range:
    if low and high:
        return reference_range(f"{low}-{high}")
    if low or high:
        return reference_range(f">={low}" if low else f"<={high}")
    return Range()


_RUN = re.compile(r"[0-9.,]+")
# Possessive, and asked of each run once: megabytes of digits are read once.
_WRITTEN = re.compile(r"[0-9]++(?:[.,][0-9]++)+")
# As well a thousand and more as one and a part.
_EITHER = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")


def has_decimal_commas(texts: Iterable[str]) -> bool:
    """Whether numbers are written with decimal commas throughout: one at least can be nothing else,
    and none has a decimal point or several commas."""
    runs = (run.strip(".,") for text in texts for run in _RUN.findall(text))
    written = [run for run in runs if _WRITTEN.fullmatch(run)]
    if any("." in one or one.count(",") > 1 for one in written):
        return False
    return any(not _EITHER.fullmatch(one) for one in written)
