"""One analyte over time, in one unit: pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from portal.results.states import ValueKind
from portal.units import in_unit

_MOST_UNITS = 10


def trend_view(
    code: str, rows: Sequence[Row[Any]], *, unit: str | None, most: int
) -> dict[str, Any]:
    """The values of `rows`, the newest first, as points in `unit`, the oldest first; without one,
    in the unit in which most of them can be compared, the latest of several such.

    What is no number, or in a unit that can't be compared, is listed apart as it was reported; so
    is what has a date that can't be, with the reason.
    """
    dated = [row for row in rows if row.impossible is None]
    shown = dated[:most]
    wanted = _usual_unit(shown, code) if unit is None else unit
    points: list[dict[str, Any]] = []
    apart: list[dict[str, Any]] = []
    for row in reversed(shown):
        value = _converted(_number(row), row.unit, wanted, code)
        (apart if value is None else points).append(_point(row, value, wanted, code))
    return {
        "code": code,
        "name": shown[0].name if shown else None,
        "unit": wanted,
        "points": points,
        "not_comparable": apart,
        "left_out": [
            {**_point(row, None, wanted, code), "reason": row.impossible}
            for row in reversed(rows)
            if row.impossible is not None
        ],
        "more": len(dated) > most,
        "sources": [],
    }


def _usual_unit(rows: Sequence[Row[Any]], code: str) -> str | None:
    """One odd unit must not put all others aside."""
    numbers = [row for row in rows if _number(row) is not None]
    units = list(dict.fromkeys(row.unit for row in numbers))[:_MOST_UNITS]

    def comparable(unit: str) -> int:
        return sum(_converted(_number(row), row.unit, unit, code) is not None for row in numbers)

    return max(units, key=comparable, default=None)


def _number(row: Row[Any]) -> Decimal | None:
    number: Decimal | None = row.number
    return number if row.kind == ValueKind.QUANTITY else None


def _converted(value: Decimal | None, unit: str, wanted: str | None, code: str) -> Decimal | None:
    return None if value is None or wanted is None else in_unit(value, unit, wanted, code=code)


def _point(row: Row[Any], value: Decimal | None, wanted: str | None, code: str) -> dict[str, Any]:
    """A point; where it can't be compared, its range stands in the unit that was reported."""
    unit = row.unit if value is None else wanted
    return {
        "result_id": row.report_id,
        "at": row.at,
        "value": value,
        "comparator": row.comparator,
        "reference": {
            "low": _converted(row.reference_low, row.unit, unit, code),
            "high": _converted(row.reference_high, row.unit, unit, code),
            "text": row.reference_text if unit == row.unit else "",
        },
        "abnormality": row.abnormality,
        "status": row.status,
        "performer": row.performer_name,
        "reported": {"value": row.value_text, "unit": row.unit},
    }
