"""Comparing values in different units, for trends: by UCUM, and by what is known of the analyte."""

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Context, Decimal, localcontext
from functools import cache, lru_cache
from threading import Lock
from typing import Any

from ucumvert import PintUcumRegistry

from portal.units.analytes import CHARGES, HBA1C, MOLAR_MASSES, NGSP_OFFSET, NGSP_SLOPE
from portal.units.spellings import to_ucum

MAX_LENGTH = 64
SIGNIFICANT_DIGITS = 6
# No laboratory reports what lies outside of ten to the power of this.
_MAX_POWER = 30
# The registry computes powers exactly: `10*99999999` would keep a processor busy for minutes.
_LONG_NUMBER = re.compile(r"\d{4}")
# Numbers without a dimension that mean the same everywhere; every other unit without a dimension
# is arbitrary (UCUM 3.2): defined by a procedure and comparable only with itself.
_PLAIN = frozenset({"percent", "_10", "ppm", "ppth", "ppb", "pptr", "dimensionless"})
# UCUM lets these be moles. To people they are not: that depends on the charge, or the solution.
_NO_MOLES = frozenset({"equivalents", "osmole"})
# Notes in braces mean nothing to UCUM, but values per this basis differ from those without it.
_BASES = ("1.73", "creat")
_lock = Lock()

# What a value in one unit is in another: `slope * value + offset`.
Line = tuple[Decimal, Decimal]


def in_unit(value: Decimal, unit: str, wanted: str, *, code: str = "") -> Decimal | None:
    """A value in the wanted unit, to six significant digits; as it is where both are spelled alike.

    `code` is the analyte's LOINC code: by it mass is compared with substance and equivalents.
    None where the two are not comparable, or where either is no unit that is known.
    """
    if not value.is_finite():
        return None
    if unit == wanted:
        return value
    if len(unit) > MAX_LENGTH or len(wanted) > MAX_LENGTH or abs(value.adjusted()) > _MAX_POWER:
        return None
    line = _line(unit, wanted, code if code in _KNOWN else "")
    if line is None:
        return None
    with localcontext(Context(prec=28)):
        return _rounded(value * line[0] + line[1])


_KNOWN = MOLAR_MASSES.keys() | CHARGES.keys() | HBA1C


def _rounded(value: Decimal) -> Decimal | None:
    rounded = Context(prec=SIGNIFICANT_DIGITS).plus(value)
    if not rounded.is_zero() and abs(rounded.adjusted()) > _MAX_POWER:
        return None
    whole = rounded == rounded.to_integral_value()
    # Not `1E+2`, and no zeros that nobody measured.
    return rounded.quantize(Decimal(1), context=Context(prec=40)) if whole else rounded.normalize()


@lru_cache(maxsize=4096)
def _line(unit: str, wanted: str, code: str) -> Line | None:
    unit, wanted = to_ucum(unit), to_ucum(wanted)
    if unit == wanted:
        return Decimal(1), Decimal(0)
    if code in HBA1C and {unit, wanted} == {"%", "mmol/mol"}:
        return _hba1c(wanted)
    if any((basis in unit) != (basis in wanted) for basis in _BASES):
        return None
    if _LONG_NUMBER.search(unit) or _LONG_NUMBER.search(wanted):
        return None
    try:
        with _lock:
            return _by_registry(unit, wanted, code)
    except Exception:  # the parser's and the registry's errors have no common kind
        return None


def _hba1c(wanted: str) -> Line:
    if wanted == "%":
        return NGSP_SLOPE, NGSP_OFFSET
    return 1 / NGSP_SLOPE, -NGSP_OFFSET / NGSP_SLOPE


@cache
def _registry() -> Any:
    return PintUcumRegistry()


def _by_registry(unit: str, wanted: str, code: str) -> Line | None:
    """Raises whatever the registry does for units that it can't read or convert."""
    source, target = _registry().from_ucum(unit), _registry().from_ucum(wanted)
    of_source, of_target = _exponents(source), _exponents(target)
    charge = CHARGES.get(code)
    if charge is not None:
        by = charge ** int(of_target.pop("equivalents", 0) - of_source.pop("equivalents", 0))
    if _marks(of_source) != _marks(of_target):
        return None
    for same_matter in _weighed(source, code):
        if same_matter.is_compatible_with(target):
            line = _measured(same_matter, target)
            return line if charge is None or line is None else (line[0] * by, line[1])
    return None


def _exponents(quantity: Any) -> Counter[str]:
    """The powers of a quantity's units, whatever their prefixes."""
    powers: Counter[str] = Counter()
    for name, power in quantity.unit_items():
        powers[_registry().parse_unit_name(name)[0][1]] += power
    return powers


def _marks(exponents: Counter[str]) -> dict[str, int]:
    """What both sides must have alike, beside their dimension.

    Arbitrary units, equivalents and osmoles; and whether a fraction is one of molecules, which
    says nothing of the fraction by mass.
    """
    marks = {name: power for name, power in exponents.items() if power and _is_marked(name)}
    if exponents.get("mole") == 0:
        marks["mole"] = 0
    return marks


def _is_marked(name: str) -> bool:
    if name in _NO_MOLES:
        return True
    return name not in _PLAIN and bool(_registry().Unit(name).dimensionless)


def _weighed(source: Any, code: str) -> Iterator[Any]:
    """The quantity as it is, then times and divided by the analyte's molar mass."""
    yield source
    if code in MOLAR_MASSES:
        molar = float(MOLAR_MASSES[code]) * _registry().from_ucum("g/mol")
        yield source * molar
        yield source / molar


def _measured(source: Any, target: Any) -> Line | None:
    """The line through what 0 and 1 of the source are in the target: None if it is no line."""
    start, one, two = (
        source._REGISTRY.Quantity(value * source.magnitude, source.units).to(target.units).magnitude
        / target.magnitude
        for value in (0, 1, 2)
    )
    if abs((two - one) - (one - start)) > 1e-6 * abs(one - start):
        return None
    return Decimal(f"{one - start:.12g}"), Decimal(f"{start:.12g}")
