"""JSON of requisitions, made by hand: the list is a hot path."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from portal.requisitions import rules
from portal.requisitions.model import CatalogTest
from portal.requisitions.rules import Place
from portal.requisitions.states import RequisitionKind, RequisitionStatus

_CATALOG_MEMBERS = (
    "code",
    "kind",
    "name",
    "fasting_hours",
    "preparation",
    "modality",
    "duration_minutes",
    "turnaround_hours",
    "components",
)


def test_view(test: Row[Any] | CatalogTest) -> dict[str, Any]:
    """What can be ordered."""
    return {
        **{name: getattr(test, name) for name in _CATALOG_MEMBERS},
        "specimen": coded(test.specimen_code, test.specimen_name),
    }


def coded(code: str | None, name: str | None) -> dict[str, Any] | None:
    """A code with its name, where there is one."""
    return None if code is None else {"code": code, "name": name}


def requisition_view(row: Row[Any], now: datetime) -> dict[str, Any]:
    """A requisition as lists show it: where to go, how to prepare, what is outstanding."""
    kind, status = RequisitionKind(row.kind), RequisitionStatus(row.status)
    fasting_hours = (row.fasting_hours or _SOME_HOURS) if row.fasting else None
    place = Place(row.laboratory_name, row.not_before, fasting_hours)
    return {
        "id": row.id,
        "placer_number": row.placer_number,
        "group_number": row.group_number,
        "filler_number": row.filler_number,
        "patient_id": row.patient_id,
        "kind": row.kind,
        "test": {"code": row.test_code, "name": row.test_name},
        "status": row.status,
        "priority": row.priority,
        "diagnoses": row.diagnoses,
        "specimen": coded(row.specimen_code, row.specimen_name),
        "note": row.note,
        "confidential": row.confidential,
        "ordered_at": row.ordered_at,
        "status_at": row.status_at,
        "not_before": row.not_before,
        "collect_by": row.collect_by,
        "collected_at": row.collected_at,
        "expires_at": row.expires_at,
        "expected_by": row.expected_by,
        "late": rules.is_late(row.expected_by, now),
        "with": rules.with_whom(status),
        "next_step": rules.next_step(kind, status, place),
        "reason_code": row.reason_code,
        "reason": row.reason,
        "closed_at": row.closed_at,
        "laboratory": _laboratory(row),
        "orderer": {"id": row.orderer_id, "name": row.orderer_name},
        "preparation": {
            "fasting": row.fasting,
            "fasting_hours": fasting_hours,
            "text": row.preparation,
        },
        "appointment": _appointment(row),
        "standing": _standing(row),
    }


# What an order asks for that names no hours: a night.
_SOME_HOURS = 8


def _laboratory(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.laboratory_id,
        "kind": row.laboratory_kind,
        "name": row.laboratory_name,
        "phone": row.laboratory_phone,
        "hours": row.laboratory_hours,
        "address": address(row),
    }


def address(row: Row[Any]) -> dict[str, Any]:
    return {
        "line": row.line,
        "city": row.city,
        "state": row.state,
        "postal_code": row.postal_code,
    }


def _appointment(row: Row[Any]) -> dict[str, Any] | None:
    if row.appointment_id is None:
        return None
    return {
        "id": row.appointment_id,
        "status": row.appointment_status,
        "slot_id": row.slot_id,
        "room": row.room,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
        "time_zone": row.laboratory_time_zone,
    }


def _standing(row: Row[Any]) -> dict[str, Any] | None:
    if row.standing_order_id is None:
        return None
    return {
        "id": row.standing_order_id,
        "status": row.standing_status,
        "count": row.ordered_count,
        "interval_days": row.interval_days,
        "made": row.made,
        "next_on": row.next_on,
    }


def timeline_view(
    row: Row[Any], moves: Iterable[Row[Any]], item: Row[Any] | None, now: datetime
) -> dict[str, Any]:
    """A requisition with every step so far, and who has it now."""
    view = requisition_view(row, now)
    holder = view["with"]
    names = {
        "practitioner": row.orderer_name,
        "careloop": "Careloop, on its way to the laboratory",
        "laboratory": row.laboratory_name,
        "patient": "You",
    }
    with_whom = None
    if holder is not None:
        with_whom = {"kind": holder, "name": names[holder], "since": row.status_at}
    followed_up = None
    if item is not None:
        followed_up = {"name": item.name, "due_at": item.due_at, "since": item.created_at}
    return {
        **view,
        "with": with_whom,
        "followed_up_by": followed_up,
        "history": [_move_view(move) for move in moves],
    }


def _move_view(move: Row[Any]) -> dict[str, Any]:
    return {
        "status": move.to_status,
        "from_status": move.from_status,
        "at": move.at,
        "by": {"kind": move.actor_kind, "name": move.actor_name},
        "reason_code": move.reason_code,
        "reason": move.reason,
    }


def free_slot_view(row: Row[Any]) -> dict[str, Any]:
    """A time that can be booked, and where."""
    return {
        **slot_view(row),
        "laboratory": {
            "id": row.laboratory_id,
            "name": row.laboratory_name,
            "phone": row.laboratory_phone,
            "address": address(row),
        },
        "time_zone": row.time_zone,
    }


def slot_view(slot: Row[Any]) -> dict[str, Any]:
    return {
        "id": slot.id,
        "modality": slot.modality,
        "room": slot.room,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
    }
