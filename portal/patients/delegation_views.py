"""JSON of delegations, with what each amounts to today."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from portal.core.names import full_name
from portal.patients import delegation_rules as rules
from portal.patients.acting import Charge
from portal.patients.delegation_model import Delegation
from portal.patients.delegation_states import Standing
from portal.patients.model import Patient
from portal.patients.parental import Day


def delegation_view(
    delegation: Delegation, patient: Patient, day: Day, now: datetime
) -> dict[str, Any]:
    """A delegation as the patient and the care team see it."""
    standing = rules.standing_of(delegation, patient.birth_date, day.bounds, day.today, now)
    left = rules.of_age(
        delegation.kind, delegation.categories, patient.birth_date, day.bounds, day.today
    )
    return {
        "id": delegation.id,
        "patient_id": delegation.patient_id,
        "kind": delegation.kind,
        "name": delegation.delegate_name,
        "email": delegation.email,
        "relationship": delegation.relationship,
        "categories": list(delegation.categories),
        "open_categories": sorted(left) if standing is Standing.ACTIVE else [],
        "starts_on": delegation.starts_on,
        "ends_on": delegation.ends_on,
        "status": standing,
        "offered_at": delegation.offered_at,
        "answered_at": delegation.answered_at,
        "revoked_at": delegation.revoked_at,
    }


def full_view(view: dict[str, Any], steps: Iterable[Row[Any]]) -> dict[str, Any]:
    """A delegation with every step so far."""
    return {**view, "history": [_step(step, view["name"]) for step in steps]}


def _step(step: Row[Any], delegate_name: str) -> dict[str, Any]:
    name = delegate_name if step.actor_kind == "delegate" else step.actor_name
    return {
        "status": step.to_status,
        "from_status": step.from_status,
        "categories": list(step.categories),
        "starts_on": step.starts_on,
        "ends_on": step.ends_on,
        "at": step.at,
        "by": {"kind": step.actor_kind, "name": name},
        "reason": step.reason,
    }


def charge_view(charge: Charge) -> dict[str, Any]:
    """A patient, as those see them who may act for them or are asked to."""
    one = charge.delegation
    return {
        "delegation_id": one.id,
        "patient_id": one.patient_id,
        "name": full_name(charge.given_name, charge.family_name),
        "birth_date": None if charge.standing is Standing.OFFERED else charge.birth_date,
        "kind": one.kind,
        "relationship": one.relationship,
        "categories": sorted(charge.categories),
        "starts_on": one.starts_on,
        "ends_on": one.ends_on,
        "status": charge.standing,
        "notify": one.notify,
    }
