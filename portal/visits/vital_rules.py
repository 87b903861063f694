"""Which vital signs there are, in which units, and what can't be: pure.

Codes and units are those of the FHIR R4 vital signs profile (LOINC, UCUM). The bounds are wide
enough for whoever has lived: they catch slips, and judge nobody.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from portal.units import in_unit, to_ucum

HEIGHT, WEIGHT, BMI = "8302-2", "29463-7", "39156-5"
BLOOD_PRESSURE, SYSTOLIC, DIASTOLIC = "85354-9", "8480-6", "8462-4"
PULSE, BREATHING, TEMPERATURE, OXYGEN = "8867-4", "9279-1", "8310-5", "2708-6"
BMI_UNIT = "kg/m2"
_BMI_PLACES = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most that is believed, in the first of a kind's units."""

    low: Decimal
    high: Decimal

    def hold(self, value: Decimal | None) -> bool:
        return value is not None and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class VitalKind:
    """A vital sign: its LOINC code, the units in which it is taken, and what is believed."""

    code: str
    name: str
    units: tuple[str, ...]
    bounds: Bounds


def _kind(code: str, name: str, units: str, low: str, high: str) -> VitalKind:
    return VitalKind(code, name, tuple(units.split()), Bounds(Decimal(low), Decimal(high)))


KINDS: Mapping[str, VitalKind] = {
    kind.code: kind
    for kind in (
        _kind(HEIGHT, "Body height", "cm m [in_i]", "20", "275"),
        _kind(WEIGHT, "Body weight", "kg [lb_av]", "0.2", "650"),
        _kind(BLOOD_PRESSURE, "Blood pressure", "mm[Hg]", "20", "300"),
        _kind(PULSE, "Pulse", "/min", "20", "300"),
        _kind(BREATHING, "Respiratory rate", "/min", "3", "120"),
        _kind(TEMPERATURE, "Body temperature", "Cel [degF]", "24", "45"),
        _kind(OXYGEN, "Oxygen saturation", "%", "30", "100"),
    )
}
PARTS = {
    "systolic": _kind(SYSTOLIC, "Systolic blood pressure", "mm[Hg]", "40", "300"),
    "diastolic": _kind(DIASTOLIC, "Diastolic blood pressure", "mm[Hg]", "20", "200"),
}
NAMES: Mapping[str, str] = {code: kind.name for code, kind in KINDS.items()} | {
    BMI: "Body mass index"
}
# How units are written for people.
SHOWN: Mapping[str, str] = {
    "[in_i]": "in",
    "[lb_av]": "lb",
    "mm[Hg]": "mmHg",
    "Cel": "\N{DEGREE SIGN}C",
    "[degF]": "\N{DEGREE SIGN}F",
    BMI_UNIT: "kg/m\N{SUPERSCRIPT TWO}",
}


def unit_of(kind: VitalKind, unit: str) -> str | None:
    """The UCUM code of a unit in which this is measured; None for any other."""
    ucum = to_ucum(unit)
    return ucum if ucum in kind.units else None


def slip(kind: VitalKind, value: Decimal, unit: str) -> str | None:
    """What is wrong with a value that can't be, and what was most likely meant; None where nothing
    is. `unit` is one of the kind's."""
    canonical = kind.units[0]
    if kind.bounds.hold(in_unit(value, unit, canonical)):
        return None
    low, high = (in_unit(edge, canonical, unit) for edge in (kind.bounds.low, kind.bounds.high))
    said = f"{kind.name} lies between {plain(low)} and {plain(high)} {unit}."
    meant = list(_likely(kind, value, unit))
    return f"{said} Did you mean {' or '.join(meant)}?" if meant else f"{said} Measure it again."


def _likely(kind: VitalKind, value: Decimal, unit: str) -> Iterator[str]:
    """Values near this one that could be: in another unit, or with the point elsewhere."""
    for other in kind.units:
        if other != unit and kind.bounds.hold(in_unit(value, other, kind.units[0])):
            yield f"{plain(value)} {other}"
    for shifted in (value / 10, value * 10):
        if kind.bounds.hold(in_unit(shifted, unit, kind.units[0])):
            yield f"{plain(shifted)} {unit}"


def pressure_slip(systolic: Decimal, diastolic: Decimal) -> str | None:
    """What is wrong with two pressures that can't be of one measurement."""
    if diastolic < systolic:
        return None
    if diastolic == systolic:
        return "The upper and the lower value can't be equal. Measure it again."
    return f"The upper value comes first: did you mean {plain(diastolic)} over {plain(systolic)}?"


def bmi(weight: Decimal, weight_unit: str, height: Decimal, height_unit: str) -> Decimal | None:
    """Body mass index in kg/m2, to a tenth; None for units that are none of weight and height."""
    kilograms, metres = in_unit(weight, weight_unit, "kg"), in_unit(height, height_unit, "m")
    if kilograms is None or not metres:
        return None
    return (kilograms / (metres * metres)).quantize(_BMI_PLACES)


def plain(value: Decimal | None) -> str:
    """A number as people write it: without an exponent, and no zeros that say nothing."""
    if value is None:
        return ""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
