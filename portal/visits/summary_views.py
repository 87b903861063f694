"""JSON of summaries and of what is to be done after visits."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from portal.visits.states import InstructionStatus


def instruction_view(row: Row[Any], now: datetime) -> dict[str, Any]:
    """An instruction and whether it was carried out."""
    still_open = row.status == InstructionStatus.OPEN
    return {
        "id": row.id,
        "visit_id": row.visit_id,
        "patient_id": row.patient_id,
        "kind": row.kind,
        "text": row.text,
        "due_on": row.due_on,
        "target_id": row.target_id,
        "status": row.status,
        "late": still_open and row.due_at is not None and row.due_at < now,
        "closed_at": row.closed_at,
        "done_by": row.done_by,
        "closed_by": None
        if row.closed_by_kind is None
        else {"kind": row.closed_by_kind, "name": row.closed_by_name},
    }


def summary_view(
    row: Row[Any], content: Mapping[str, Any], followed: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A version of a summary; `followed` says what became of its instructions since."""
    standing = {str(one["id"]): one for one in followed}
    return {
        "visit_id": row.visit_id,
        **version_view(row),
        **content,
        "instructions": [
            _instruction(one, standing.get(one["id"])) for one in content["instructions"]
        ],
    }


def _instruction(written: Mapping[str, Any], standing: Mapping[str, Any] | None) -> dict[str, Any]:
    """As the version has it, with its completion; a draft's new ones are not followed yet."""
    names = ("status", "late", "closed_at", "done_by", "closed_by")
    return {**written, **{name: standing[name] if standing else None for name in names}}


def version_view(row: Row[Any]) -> dict[str, Any]:
    """What a version is: its number, since when it is the patient's, and what it amends."""
    return {
        "number": row.number,
        "status": row.status,
        "written_by": row.written_by_name,
        "written_at": row.written_at,
        "released_by": row.released_by_name,
        "released_at": row.released_at,
        "amendment": row.amendment,
    }
