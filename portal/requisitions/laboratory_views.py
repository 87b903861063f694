"""JSON for laboratories and radiology departments, made by hand."""

from typing import Any

from sqlalchemy import Row

from portal.requisitions.states import MessageKind
from portal.requisitions.views import address, coded


def order_view(row: Row[Any]) -> dict[str, Any]:
    """An entry of the feed; one to be left has its ids alone, since it may no longer be the
    laboratory's to see."""
    view = {
        "entry_id": row.id,
        "kind": row.kind,
        "requisition_id": row.requisition_id,
        "created_at": row.created_at,
        "acknowledged_at": row.answered_at,
        "status": row.status,
    }
    if row.kind == MessageKind.CANCEL or row.patient_id is None:
        return view
    return {
        **view,
        "placer_number": row.placer_number,
        "group_number": row.group_number,
        "filler_number": row.filler_number,
        "order_kind": row.requisition_kind,
        "test": {"code": row.test_code, "name": row.test_name, "modality": row.modality},
        "priority": row.priority,
        "diagnoses": row.diagnoses,
        "specimen": coded(row.specimen_code, row.specimen_name),
        "fasting": row.fasting,
        "note": row.note,
        "not_before": row.not_before,
        "collect_by": row.collect_by,
        "ordered_at": row.ordered_at,
        "collected_at": row.collected_at,
        "patient": _patient(row),
        "orderer": {"name": row.orderer_name, "npi": row.npi},
        "appointment": _appointment(row),
    }


def _patient(row: Row[Any]) -> dict[str, Any]:
    return {
        "mrn": row.mrn,
        "given_name": row.given_name,
        "family_name": row.family_name,
        "birth_date": row.birth_date,
        "sex": row.sex,
        "phone": row.phone,
        "address": address(row),
    }


def _appointment(row: Row[Any]) -> dict[str, Any] | None:
    if row.appointment_id is None:
        return None
    return {
        "id": row.appointment_id,
        "room": row.room,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
    }


def appointment_view(row: Row[Any]) -> dict[str, Any]:
    """Who comes when, for what."""
    return {
        "id": row.id,
        "status": row.status,
        "requisition_id": row.requisition_id,
        "placer_number": row.placer_number,
        "test": {"code": row.test_code, "name": row.test_name},
        "priority": row.priority,
        "slot_id": row.slot_id,
        "modality": row.modality,
        "room": row.room,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
        "booked_at": row.booked_at,
        "patient": {
            "mrn": row.mrn,
            "given_name": row.given_name,
            "family_name": row.family_name,
            "birth_date": row.birth_date,
            "phone": row.phone,
        },
    }
