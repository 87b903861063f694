"""JSON of vital signs and problems."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from portal.units import in_unit
from portal.visits.states import VitalSource
from portal.visits.vital_rules import BLOOD_PRESSURE, BMI, BMI_UNIT, NAMES, PARTS, bmi


def vital_view(row: Row[Any]) -> dict[str, Any]:
    """A measurement as it was taken; a weight with the body mass index that follows from it."""
    return {
        "id": row.id,
        "patient_id": row.patient_id,
        "visit_id": row.visit_id,
        "code": row.code,
        "name": NAMES[row.code],
        "value": row.value,
        "unit": row.unit,
        "components": _components(row),
        "position": row.position,
        "note": row.note,
        "source": row.source,
        "computed": False,
        "measured_at": row.measured_at,
        "entered_in_error": row.withdrawn_at is not None,
        "bmi": None if row.withdrawn_at else bmi_view(row),
    }


def _components(row: Row[Any]) -> list[dict[str, Any]]:
    """The two of a blood pressure; nothing else has parts."""
    if row.code != BLOOD_PRESSURE:
        return []
    return [
        {"code": kind.code, "name": kind.name, "value": getattr(row, part), "unit": row.unit}
        for part, kind in PARTS.items()
    ]


def bmi_view(row: Row[Any]) -> dict[str, Any] | None:
    """The body mass index of a weight and the height found with it, marked as computed."""
    if row.height is None:
        return None
    value = bmi(row.value, row.unit, row.height, row.height_unit)
    if value is None:
        return None
    return {
        "id": None,
        "patient_id": row.patient_id,
        "visit_id": row.visit_id,
        "code": BMI,
        "name": NAMES[BMI],
        "value": value,
        "unit": BMI_UNIT,
        "components": [],
        "position": None,
        "note": None,
        "source": row.source,
        "computed": True,
        "derived_from": [row.id, row.height_id],
        "measured_at": row.measured_at,
        "entered_in_error": False,
        "bmi": None,
    }


def with_bmi(views: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Measurements, each weight followed by the body mass index as one of its own."""
    shown: list[dict[str, Any]] = []
    for view in views:
        computed = view["bmi"]
        shown.append({**view, "bmi": None})
        if computed is not None:
            shown.append(computed)
    return shown


def listed_view(row: Row[Any], code: str | None) -> dict[str, Any]:
    """A measurement in a list of `code`: the body mass index stands for the weight behind it."""
    return (bmi_view(row) or vital_view(row)) if code == BMI else vital_view(row)


def trend_view(
    code: str, rows: Sequence[Row[Any]], *, unit: str | None, most: int
) -> dict[str, Any]:
    """The measurements of `rows`, the newest first, as points in `unit`, the oldest first; without
    one, in the latest's."""
    views = [listed_view(row, code) for row in rows[:most]]
    wanted = unit or (views[0]["unit"] if views else None)
    return {
        "code": code,
        "name": NAMES[code],
        "unit": wanted,
        "points": [_point(view, str(wanted)) for view in reversed(views)],
        "more": len(rows) > most,
        "sources": [],
    }


def _point(view: dict[str, Any], unit: str) -> dict[str, Any]:
    return {
        "id": view["id"],
        "at": view["measured_at"],
        "value": _in(view["value"], view["unit"], unit),
        "components": [
            {**part, "value": _in(part["value"], part["unit"], unit), "unit": unit}
            for part in view["components"]
        ],
        "own": view["source"] == VitalSource.PATIENT,
        "computed": view["computed"],
        "position": view["position"],
        "reported": {"value": view["value"], "unit": view["unit"]},
    }


def _in(value: Decimal | None, unit: str, wanted: str) -> Decimal | None:
    return None if value is None else in_unit(value, unit, wanted)


def problem_view(row: Row[Any]) -> dict[str, Any]:
    """A problem as lists show it."""
    return {
        "id": row.id,
        "patient_id": row.patient_id,
        "visit_id": row.visit_id,
        "code_system": row.code_system,
        "code": row.code,
        "text": row.text,
        "status": row.status,
        "onset_on": row.onset_on,
        "resolved_on": row.resolved_on,
        "note": row.note,
        "recorded_by": {"id": row.recorded_by, "name": row.recorded_by_name},
        "recorded_at": row.recorded_at,
        "version": row.version,
    }


def full_problem_view(row: Row[Any], versions: Sequence[Row[Any]]) -> dict[str, Any]:
    """A problem with everything that it was."""
    return {**problem_view(row), "versions": [dict(version._mapping) for version in versions]}
