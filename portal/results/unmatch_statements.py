"""What an undone match changes: versions that were taken back are no patient's, and the report says
again what stood before them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from portal.core.db import run
from portal.results.intake_statements import OBSERVATION_COLUMNS
from portal.results.model import ReportVersion

_TAKE_BACK = text(
    """
    WITH versions AS (
        UPDATE report_version SET patient_id = NULL
        WHERE report_id = :report_id AND number >= :number RETURNING id
    ), observations AS (
        UPDATE observation o SET patient_id = NULL FROM versions v WHERE o.version_id = v.id
    ), attachments AS (
        UPDATE report_attachment a SET patient_id = NULL FROM versions v WHERE a.version_id = v.id
    ), reviews AS (
        UPDATE result_review SET patient_id = NULL
        WHERE report_id = :report_id AND version_number >= :number RETURNING id
    ), followed AS (
        UPDATE follow_up f SET patient_id = NULL FROM reviews r WHERE f.review_id = r.id
        RETURNING f.id, f.kind, f.requisition_id, f.referral_id
    ), alerts AS (
        UPDATE critical_alert SET patient_id = NULL
        WHERE report_id = :report_id AND version_number >= :number
    )
    SELECT id, kind, requisition_id, referral_id FROM followed ORDER BY id
    """
)
_COPY = text(
    f"""
    INSERT INTO observation (version_id, position, report_id, patient_id, {OBSERVATION_COLUMNS})
    SELECT :to_id, position, report_id, patient_id, {OBSERVATION_COLUMNS}
    FROM observation WHERE version_id = :from_id
    """
)
_SEEN_BY = text(
    """
    SELECT w.viewer_kind AS kind, w.viewer_id AS id, coalesce(p.name, s.name) AS name,
           min(w.seen_at) AS at
    FROM result_view w LEFT JOIN practitioner p ON p.id = w.viewer_id
    LEFT JOIN staff_member s ON s.id = w.viewer_id
    WHERE w.report_id = :report_id AND w.version_number >= :number
    GROUP BY 1, 2, 3 ORDER BY at, id
    """
)
# Whoever has, or had, something to do about it.
_HOLDERS = text(
    """
    SELECT DISTINCT id, kind FROM (
        SELECT coalesce(w.claimed_by, w.assignee_id, w.closed_by) AS person_id
        FROM work_item w WHERE w.subject_id = :report_id AND w.kind LIKE 'result!_%' ESCAPE '!'
    ) had JOIN (
        SELECT id, 'practitioner' AS kind FROM practitioner
        UNION ALL SELECT id, 'staff' FROM staff_member) people ON people.id = had.person_id
    """
)
_ANSWERED = text(
    """
    SELECT EXISTS (SELECT FROM diagnostic_report WHERE requisition_id = :requisition_id
                   AND id <> :report_id AND status IN ('final', 'corrected', 'amended'))
    """
)


def versions(session: Session, report_id: UUID) -> Sequence[ReportVersion]:
    """The versions of a report that stand on its chart, the first one first."""
    return session.scalars(
        select(ReportVersion)
        .where(ReportVersion.report_id == report_id, ReportVersion.patient_id.is_not(None))
        .order_by(ReportVersion.number)
    ).all()


def seen_by(session: Session, report_id: UUID, number: int) -> Sequence[Row[Any]]:
    """Who has looked at version `number` or a later one."""
    return run(session, _SEEN_BY, {"report_id": report_id, "number": number})


def holders(session: Session, report_id: UUID) -> Sequence[Row[Any]]:
    """Who had a work item about a report."""
    return run(session, _HOLDERS, {"report_id": report_id})


def take_back(session: Session, report_id: UUID, number: int) -> Sequence[Row[Any]]:
    """Make version `number` and all later ones nobody's, with what hangs on them. Returns what
    their reviews had asked for next."""
    return run(session, _TAKE_BACK, {"report_id": report_id, "number": number})


def copy_observations(session: Session, from_id: UUID, to_id: UUID) -> None:
    """Have a version hold the values of an earlier one."""
    run(session, _COPY, {"from_id": from_id, "to_id": to_id})


def is_answered(session: Session, requisition_id: UUID, report_id: UUID) -> bool:
    """Whether another report is the final answer to an order."""
    values = {"requisition_id": requisition_id, "report_id": report_id}
    return bool(run(session, _ANSWERED, values)[0][0])
