"""The rows that a report makes, as the intake's statements take them."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from portal.core.ids import new_id
from portal.results import intake_rules as rules
from portal.results.envelope import Sender
from portal.results.incoming import Attachment, IncomingObservation, IncomingReport
from portal.results.intake_rules import ReportFacts, Whose
from portal.results.states import Abnormality

MAX_TITLE = 200


def report_row(
    report: IncomingReport,
    goes_to: Whose,
    sender: Sender,
    own: dict[str, Any],
    worst: Abnormality,
    issued_at: datetime,
) -> dict[str, Any]:
    return {
        "id": own["report_id"],
        "version_id": own["version_id"],
        "patient_id": goes_to.patient_id,
        "requisition_id": goes_to.requisition_id,
        "laboratory_id": sender.laboratory_id,
        "performer_name": sender.name,
        "responsible_id": goes_to.responsible_id,
        "placer_number": report.placer_number,
        "filler_number": report.filler_number,
        "code": report.code.code,
        "code_system": report.code.system,
        "name": report.code.display or report.code.code,
        "category": report.category,
        "status": report.status,
        "abnormality": worst,
        "collected_at": report.collected_at,
        "issued_at": issued_at,
    }


def version_row(
    report: IncomingReport,
    known: ReportFacts | None,
    own: dict[str, Any],
    number: int,
    worst: Abnormality,
    issued_at: datetime,
) -> dict[str, Any]:
    return {
        "id": own["version_id"],
        "report_id": own["report_id"],
        "patient_id": own["patient_id"],
        "number": number,
        "status": report.status,
        "abnormality": worst,
        "issued_at": issued_at,
        "note": report.note or None,
        "reason": report.reason or None,
        "digest": rules.digest_of(report).hex(),
        "changes": [] if known is None else rules.changes(report, known),
    }


def carried_row(report: IncomingReport, known: ReportFacts, version_id: UUID) -> dict[str, Any]:
    return {
        "from_version_id": known.version_id,
        "to_version_id": version_id,
        "after": len(report.observations),
        "mentioned": sorted({(one.code.code, one.sub_id) for one in report.observations}),
    }


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
        "abnormality": observation.abnormality,
        "status": observation.status,
        "observed_at": observation.observed_at,
        "note": observation.note or None,
    }


def attachment_rows(report: IncomingReport, own: dict[str, Any]) -> list[dict[str, Any]]:
    """The documents of a report, and those that came as observations."""
    inside = [one.attachment for one in report.observations if one.attachment is not None]
    documents: Sequence[Attachment] = (*report.attachments, *inside)
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
