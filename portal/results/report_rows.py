"""The rows that a report makes, as the intake's statements take them."""

import base64
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from portal.core.ids import new_id
from portal.results.envelope import Sender
from portal.results.incoming import Attachment, IncomingObservation, IncomingReport
from portal.results.intake_merge import Merge
from portal.results.intake_rules import WITHDRAWN, ReportFacts, Whose
from portal.results.states import Abnormality

MAX_TITLE = 200


def report_row(
    report: IncomingReport,
    goes_to: Whose,
    sender: Sender,
    own: dict[str, Any],
    merged: Merge,
) -> dict[str, Any]:
    return {
        "id": own["report_id"],
        "version_id": own["version_id"],
        "patient_id": goes_to.patient_id,
        "requisition_id": goes_to.requisition_id,
        "laboratory_id": sender.laboratory_id,
        "sender": sender.named,
        "performer_name": sender.name,
        "responsible_id": goes_to.responsible_id,
        "placer_number": report.placer_number,
        "filler_number": report.filler_number,
        "code": report.code.code,
        "code_system": report.code.system,
        "name": report.code.display or report.code.code,
        "category": report.category,
        "status": merged.status,
        "abnormality": merged.abnormality,
        "collected_at": None if merged.carried_first else report.collected_at,
        "issued_at": merged.issued_at,
    }


def version_row(merged: Merge, own: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "id": own["version_id"],
        "report_id": own["report_id"],
        "patient_id": own["patient_id"],
        "number": number,
        "status": merged.status,
        "abnormality": merged.abnormality,
        "issued_at": merged.issued_at,
        "note": merged.note or None,
        "reason": merged.reason or None,
        "digest": merged.digest.hex(),
        "changes": list(merged.changes),
    }


def observation_rows(merged: Merge, own: dict[str, Any]) -> list[dict[str, Any]]:
    """What a version writes anew."""
    after = len(merged.kept) if merged.carried_first else 0
    return [
        {**own, "position": position, **observation_columns(one)}
        for position, one in enumerate(merged.written, after + 1)
    ]


def carried_rows(merged: Merge, known: ReportFacts, version_id: UUID) -> list[dict[str, Any]]:
    """What a version takes over from the one before. What is withdrawn says nothing any more."""
    after = 0 if merged.carried_first else len(merged.written)
    return [
        {
            "from_version_id": known.version_id,
            "to_version_id": version_id,
            "from_position": one.known.position,
            "position": position,
            "status": one.status,
            "abnormality": Abnormality.UNKNOWN if one.status in WITHDRAWN else None,
            "note": one.note or None,
        }
        for position, one in enumerate(merged.kept, after + 1)
    ]


def observation_columns(observation: IncomingObservation) -> dict[str, Any]:
    """An observation's columns. Numbers go as text, so that none loses a digit."""
    number, high = observation.number, observation.high
    low_end, high_end = observation.reference_low, observation.reference_high
    return {
        "code": observation.code.code,
        "code_system": observation.code.system,
        "name": observation.code.display or observation.code.code,
        "local_code": observation.local.code if observation.local else None,
        "sub_id": observation.sub_id,
        "kind": observation.kind,
        "number": None if number is None else str(number),
        "high": None if high is None else str(high),
        "comparator": observation.comparator,
        "value_text": observation.text,
        "value_code": observation.value_code.code if observation.value_code else None,
        "unit": observation.unit,
        "reference_low": None if low_end is None else str(low_end),
        "reference_high": None if high_end is None else str(high_end),
        "reference_text": observation.reference_text,
        "flags": list(observation.flags),
        "abnormality": Abnormality.UNKNOWN
        if observation.status in WITHDRAWN
        else observation.abnormality,
        "status": observation.status,
        "observed_at": observation.observed_at,
        "note": observation.note or None,
        "isolate": observation.isolate and asdict(observation.isolate),
    }


def attachment_rows(
    report: IncomingReport, merged: Merge, own: dict[str, Any]
) -> list[dict[str, Any]]:
    """The documents of a version, and those that came as observations."""
    inside = [one.attachment for one in merged.written if one.attachment is not None]
    documents: Sequence[Attachment] = (*merged.attachments, *inside)
    return [
        {
            "id": new_id(),
            **own,
            "position": position,
            "content_type": document.content_type,
            "title": (document.title or report.code.display)[:MAX_TITLE],
            "size": len(document.content),
            "content": base64.b64encode(document.content).decode(),
        }
        for position, document in enumerate(documents, 1)
    ]
