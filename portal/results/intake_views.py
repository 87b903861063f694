"""JSON of reconciliation."""

from typing import Any

from sqlalchemy import Row

from portal.results.incoming import IncomingObservation, IncomingReport


def case_view(row: Row[Any]) -> dict[str, Any]:
    """A case as lists show it."""
    summary = row.summary
    return {
        "id": row.id,
        "reason": row.reason,
        "status": row.status,
        "laboratory": summary["laboratory"],
        "patient": summary["patient"],
        "test": summary["test"],
        "report_status": summary["status"],
        "placer_number": summary["placer_number"],
        "filler_number": summary["filler_number"],
        "opened_at": row.opened_at,
        "closed_at": row.closed_at,
        "note": row.outcome_note,
        "result_id": row.report_id,
        "differences": row.differences,
        "confirmation": row.confirmation,
    }


def case_detail(row: Row[Any], report: IncomingReport | None, content: bytes) -> dict[str, Any]:
    """A case with what the report says, where it can be read, and the message as it came."""
    observations = report.observations if report is not None else ()
    return {
        **case_view(row),
        "observations": [_observation(one) for one in observations],
        "message": content.decode("utf-8", "replace"),
    }


def _observation(one: IncomingObservation) -> dict[str, Any]:
    return {
        "name": one.code.display or one.code.code,
        "value": one.text,
        "unit": one.unit,
        "reference": one.reference_text,
        "flags": list(one.flags),
    }
