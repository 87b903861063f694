"""JSON of letters and calls."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from portal.notifications.outreach_model import Letter, PhoneCall
from portal.patients.model import Patient

_WORKERS_NAME = "Careloop"


def letter_view(letter: Letter) -> dict[str, Any]:
    """A letter as lists show it."""
    return {
        "id": letter.id,
        "patient_id": letter.patient_id,
        "event": letter.event,
        "subject_id": letter.subject_id,
        "status": letter.status,
        "addressee": letter.addressee,
        "pages": letter.pages,
        "document": f"/api/v1/letters/{letter.id}/document",
        "created_at": letter.created_at,
        "printed_at": letter.printed_at,
        "ended_at": letter.ended_at,
        "note": letter.note,
    }


def letter_detail(letter: Letter, steps: Sequence[Row[Any]]) -> dict[str, Any]:
    """A letter with every step so far."""
    history = [
        {
            "status": step.to_status,
            "from_status": step.from_status,
            "at": step.at,
            "by": {"kind": step.actor_kind, "name": step.actor_name or _WORKERS_NAME},
            "note": step.note,
        }
        for step in steps
    ]
    return {**letter_view(letter), "history": history}


def call_view(call: PhoneCall, patient: Patient, attempts: Sequence[Row[Any]]) -> dict[str, Any]:
    """A call with whom to ask for, what to say, and what came of each attempt."""
    return {
        "id": call.id,
        "event": call.event,
        "subject_id": call.subject_id,
        "status": call.status,
        "patient": {
            "id": patient.id,
            "name": patient.name,
            "birth_date": patient.birth_date,
            "phone": patient.phone,
            "language": patient.language,
        },
        "script": call.script,
        "created_at": call.created_at,
        "ended_at": call.ended_at,
        "attempts": [
            {
                "number": attempt.number,
                "at": attempt.at,
                "by": {"kind": attempt.caller_kind, "name": attempt.caller_name},
                "outcome": attempt.outcome,
                "note": attempt.note,
            }
            for attempt in attempts
        ],
    }
