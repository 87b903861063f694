"""The value of a FHIR R4 Observation or of one of its components, whatever type it has."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from portal.results.fhir.codes import concept
from portal.results.fhir.members import MAX_TEXT, Node
from portal.results.incoming import Coding
from portal.results.states import ValueKind

_COMPARATORS = ("<", "<=", ">=", ">")
_VALUE = re.compile(r"value[A-Z][A-Za-z]{1,40}", re.ASCII)
_UCUM = ("http://unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.8")


@dataclass(frozen=True, slots=True)
class Value:
    """What an IncomingObservation says of its value, by the same names."""

    kind: ValueKind = ValueKind.NONE
    text: str = ""
    number: Decimal | None = None
    high: Decimal | None = None
    comparator: str = ""
    unit: str = ""
    code: Coding | None = None


def value(node: Node) -> Value:
    """The one value[x]; why there is none, where it says so."""
    sent = [name for name in node.value if _VALUE.fullmatch(str(name)) and node.at(name)]
    if not sent:
        reason, _own = concept(node.object("dataAbsentReason"))
        return Value(text=(reason.display or reason.code) if reason else "")
    for name in sent[1:]:
        node.at(name).problem(f"Send one value only: {sent[0]} is there already.")
    read = _READERS.get(sent[0])
    if read is None:
        node.at(sent[0]).problem("This is no type of value of an Observation in FHIR R4.")
        return Value()
    return read(node, sent[0])


def quantity(node: Node) -> tuple[Decimal | None, str, str]:
    """The number, the unit (as UCUM where it is coded in it) and the comparator of a Quantity."""
    comparator = node.code("comparator")
    if comparator and comparator not in _COMPARATORS:
        node.at("comparator").problem(f"Send one of {' '.join(_COMPARATORS)}.")
        comparator = ""
    unit, code = node.code("unit"), node.code("code")
    coded = code and (not unit or node.code("system").rstrip("/") in _UCUM)
    return node.decimal("value"), code if coded else unit, comparator


def written(number: Decimal | None) -> str:
    """A number as people write it: no powers of ten."""
    return "" if number is None else format(number, "f")


def _quantity(node: Node, name: str) -> Value:
    inside = node.object(name)
    number, unit, comparator = quantity(inside)
    if inside and number is None:
        inside.at("value").problem("Send a number, or a dataAbsentReason instead of the value.")
    text = f"{comparator}{written(number)}"
    return Value(ValueKind.QUANTITY, text, number, None, comparator, unit)


def _integer(node: Node, name: str) -> Value:
    number = node.decimal(name)
    if number is not None and number != number.to_integral_value():
        node.at(name).problem("Send a whole number.")
    return Value(ValueKind.QUANTITY, written(number), number)


def _range(node: Node, name: str) -> Value:
    low, unit, under = quantity(node.object(name).object("low"))
    high, unit_of_high, over = quantity(node.object(name).object("high"))
    if node.object(name) and low is None and high is None:
        node.at(name).problem("Send low or high, each with a value.")
    if under or over:
        node.at(name).problem("Send low and high without a comparator.")
    if unit and unit_of_high and unit != unit_of_high:
        node.at(name).problem("Send low and high in the same unit.")
    text = f"{written(low)} - {written(high)}".strip()
    return Value(ValueKind.RANGE, text, low, high, unit=unit or unit_of_high)


def _ratio(node: Node, name: str) -> Value:
    """A titre like 1:>128 has its comparator in the denominator. Units of both are in the text."""
    above, unit, comparator = quantity(node.object(name).object("numerator"))
    below, unit_below, last = quantity(node.object(name).object("denominator"))
    if node.object(name) and (above is None or below is None):
        node.at(name).problem("Send numerator and denominator, each with a value.")
    first, second = f"{comparator}{written(above)}", f"{last}{written(below)}"
    if unit_below:
        first, second, unit = f"{first} {unit}".strip(), f"{second} {unit_below}", ""
    if last or unit_below:
        return Value(ValueKind.TEXT, f"{first}:{second}", unit=unit)
    return Value(ValueKind.RATIO, f"{first}:{second}", above, below, comparator, unit)


def _string(node: Node, name: str) -> Value:
    return Value(ValueKind.TEXT, node.text(name, MAX_TEXT))


def _coded(node: Node, name: str) -> Value:
    inside = node.object(name)
    code, _own = concept(inside)
    if inside and code is None:
        inside.problem("Send a coding with a code, or a text.")
    text = inside.line("text") or ((code.display or code.code) if code else "")
    # Without a code it is a text.
    return Value(ValueKind.CODED, text, code=code) if code and code.code else _texted(text)


def _texted(text: str) -> Value:
    return Value(ValueKind.TEXT, text)


def _boolean(node: Node, name: str) -> Value:
    said = node.at(name).value
    if not isinstance(said, bool):
        node.at(name).problem("Send true or false.")
    return _texted("Yes" if said is True else "No")


def _date_time(node: Node, name: str) -> Value:
    text = node.code(name)
    node.moment(name)
    return Value(ValueKind.DATETIME if "T" in text else ValueKind.DATE, text)


def _time(node: Node, name: str) -> Value:
    return Value(ValueKind.TIME, node.code(name))


def _period(node: Node, name: str) -> Value:
    inside = node.object(name)
    inside.moment("start")
    inside.moment("end")
    return _texted(f"{inside.code('start')} - {inside.code('end')}".strip())


def _sampled(node: Node, name: str) -> Value:
    return _texted(node.object(name).text("data", MAX_TEXT))


_READERS: dict[str, Callable[[Node, str], Value]] = {
    "valueQuantity": _quantity,
    "valueInteger": _integer,
    "valueRange": _range,
    "valueRatio": _ratio,
    "valueString": _string,
    "valueCodeableConcept": _coded,
    "valueBoolean": _boolean,
    "valueDateTime": _date_time,
    "valueTime": _time,
    "valuePeriod": _period,
    "valueSampledData": _sampled,
}
