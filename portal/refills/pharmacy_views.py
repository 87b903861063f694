"""JSON for pharmacies, made by hand."""

from typing import Any

import orjson
from sqlalchemy import Row

from portal.refills.model import Refill
from portal.refills.states import Delivery


def order_view(row: Row[Any], whole: bool) -> dict[str, Any]:
    """An order; one to be left has its ids alone, since it is no longer the pharmacy's to see."""
    view = {
        "order_id": row.id,
        "kind": row.kind,
        "refill_id": row.refill_id,
        "created_at": row.created_at,
        "acknowledged_at": row.acknowledged_at,
        "status": row.status,
    }
    if not whole or row.patient_id is None or row.refill_number is None:
        return view
    return {
        **view,
        "refill_kind": row.refill_kind,
        "delivery": row.delivery,
        "note": row.note,
        "patient": _patient(row),
        "prescription": {
            "refill_number": row.refill_number,
            "rxnorm_code": row.rxnorm_code,
            "drug": f"{row.drug_name} {row.strength} {row.form}",
            "directions": row.directions,
            "quantity": row.quantity,
            "unit": row.unit,
            "days_supply": row.days_supply,
            "schedule": row.schedule,
            "written_on": row.written_on,
            "expires_on": row.expires_on,
        },
        "prescriber": {"name": row.prescriber_name, "npi": row.npi},
    }


def _patient(row: Row[Any]) -> dict[str, Any]:
    patient = {
        "name": f"{row.given_name} {row.family_name}",
        "birth_date": row.birth_date,
        "phone": row.phone,
    }
    if row.delivery == Delivery.MAIL:
        patient["address"] = {
            "line": row.line,
            "city": row.city,
            "state": row.state,
            "postal_code": row.postal_code,
        }
    return patient


def cancellation_view(refill: Refill) -> dict[str, Any]:
    return {
        "refill_id": refill.id,
        "status": refill.status,
        "answer": refill.cancel_answer,
        "answered_at": refill.cancel_answered_at,
    }


def feed_view(row: Row[Any]) -> dict[str, Any]:
    webhook = None
    if row.webhook_status is not None:
        webhook = {
            "status": row.webhook_status,
            "url": row.webhook_url,
            "failures": row.failures,
            "last_success_at": row.last_success_at,
            "last_failure_at": row.last_failure_at,
            "last_failure": row.last_failure,
        }
    return {
        "last_pull_at": row.last_pull_at,
        "last_update_at": row.last_update_at,
        "late": row.late,
        "quarantined": row.quarantined,
        "unacknowledged": row.unacknowledged,
        "oldest_unacknowledged_at": row.oldest_unacknowledged_at,
        "webhook": webhook,
    }


def update_view(row: Row[Any]) -> dict[str, Any]:
    """An update as it was received: its numbers may be larger than a JSON library writes."""
    return {**row._mapping, "content": orjson.Fragment(row.content)}
