"""JSON of refills and prescriptions, made by hand: these are the hot paths."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row

from portal.core.clock import local_day
from portal.prescriptions.rules import Eligibility, PrescriptionFacts, eligibility
from portal.prescriptions.supply import lasts
from portal.refills.rules import is_late, with_whom
from portal.refills.states import RefillStatus


def facts_of(row: Row[Any]) -> PrescriptionFacts:
    return PrescriptionFacts(
        status=row.status,
        schedule=row.schedule,
        written_on=row.written_on,
        expires_on=row.expires_on,
        days_supply=lasts(row.quantity, days_supply=row.days_supply, max_per_day=row.max_per_day),
        refills_authorized=row.refills_authorized,
        refills_used=row.refills_used,
        first_fill_used=row.first_fill_used,
        last_filled_on=row.last_filled_on,
        early_refill_until=row.early_refill_until,
        open_refill_id=row.open_refill_id,
        supply_days=row.supply_days,
        refills_beyond=row.refills_beyond,
        first_fills_beyond=row.first_fills_beyond,
        as_needed=row.max_per_day is not None,
    )


def eligibility_view(answer: Eligibility, open_refill_id: Any) -> dict[str, Any]:
    return {
        "action": answer.action,
        "reasons": answer.reasons,
        "refills_remaining": answer.refills_remaining,
        "next_eligible_on": answer.next_eligible_on,
        "runs_out_on": answer.runs_out_on,
        "runs_out_not_before": answer.runs_out_not_before,
        "open_refill_id": open_refill_id,
    }


def prescription_view(row: Row[Any], now: datetime) -> dict[str, Any]:
    """A prescription with what the patient may do with it now."""
    today: date = local_day(now, row.time_zone)
    return {
        "id": row.id,
        "refill_number": row.refill_number,
        "patient_id": row.patient_id,
        "drug": {
            "rxnorm_code": row.rxnorm_code,
            "name": row.drug_name,
            "strength": row.strength,
            "form": row.form,
        },
        "directions": row.directions,
        "quantity": row.quantity,
        "unit": row.unit,
        "days_supply": row.days_supply,
        "as_needed": row.max_per_day is not None,
        "max_per_day": row.max_per_day,
        "refills_authorized": row.refills_authorized,
        "schedule": row.schedule,
        "status": row.status,
        "status_reason": row.status_reason,
        "written_on": row.written_on,
        "expires_on": row.expires_on,
        "last_filled_on": row.last_filled_on,
        "renews_id": row.previous_id,
        "confidential": row.confidential,
        "prescriber": {"id": row.prescriber_id, "name": row.prescriber_name},
        "pharmacy": {
            "id": row.pharmacy_id,
            "name": row.pharmacy_name,
            "phone": row.pharmacy_phone,
        },
        "refill": eligibility_view(eligibility(facts_of(row), today), row.open_refill_id),
    }


def refill_view(row: Any, now: datetime) -> dict[str, Any]:
    """A refill as lists show it."""
    return {
        "id": row.id,
        "prescription_id": row.prescription_id,
        "patient_id": row.patient_id,
        "kind": row.kind,
        "channel": row.channel,
        "status": row.status,
        "delivery": row.delivery,
        "urgent": row.urgent,
        "requested_at": row.requested_at,
        "status_at": row.status_at,
        "expected_by": row.expected_by,
        "late": is_late(row.expected_by, now),
        "with": with_whom(RefillStatus(row.status)),
        "reason_code": row.reason_code,
        "next_step": row.next_step,
        "closed_at": row.closed_at,
        "replaces_id": row.replaces_id,
        "drug": {"name": row.drug_name, "strength": row.strength},
        "pharmacy": {"id": row.pharmacy_id, "name": row.pharmacy_name},
        "prescriber": {"id": row.prescriber_id, "name": row.prescriber_name},
    }


def timeline_view(
    row: Row[Any], moves: Iterable[Row[Any]], item: Row[Any] | None, now: datetime
) -> dict[str, Any]:
    """A refill with every step so far, who has it now and when the next step is expected."""
    view = refill_view(row, now)
    holder = view["with"]
    names = {
        "prescriber": item.name if item else row.prescriber_name,
        "pharmacy": row.pharmacy_name,
        "careloop": "Careloop, on its way to the pharmacy",
        "carrier": row.carrier,
        "patient": "You",
    }
    return {
        **view,
        "with": None
        if holder is None
        else {"kind": holder, "name": names[holder], "since": row.status_at},
        "note": row.note,
        "decision_note": row.decision_note,
        "expected_on": row.expected_on,
        "quantity_ready": row.quantity_ready,
        "quantity_ordered": row.quantity,
        "quantity_dispensed": row.quantity_dispensed,
        "rest_due_at": row.rest_due_at,
        "cancellation": _cancellation_view(row),
        "unit": row.unit,
        "carrier": row.carrier,
        "tracking_number": row.tracking_number,
        "refill_number": row.refill_number,
        "original_prescription_id": row.original_prescription_id,
        "history": [_move_view(move) for move in moves],
    }


def _cancellation_view(row: Row[Any]) -> dict[str, Any] | None:
    """What the pharmacy was asked when the order was taken back, and what it says."""
    if row.cancel_asked_at is None:
        return None
    return {
        "asked_at": row.cancel_asked_at,
        "answer": row.cancel_answer,
        "answered_at": row.cancel_answered_at,
    }


def _move_view(move: Row[Any]) -> dict[str, Any]:
    return {
        "status": move.to_status,
        "from_status": move.from_status,
        "at": move.at,
        "by": {"kind": move.actor_kind, "name": move.actor_name},
        "reason_code": move.reason_code,
        "note": move.note,
    }
