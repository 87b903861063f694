"""JSON of visits, made by hand, as the other slices' lists are."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row

from portal.core.clock import local_day
from portal.core.names import full_name
from portal.requisitions import rules as requisition_rules
from portal.requisitions.rules import Place
from portal.requisitions.states import RequisitionKind, RequisitionStatus
from portal.visits import rules
from portal.visits.states import VisitStatus

# What an order asks for that names no hours: a night.
_SOME_HOURS = 8


def visit_view(row: Row[Any], now: datetime, *, for_care_team: bool) -> dict[str, Any]:
    """A visit as lists show it."""
    status = VisitStatus(row.status)
    view = {
        "id": row.id,
        "patient_id": row.patient_id,
        "patient_name": full_name(row.given_name, row.family_name),
        "appointment": _appointment_of(row),
        "kind": row.kind,
        "status": row.status,
        "reason": row.reason,
        "starts_at": row.starts_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "status_at": row.status_at,
        "late": rules.is_late(status, row.starts_at, now),
        "with": rules.with_whom(status, row.summary_number),
        "practitioner": {"id": row.practitioner_id, "name": row.practitioner_name},
        "clinic": {
            "id": row.clinic_id,
            "name": row.clinic_name,
            "phone": row.clinic_phone,
            "time_zone": row.time_zone,
        },
        "confidential": row.confidential,
        "summary": _summary_of(row),
        "version": row.version,
    }
    if for_care_team:
        view["summary_due_at"] = row.summary_due_at
    return view


def _appointment_of(row: Row[Any]) -> dict[str, Any] | None:
    if row.appointment_status is None:
        return None
    about = None
    if row.about_kind is not None:
        about = {"kind": row.about_kind, "id": row.about_id}
    return {
        "id": row.appointment_id,
        "status": row.appointment_status,
        "starts_at": row.appointment_starts_at,
        "ends_at": row.appointment_ends_at,
        "about": about,
        "link": f"/api/v1/appointments/{row.appointment_id}",
    }


def _summary_of(row: Row[Any]) -> dict[str, Any] | None:
    if row.summary_number is None:
        return None
    return {
        "number": row.summary_number,
        "released_at": row.summary_released_at,
        "link": f"/api/v1/visits/{row.id}/summary",
    }


def full_visit_view(
    visit: dict[str, Any],
    *,
    vitals: Sequence[dict[str, Any]],
    instructions: Sequence[dict[str, Any]],
    history: Iterable[Row[Any]],
) -> dict[str, Any]:
    """A visit with what was measured, what is to be done, and every step so far."""
    return {
        **visit,
        "vitals": vitals,
        "instructions": instructions,
        "history": [_step_view(step) for step in history],
    }


def _step_view(step: Row[Any]) -> dict[str, Any]:
    return {
        "status": step.to_status,
        "from_status": step.from_status,
        "at": step.at,
        "starts_at": step.starts_at,
        "by": {"kind": step.actor_kind, "name": step.actor_name},
        "reason": step.reason,
    }


def due_test_view(row: Row[Any], time_zone: str) -> dict[str, Any]:
    """A test that waits for the patient, and what they do about it."""
    fasting_hours = (row.fasting_hours or _SOME_HOURS) if row.fasting else None
    place = Place(row.laboratory_name, row.not_before, fasting_hours)
    kind, status = RequisitionKind(row.kind), RequisitionStatus(row.status)
    return {
        "kind": "test",
        "id": row.id,
        "title": row.test_name,
        "due_on": local_day(row.collect_by, time_zone),
        "what_to_do": requisition_rules.next_step(kind, status, place),
        "link": f"/api/v1/requisitions/{row.id}",
    }


def due_medicine_view(row: Row[Any], today: date) -> dict[str, Any]:
    """A medicine that does not last until the visit."""
    return {
        "kind": "fill",
        "id": row.id,
        "title": f"{row.drug_name} {row.strength}",
        "due_on": row.runs_out_on,
        "what_to_do": rules.to_ask_for(row.runs_out_on, today),
        "link": f"/api/v1/prescriptions/{row.id}",
    }


def due_instruction_view(row: Row[Any]) -> dict[str, Any]:
    """Something that an earlier visit asked for."""
    return {
        "kind": row.kind,
        "id": row.id,
        "title": "Agreed at an earlier visit",
        "due_on": row.due_on,
        "what_to_do": row.text,
        "link": f"/api/v1/instructions/{row.id}",
    }
