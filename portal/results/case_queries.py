"""Reading cases of reconciliation, and whom they could be about."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

_CASE = """
    SELECT c.id, c.message_id, c.report_index, c.reason, c.status, c.clinic_id, c.laboratory_id,
           c.summary, c.opened_at, c.closed_at, c.outcome_note, c.report_id,
           c.differences, c.confirmation, m.transport, m.received_at, m.sender
    FROM reconciliation_case c JOIN received_message m ON m.id = c.message_id
"""
_CASES = text(
    f"""
    {_CASE}
    WHERE (CAST(:status AS text) IS NULL OR c.status = :status)
      AND (CAST(:moment AS timestamptz) IS NULL OR (c.opened_at, c.id) > (:moment, :id))
    ORDER BY c.opened_at, c.id LIMIT :limit
    """
)
_ONE = text(f"{_CASE} WHERE c.id = :id")
_SET_ASIDE = text(
    f"{_CASE} WHERE c.status = 'open' AND c.reason = 'not_taken_in' ORDER BY c.opened_at, c.id"
)
_CONTENT = text("SELECT content FROM received_message WHERE id = :id")
_ORDER = text(
    """
    SELECT q.id, careloop_surviving(q.patient_id) AS patient_id, q.orderer_id, pr.clinic_id
    FROM requisition q JOIN practitioner pr ON pr.id = q.orderer_id
    WHERE q.id = :id AND q.status <> 'draft'
    """
)
_PATIENT = text(
    """
    SELECT s.id, s.clinic_id,
           (SELECT c.member_id FROM care_team_member c
            WHERE c.patient_id = s.id AND c.member_kind = 'practitioner' AND c.ended_on IS NULL
            ORDER BY c.role <> 'primary', c.started_on LIMIT 1) AS primary_id
    FROM patient p JOIN patient s ON s.id = careloop_surviving(p.id)
    WHERE p.id = :id
       OR p.id = careloop_patient_by_mrn(CAST(:mrn AS text), CAST(:birth_date AS date))
    """
)
# An incident ends with the item about its case that was open after it.
_INCIDENTS = text(
    """
    SELECT i.id, i.case_id, i.report_id AS result_id, i.patient_id, i.reason, i.was_released,
           i.seen_by, i.follow_ups, i.opened_at, w.closed_at, w.outcome
    FROM privacy_incident i LEFT JOIN LATERAL (
        SELECT w.closed_at, w.outcome FROM work_item w
        WHERE w.subject_id = i.case_id AND w.kind = 'privacy_incident'
          AND (w.closed_at IS NULL OR w.closed_at >= i.opened_at)
        ORDER BY w.created_at LIMIT 1) w ON true
    WHERE i.case_id = :id ORDER BY i.opened_at, i.id
    """
)
_BY_NPI = text("SELECT id FROM practitioner WHERE npi = :npi AND active")


def cases(
    session: Session, *, status: str | None, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row[Any]]:
    """The cases that the actor may see, the oldest first, one more than `limit`."""
    moment, id_ = after or (None, None)
    values = {"status": status, "moment": moment, "id": id_, "limit": limit + 1}
    return session.execute(_CASES, values).all()


def set_aside(session: Session) -> Sequence[Row[Any]]:
    """The cases of messages that failed on our side, the oldest first."""
    return session.execute(_SET_ASIDE).all()


def case(session: Session, case_id: UUID) -> Row[Any] | None:
    return session.execute(_ONE, {"id": case_id}).first()


def content(session: Session, message_id: UUID) -> bytes:
    """A message as it came."""
    return bytes(session.execute(_CONTENT, {"id": message_id}).scalar_one())


def incidents(session: Session, case_id: UUID) -> Sequence[Row[Any]]:
    """The privacy incidents of a case, with what came of each. For the workers."""
    return session.execute(_INCIDENTS, {"id": case_id}).all()


def order(session: Session, requisition_id: UUID) -> Row[Any] | None:
    return session.execute(_ORDER, {"id": requisition_id}).first()


def patient(
    session: Session, patient_id: UUID | None, *, mrn: str | None, birth_date: date | None
) -> Row[Any] | None:
    """A patient by id, or by both marks of their record."""
    values = {"id": patient_id, "mrn": mrn, "birth_date": birth_date}
    return session.execute(_PATIENT, values).first()


def practitioner_by_npi(session: Session, npi: str) -> UUID | None:
    return cast(UUID | None, session.execute(_BY_NPI, {"npi": npi}).scalar()) if npi else None
