"""JSON for pharmacies, made by hand."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import Row

from portal.core import problems
from portal.core.errors import FieldError, PortalError
from portal.core.names import full_name
from portal.refills.errors import (
    EventIdReused,
    RefillNotHeld,
    UpdateInvalid,
    UpdateLate,
    UpdateQuarantined,
)
from portal.refills.model import Refill
from portal.refills.pharmacy_model import UpdateOutcome
from portal.refills.states import Delivery
from portal.refills.update_rules import StatusUpdate


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
            "as_needed": row.max_per_day is not None,
            "max_per_day": row.max_per_day,
            "schedule": row.schedule,
            "written_on": row.written_on,
            "expires_on": row.expires_on,
        },
        "prescriber": {"name": row.prescriber_name, "npi": row.npi},
    }


def _patient(row: Row[Any]) -> dict[str, Any]:
    patient = {
        "name": full_name(row.given_name, row.family_name),
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
    return {
        **row._mapping,
        "content": orjson.Fragment(row.content),
        "problem": problem_view(row.outcome, row.problem),
    }


_PROBLEMS: Mapping[str, type[PortalError]] = {
    UpdateOutcome.INVALID: UpdateInvalid,
    UpdateOutcome.LATE: UpdateLate,
    UpdateOutcome.QUARANTINED: UpdateQuarantined,
    UpdateOutcome.WITHDRAWN: UpdateQuarantined,
    UpdateOutcome.CONFLICT: EventIdReused,
    UpdateOutcome.NOT_FOUND: RefillNotHeld,
}


def problem_view(outcome: str, words: str | None) -> dict[str, Any] | None:
    """What is wrong with an update (RFC 9457), of the words that were kept for it."""
    kind = _PROBLEMS.get(outcome)
    if words is None or kind is None:
        return None
    return problems.document(kind(words, errors=list(_parts(words))))


def _parts(words: str) -> Iterator[FieldError]:
    """The members that words are about: each named by its pointer, or the first word names it."""
    for part in words.split("; "):
        if part.startswith("/"):
            pointer, _, message = part.partition(": ")
            yield FieldError(pointer, message)
    first = words.partition(" ")[0]
    if first in _MEMBERS:
        yield FieldError(f"/{first}", words)


_MEMBERS = StatusUpdate.__dataclass_fields__.keys()
