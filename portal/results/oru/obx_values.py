"""The value of an OBX, by its type (HL7 v2.5.1, 7.4.2.5). Nothing that came is lost."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import tzinfo
from decimal import Decimal

from portal.hl7v2.errors import Unreadable
from portal.hl7v2.fields import codes, ed, xcn, xpn
from portal.hl7v2.numbers import compared, structured
from portal.hl7v2.segments import Element, Segment
from portal.hl7v2.times import clock, moment
from portal.results.incoming import Attachment, Coding
from portal.results.oru.tables import PDF, PDF_START, content_type
from portal.results.states import ValueKind

VALUE = 5
TEXT_TYPES = frozenset({"ST", "TX", "FT"})
_RATIOS = ("/", ":")


@dataclass(frozen=True, slots=True)
class Value:
    kind: ValueKind = ValueKind.NONE
    text: str = ""
    number: Decimal | None = None
    high: Decimal | None = None
    comparator: str = ""
    code: Coding | None = None
    attachment: Attachment | None = None
    # Where a field repeats, those after the first.
    others: tuple["Value", ...] = ()


def value_of(obx: Segment, more: list[Segment], zone: tzinfo, *, commas: bool = False) -> Value:
    """What `obx` says, with the further lines of its text in `more`.

    `commas`: numbers are written with decimal commas. Raises Unreadable for a value that is not of
    the type in OBX-2.
    """
    kind = obx.text(2).upper()
    if more or kind in TEXT_TYPES:
        return _text("\n".join(one.whole(VALUE) for one in (obx, *more)))
    elements = obx.every(VALUE)
    if not elements:
        return Value()
    readers = _with_comma if commas and kind == "NM" else _READERS.get(kind, _other)
    values = [readers(element, zone) for element in elements]
    if len(values) == 1:
        return values[0]
    # Several values of one observation: the first is kept as such, people read them all.
    text = "\n".join(value.text for value in values)
    return replace(values[0], text=text, others=tuple(values[1:]))


def _text(text: str) -> Value:
    # Trailing spaces say nothing; a text's leading ones may be its layout.
    text = "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")
    return Value(ValueKind.TEXT, text) if text.strip() else Value()


def _numeric(element: Element, zone: tzinfo) -> Value:
    """A number, also with a comparator; what is neither (NEG, TNP, 1+) stays as it was written."""
    text = element.whole().strip()
    try:
        found = compared(text)
    except Unreadable:
        return _text(text)
    return Value(ValueKind.QUANTITY, text, found.number, comparator=found.comparator)


def _with_comma(element: Element, zone: tzinfo) -> Value:
    """A number with a decimal comma, which stays as it was written."""
    text = element.whole().strip()
    try:
        found = compared(text.replace(",", ".", 1))
    except Unreadable:
        return _text(text)
    return Value(ValueKind.QUANTITY, text, found.number, comparator=found.comparator)


def _structured(element: Element, zone: tzinfo) -> Value:
    found = structured(element)
    if found.second_comparator:
        return _text(found.text)
    if found.separator == "-":
        return Value(ValueKind.RANGE, found.text, found.first, found.second, found.comparator)
    if found.separator in _RATIOS:
        return Value(ValueKind.RATIO, found.text, found.first, found.second, found.comparator)
    if found.separator or found.comparator == "<>":
        return _text(found.text)
    return Value(ValueKind.QUANTITY, found.text, found.first, comparator=found.comparator)


def _coded(element: Element, zone: tzinfo) -> Value:
    code, other = codes(element)
    text = element.text(9) or code.text or (other.text if other else "") or code.code
    if not code.code:
        return _text(text)
    coding = Coding(code.code, code.text or text, code.system)
    return Value(ValueKind.CODED, text, code=coding)


def _time_of_day(element: Element, zone: tzinfo) -> Value:
    return Value(ValueKind.TIME, clock(element.text()))


def _date(element: Element, zone: tzinfo) -> Value:
    found = moment(element.text(), zone)
    return Value(ValueKind.DATE, found.text) if found else Value()


def _moment(element: Element, zone: tzinfo) -> Value:
    found = moment(element.text(), zone)
    return Value(ValueKind.DATETIME, found.text) if found else Value()


def _document(element: Element, zone: tzinfo) -> Value:
    document = ed(element)
    media = content_type(document.type, document.subtype, document.content)
    if not document.content:
        raise Unreadable("The document is empty.")
    if media == PDF and not document.content.startswith(PDF_START):
        raise Unreadable("The document is not a PDF.")
    return Value(ValueKind.ATTACHMENT, attachment=Attachment(media, "", document.content))


def _person(element: Element, zone: tzinfo) -> Value:
    person = xcn(element)
    return _text(" ".join(part for part in (person.given, person.family) if part) or person.id)


def _name(element: Element, zone: tzinfo) -> Value:
    name = xpn(element)
    return _text(" ".join(part for part in (name.given, name.family) if part))


def _first(element: Element, zone: tzinfo) -> Value:
    return _text(element.text())


def _other(element: Element, zone: tzinfo) -> Value:
    return _text(" ".join(part for part in element.components() if part))


_READERS: dict[str, Callable[[Element, tzinfo], Value]] = {
    "NM": _numeric,
    "SN": _structured,
    **dict.fromkeys(("CE", "CF", "CNE", "CWE"), _coded),
    "DT": _date,
    "TM": _time_of_day,
    **dict.fromkeys(("TS", "DTM"), _moment),
    "ED": _document,
    **dict.fromkeys(("CX", "EI", "ID", "IS", "RP"), _first),
    "XCN": _person,
    "XPN": _name,
}
