"""JSON of times, appointments and offers, made by hand. Times are by the clock of the place: RFC
3339, with its offset from UTC on that day."""

from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from portal.appointments import rules
from portal.appointments.states import AppointmentStatus
from portal.core.names import full_name


def slot_view(row: Any) -> dict[str, Any]:
    """A time, and where."""
    zone = ZoneInfo(row.time_zone)
    return {
        "id": row.id,
        "service_type": row.service_type,
        "starts_at": row.starts_at.astimezone(zone),
        "ends_at": row.ends_at.astimezone(zone),
        "place": _place(row),
        "practitioner": _practitioner(row),
    }


def opened_slot_view(row: Any) -> dict[str, Any]:
    """A time as the clinic sees it: taken or not, and by which appointment."""
    return {**slot_view(row), "free": not row.taken, "appointment_id": row.appointment_id}


def _place(row: Any) -> dict[str, Any]:
    address = None
    if row.line is not None:
        address = {
            "line": row.line,
            "city": row.city,
            "state": row.state,
            "postal_code": row.postal_code,
        }
    return {
        "name": row.place_name,
        "room": row.room,
        "phone": row.phone,
        "address": address,
        "time_zone": row.time_zone,
    }


def _practitioner(row: Any) -> dict[str, Any] | None:
    if row.practitioner_id is None:
        return None
    return {"id": row.practitioner_id, "name": row.practitioner_name}


def _about(row: Any) -> dict[str, Any] | None:
    return None if row.about_kind is None else {"kind": row.about_kind, "id": row.about_id}


def appointment_view(row: Any) -> dict[str, Any]:
    """An appointment as lists show it."""
    zone = ZoneInfo(row.time_zone)
    until = None
    if row.status == AppointmentStatus.BOOKED:
        until = rules.changeable_until(row.starts_at).astimezone(zone)
    return {
        "id": row.id,
        "status": row.status,
        "reason_code": row.reason_code,
        "reason": row.reason,
        "about": _about(row),
        "service_type": row.service_type,
        "slot_id": row.slot_id,
        "starts_at": row.starts_at.astimezone(zone),
        "ends_at": row.ends_at.astimezone(zone),
        "place": _place(row),
        "practitioner": _practitioner(row),
        "patient": _patient(row),
        "booked_at": row.booked_at,
        "ended_at": row.ended_at,
        "changeable_until": until,
        "waits_for_earlier": row.waits_for_earlier,
    }


def _patient(row: Any) -> dict[str, Any]:
    """Whose it is; the name for those who may see the patient's record."""
    name = None if row.given_name is None else full_name(row.given_name, row.family_name)
    return {"id": row.patient_id, "name": name}


def appointment_detail(row: Any, steps: Iterable[Any]) -> dict[str, Any]:
    """An appointment with every step so far."""
    return {
        **appointment_view(row),
        "history": [
            {
                "status": step.to_status,
                "from_status": step.from_status,
                "at": step.at,
                "by": {"kind": step.actor_kind, "name": step.actor_name},
                "reason_code": step.reason_code,
                "reason": step.reason,
            }
            for step in steps
        ],
    }


def offer_view(row: Any, slots: Sequence[Any]) -> dict[str, Any]:
    """An offer with the times that still stand."""
    return {
        "id": row.id,
        "patient_id": row.patient_id,
        "status": row.status,
        "about": _about(row),
        "instead_of": row.replaces_id,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "ended_at": row.ended_at,
        "reason": row.reason,
        "appointment_id": row.appointment_id,
        "slots": [slot_view(slot) for slot in slots],
    }
