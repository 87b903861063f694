"""The intake's writes: everything that a message brings, in one statement."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.core.db import closing, run, take_gathered, violated
from portal.results.intake_errors import TakenMeanwhile

_REPORT = """
    INSERT INTO diagnostic_report (id, patient_id, requisition_id, laboratory_id, sender,
        performer_name, responsible_id, placer_number, filler_number, code, code_system, name,
        category, status, abnormality, version_number, current_version_id, collected_at,
        reported_at, received_at, release_status)
    SELECT id, patient_id, requisition_id, laboratory_id, sender, performer_name, responsible_id,
           placer_number, filler_number, code, code_system, name, category, status, abnormality, 1,
           version_id, collected_at, issued_at, :now, 'pending'
    FROM jsonb_to_recordset(CAST(:new_reports AS jsonb)) AS r(
        id uuid, patient_id uuid, requisition_id uuid, laboratory_id uuid, sender text,
        performer_name text, responsible_id uuid, placer_number text, filler_number text,
        code text, code_system text, name text, category text, status text, abnormality text,
        version_id uuid, collected_at timestamptz, issued_at timestamptz)
"""
_SUPERSEDE = """
    UPDATE diagnostic_report d
    SET status = r.status, abnormality = r.abnormality, version_number = r.version_number,
        current_version_id = r.version_id, received_at = :now,
        filler_number = CASE WHEN d.filler_number = '' THEN r.filler_number
                             ELSE d.filler_number END,
        requisition_id = coalesce(d.requisition_id, r.requisition_id),
        collected_at = coalesce(r.collected_at, d.collected_at), version = d.version + 1
    FROM jsonb_to_recordset(CAST(:next_reports AS jsonb)) AS r(
        id uuid, status text, abnormality text, version_number int, version_id uuid,
        filler_number text, requisition_id uuid, collected_at timestamptz)
    WHERE d.id = r.id
"""
_VERSION = """
    INSERT INTO report_version (id, report_id, patient_id, number, status, abnormality, message_id,
                                issued_at, received_at, note, reason, digest, changes)
    SELECT id, report_id, patient_id, number, status, abnormality, :message_id, issued_at, :now,
           note, reason, decode(digest, 'hex'), changes
    FROM jsonb_to_recordset(CAST(:versions AS jsonb)) AS r(
        id uuid, report_id uuid, patient_id uuid, number int, status text, abnormality text,
        issued_at timestamptz, note text, reason text, digest text, changes jsonb)
"""
OBSERVATION_COLUMNS = """code, code_system, name, local_code, sub_id, kind, number, high,
    comparator, value_text, value_code, unit, reference_low, reference_high, reference_text, flags,
    abnormality, status, observed_at, note, isolate"""
_OBSERVATION = f"""
    INSERT INTO observation (version_id, position, report_id, patient_id, {OBSERVATION_COLUMNS})
    SELECT version_id, position, report_id, patient_id, {OBSERVATION_COLUMNS}
    FROM jsonb_to_recordset(CAST(:observations AS jsonb)) AS r(
        version_id uuid, position int, report_id uuid, patient_id uuid, code text,
        code_system text, name text, local_code text, sub_id text, kind text, number numeric,
        high numeric, comparator text, value_text text, value_code text, unit text,
        reference_low numeric, reference_high numeric, reference_text text, flags text[],
        abnormality text, status text, observed_at timestamptz, note text, isolate jsonb)
"""
# As they stood, but for a status that they have now, what it makes of them, and why.
_CARRIED_COLUMNS = ", ".join(
    {
        "abnormality": "coalesce(r.abnormality, o.abnormality)",
        "status": "coalesce(r.status, o.status)",
        "note": "coalesce(r.note, o.note)",
    }.get(name, f"o.{name}")
    for name in map(str.strip, OBSERVATION_COLUMNS.split(","))
)
_CARRY_OVER = f"""
    INSERT INTO observation (version_id, position, report_id, patient_id, {OBSERVATION_COLUMNS})
    SELECT r.to_version_id, r.position, o.report_id, o.patient_id, {_CARRIED_COLUMNS}
    FROM jsonb_to_recordset(CAST(:carried AS jsonb)) AS r(
        from_version_id uuid, to_version_id uuid, from_position int, position int, status text,
        abnormality text, note text)
    JOIN observation o ON o.version_id = r.from_version_id AND o.position = r.from_position
"""
_ATTACHMENT = """
    INSERT INTO report_attachment (id, version_id, report_id, patient_id, position, content_type,
                                   title, size, digest, content)
    SELECT id, version_id, report_id, patient_id, position, content_type, title, size,
           sha256(decode(content, 'base64')), decode(content, 'base64')
    FROM jsonb_to_recordset(CAST(:attachments AS jsonb)) AS r(
        id uuid, version_id uuid, report_id uuid, patient_id uuid, position int, content_type text,
        title text, size int, content text)
"""
_CASE = """
    INSERT INTO reconciliation_case (id, message_id, report_index, reason, status, clinic_id,
                                     pool_id, laboratory_id, report_id, summary, opened_at)
    SELECT r.id, :message_id, r.report_index, r.reason, 'open', p.clinic_id, r.pool_id,
           r.laboratory_id, r.report_id, r.summary, :now
    FROM jsonb_to_recordset(CAST(:cases AS jsonb)) AS r(
        id uuid, report_index int, reason text, pool_id uuid, laboratory_id uuid, report_id uuid,
        summary jsonb)
    JOIN pool p ON p.id = r.pool_id
"""
_MESSAGE = """
    INSERT INTO received_message (id, transport, laboratory_id, sender, control_id, message_type,
                                  digest, content, received_at, outcome, answers, problem)
    VALUES (:message_id, :transport, :laboratory_id, :sender, :control_id, :message_type, :digest,
            :content, :received_at, :outcome, :answers, :problem)
"""
_CONTROL = "uq_received_message_control"
# Once nobody has to match anything of a message any more.
_SETTLE_WHEN_MATCHED = text(
    """
    UPDATE received_message SET outcome = 'taken_in'
    WHERE id = :id AND outcome = 'reconciling' AND NOT EXISTS (
        SELECT FROM reconciliation_case WHERE message_id = :id AND status = 'open')
    """
)
_PARTS = {
    "new_reports": _REPORT,
    "next_reports": _SUPERSEDE,
    "versions": _VERSION,
    "observations": _OBSERVATION,
    "carried": _CARRY_OVER,
    "attachments": _ATTACHMENT,
    "cases": _CASE,
}


def write(
    session: Session,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    message_id: UUID,
    message: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    """Write everything that a message brings, the message itself unless it was kept before, and
    the audit and outbox rows so far, in one statement.

    Raises TakenMeanwhile where another transaction took a message of the same control id.
    """
    parts = [name for name in _PARTS if rows.get(name)]
    values: dict[str, Any] = {name: orjson.dumps(rows[name]).decode() for name in parts}
    values |= {"message_id": message_id, "now": now, **(message or {})}
    gathered, own, last = take_gathered(session)
    first = (_MESSAGE,) if message else ()
    statement = closing((*first, *(_PARTS[name] for name in parts), *gathered), last)
    try:
        run(session, statement, {**values, **own})
    except IntegrityError as error:
        if violated(error) == _CONTROL:
            raise TakenMeanwhile() from None
        raise


def settle_when_matched(session: Session, message_id: UUID) -> None:
    """Note that a message has been taken in, where no case of it is open any more."""
    run(session, _SETTLE_WHEN_MATCHED, {"id": message_id})
