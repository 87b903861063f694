"""JSON of results, made by hand: lists and trends are hot paths."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row


def result_view(row: Any) -> dict[str, Any]:
    """A result as lists show it."""
    return {
        "id": row.id,
        "patient_id": row.patient_id,
        "requisition_id": row.requisition_id,
        "code": row.code,
        "code_system": row.code_system,
        "name": row.name,
        "category": row.category,
        "status": row.status,
        "abnormality": row.abnormality,
        "version_number": row.version_number,
        "collected_at": row.collected_at,
        "reported_at": row.reported_at,
        "received_at": row.received_at,
        "performer": row.performer_name,
        "responsible": {"id": row.responsible_id, "name": row.responsible_name},
        "release": {
            "status": row.release_status,
            "released_at": row.released_at,
            "due_at": row.release_due_at,
        },
        "reviewed_at": row.reviewed_at,
        "reviewed_by": row.reviewer_name,
        "communicated_at": row.communicated_at,
        "seen_at": row.seen_at,
        "confidential": row.confidential,
    }


def observation_view(row: Row[Any]) -> dict[str, Any]:
    return {
        "code": row.code,
        "code_system": row.code_system,
        "name": row.name,
        "local_code": row.local_code,
        "sub_id": row.sub_id,
        "kind": row.kind,
        "value": row.value_text,
        "number": row.number,
        "high": row.high,
        "comparator": row.comparator,
        "value_code": row.value_code,
        "unit": row.unit,
        "reference": {
            "low": row.reference_low,
            "high": row.reference_high,
            "text": row.reference_text,
        },
        "flags": row.flags,
        "abnormality": row.abnormality,
        "status": row.status,
        "observed_at": row.observed_at,
        "note": row.note,
        "isolate": row.isolate,
    }


def version_view(row: Row[Any]) -> dict[str, Any]:
    """A version without its observations."""
    return {
        "number": row.number,
        "status": row.status,
        "abnormality": row.abnormality,
        "issued_at": row.issued_at,
        "received_at": row.received_at,
        "note": row.note,
        "reason": row.reason,
        "changes": row.changes,
    }


def full_version_view(row: Row[Any], observations: Sequence[Row[Any]]) -> dict[str, Any]:
    return {**version_view(row), "observations": [observation_view(each) for each in observations]}


@dataclass(frozen=True, slots=True)
class Parts:
    """All that hangs on a result; `alerts` and `chain` only for the care team."""

    observations: Sequence[Row[Any]]
    versions: Sequence[Row[Any]]
    ledger: Sequence[Row[Any]]
    reviews: Sequence[Row[Any]]
    follow_ups: Sequence[Row[Any]]
    attachments: Sequence[Row[Any]]
    alerts: Sequence[Row[Any]] = ()
    chain: Sequence[Row[Any]] = ()


def full_view(report: Row[Any], parts: Parts, *, for_care_team: bool) -> dict[str, Any]:
    """A result with all that hangs on it. Why a person held it, why there is no follow-up and who
    was asked about critical values is for the care team."""
    view = {
        **result_view(report),
        "observations": [observation_view(row) for row in parts.observations],
        "versions": [version_view(row) for row in parts.versions],
        "ledger": [_entry_view(row, for_care_team) for row in parts.ledger],
        "comments": [_comment_view(row, for_care_team) for row in parts.reviews],
        "follow_ups": [dict(row._asdict()) for row in parts.follow_ups],
        "attachments": [
            {**row._asdict(), "link": f"/api/v1/results/{report.id}/attachments/{row.id}"}
            for row in parts.attachments
        ],
    }
    if for_care_team:
        view["critical"] = {
            "alerts": [_alert_view(row) for row in parts.alerts],
            "chain": [_step_view(row) for row in parts.chain],
        }
    return view


def _entry_view(row: Row[Any], for_care_team: bool) -> dict[str, Any]:
    view = {
        "action": row.action,
        "rule": row.rule,
        "at": row.at,
        "version_number": row.version_number,
        "by": {"kind": row.actor_kind, "name": row.actor_name},
        "exception": row.exception,
        "until": row.until,
    }
    return {**view, "reason": row.reason} if for_care_team else view


def _comment_view(row: Row[Any], for_care_team: bool) -> dict[str, Any]:
    view = {
        "version_number": row.version_number,
        "at": row.at,
        "by": row.name,
        "comment": row.comment,
        "follow_up": row.follow_up,
    }
    return {**view, "reason": row.follow_up_reason} if for_care_team else view


def _alert_view(row: Row[Any]) -> dict[str, Any]:
    return {
        "version_number": row.version_number,
        "values": row.criticals,
        "raised_at": row.raised_at,
        "acknowledged_at": row.acknowledged_at,
        "acknowledged_by": row.acknowledged_by,
        "read_back": row.read_back,
        "note": row.note,
    }


def _step_view(row: Row[Any]) -> dict[str, Any]:
    return {
        "at": row.at,
        "to": row.name,
        "reason": row.reason,
        "escalation_level": row.escalation_level,
    }
