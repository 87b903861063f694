"""Reading results: lists, one result with all that hangs on it, and one analyte over time."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from portal.core.db import run

# Of a trend; more than that is for another way of reading.
MOST_POINTS = 1000

_REPORT = """
    SELECT r.id, r.patient_id, r.requisition_id, r.laboratory_id, r.performer_name, r.code,
           r.code_system, r.name, r.category, r.status, r.abnormality, r.version_number,
           r.current_version_id, r.collected_at, r.reported_at, r.received_at, r.release_status,
           r.release_due_at, r.released_at, r.reviewed_at, r.reviewed_version, r.communicated_at,
           r.seen_at, r.confidential, r.responsible_id, p.name AS responsible_name,
           rv.name AS reviewer_name
    FROM diagnostic_report r
    JOIN practitioner p ON p.id = r.responsible_id
    LEFT JOIN practitioner rv ON rv.id = r.reviewed_by
"""
_PAGE = """
      AND (CAST(:status AS text) IS NULL OR r.status = :status)
      AND (NOT :abnormal OR r.abnormality IN ('abnormal', 'critical'))
      AND (NOT :unreviewed OR r.reviewed_at IS NULL
           AND r.status IN ('final', 'corrected', 'amended'))
      AND (CAST(:moment AS timestamptz) IS NULL OR (r.reported_at, r.id) < (:moment, :id))
    ORDER BY r.reported_at DESC, r.id DESC LIMIT :limit
"""
_LIST = text(f"{_REPORT} WHERE r.patient_id = :patient_id {_PAGE}")
_OWN_UNREVIEWED = text(
    f"{_REPORT} WHERE r.responsible_id = :responsible_id AND r.reviewed_at IS NULL {_PAGE}"
)
_ONE = text(f"{_REPORT} WHERE r.id = :id")
_VERSIONS = text(
    """
    SELECT id, number, status, abnormality, issued_at, received_at, note, reason, changes
    FROM report_version WHERE report_id = :id ORDER BY number
    """
)
_OBSERVATIONS = text(
    """
    SELECT position, code, code_system, name, local_code, sub_id, kind, number, high, comparator,
           value_text, value_code, unit, reference_low, reference_high, reference_text, flags,
           abnormality, status, observed_at, note, isolate
    FROM observation WHERE version_id = :version_id ORDER BY position
    """
)
_LEDGER = text(
    """
    SELECT e.action, e.rule, e.exception, e.reason, e.until, e.at, e.version_number, e.actor_kind,
           p.name AS actor_name
    FROM release_entry e LEFT JOIN practitioner p ON p.id = e.actor_id
    WHERE e.report_id = :id ORDER BY e.at, e.id
    """
)
_REVIEWS = text(
    """
    SELECT v.id, v.version_number, v.at, v.comment, v.follow_up, v.follow_up_reason, p.name
    FROM result_review v JOIN practitioner p ON p.id = v.reviewer_id
    WHERE v.report_id = :id AND v.patient_id IS NOT NULL ORDER BY v.at, v.id
    """
)
_FOLLOW_UPS = text(
    """
    SELECT id, kind, due_on, note, requisition_id, referral_id, created_at FROM follow_up
    WHERE report_id = :id ORDER BY created_at, id
    """
)
_ATTACHMENTS = text(
    """
    SELECT a.id, v.number AS version_number, a.content_type, a.title, a.size
    FROM report_attachment a JOIN report_version v ON v.id = a.version_id
    WHERE a.report_id = :id ORDER BY v.number, a.position
    """
)
_ATTACHMENT = text(
    """
    SELECT a.id, a.report_id, a.patient_id, a.content_type, a.title, a.content
    FROM report_attachment a JOIN diagnostic_report r ON r.id = a.report_id
    WHERE a.id = :id AND a.report_id = :report_id
    """
)
_ALERTS = text(
    """
    SELECT a.id, a.version_number, a.criticals, a.raised_at, a.acknowledged_at, a.read_back,
           a.note, p.name AS acknowledged_by
    FROM critical_alert a LEFT JOIN practitioner p ON p.id = a.acknowledged_by
    WHERE a.report_id = :id ORDER BY a.raised_at, a.id
    """
)
_CHAIN = text(
    """
    SELECT w.created_at AS opened_at, h.at, h.reason, h.escalation_level,
           coalesce(p.name, s.name, po.name) AS name
    FROM work_item w
    JOIN work_item_hop h ON h.work_item_id = w.id
    JOIN pool po ON po.id = h.pool_id
    LEFT JOIN practitioner p ON p.id = h.assignee_id
    LEFT JOIN staff_member s ON s.id = h.assignee_id
    WHERE w.subject_id = :id AND w.kind = 'result_critical' ORDER BY h.at, h.id
    """
)
_VIEW = text(
    """
    INSERT INTO result_view (report_id, version_number, viewer_id, viewer_kind, patient_id, seen_at)
    VALUES (:report_id, :number, :viewer_id, :viewer_kind, :patient_id, :now)
    ON CONFLICT DO NOTHING
    """
)
_SEEN = text(
    """
    UPDATE diagnostic_report SET seen_at = coalesce(seen_at, :now),
                                 communicated_at = coalesce(communicated_at, :now),
                                 version = version + 1
    WHERE id = :id AND (seen_at IS NULL OR communicated_at IS NULL) RETURNING id
    """
)
# The current versions' values of one analyte; one without a time of its own counts from when its
# specimen was taken, or it was reported. What has a time that can't be comes along with the reason,
# whatever span is wanted: a day is left for clocks and zones.
_TREND = text(
    """
    SELECT r.id AS report_id, coalesce(o.observed_at, r.collected_at, r.reported_at) AS at,
           o.name, o.kind, o.number, o.comparator, o.value_text, o.unit, o.reference_low,
           o.reference_high, o.reference_text, o.abnormality, o.status, r.performer_name,
           t.impossible
    FROM observation o
    JOIN diagnostic_report r ON r.id = o.report_id AND r.current_version_id = o.version_id
    CROSS JOIN (SELECT (SELECT birth_date FROM patient WHERE id = :patient_id) AS born) p
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN coalesce(o.observed_at, r.collected_at, r.reported_at)
                 > CAST(:now AS timestamptz) + interval '1 day' THEN 'in_the_future'
            WHEN coalesce(o.observed_at, r.collected_at, r.reported_at)
                 < p.born - interval '1 day' THEN 'before_birth' END AS impossible) t
    WHERE o.patient_id = :patient_id AND o.code = :code
      AND (t.impossible IS NOT NULL OR o.observed_at BETWEEN :since AND :until
           OR (o.observed_at IS NULL
               AND coalesce(r.collected_at, r.reported_at) BETWEEN :since AND :until))
      AND o.status NOT IN ('cancelled', 'entered_in_error', 'registered', 'not_asked')
      AND r.status NOT IN ('cancelled', 'entered_in_error')
    ORDER BY t.impossible IS NOT NULL, at DESC, r.id DESC LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which results are listed: a patient's, or all that a practitioner has to review."""

    patient_id: UUID | None
    responsible_id: UUID
    status: str | None
    abnormal: bool
    unreviewed: bool


def results(
    session: Session, wanted: Wanted, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row[Any]]:
    """Results, the newest first, one more than `limit`: one statement."""
    moment, id_ = after or (None, None)
    values = {**asdict(wanted), "moment": moment, "id": id_, "limit": limit + 1}
    return run(session, _OWN_UNREVIEWED if wanted.patient_id is None else _LIST, values)


def result(session: Session, report_id: UUID) -> Row[Any] | None:
    return next(iter(run(session, _ONE, {"id": report_id})), None)


def versions(session: Session, report_id: UUID) -> Sequence[Row[Any]]:
    """Every version of a result, the first one first."""
    return run(session, _VERSIONS, {"id": report_id})


def observations(session: Session, version_id: UUID) -> Sequence[Row[Any]]:
    """The observations of a version in the report's order."""
    return run(session, _OBSERVATIONS, {"version_id": version_id})


def ledger(session: Session, report_id: UUID) -> Sequence[Row[Any]]:
    """When and why a result became visible to the patient, or did not."""
    return run(session, _LEDGER, {"id": report_id})


def reviews(session: Session, report_id: UUID) -> Sequence[Row[Any]]:
    return run(session, _REVIEWS, {"id": report_id})


def follow_ups(session: Session, report_id: UUID) -> Sequence[Row[Any]]:
    return run(session, _FOLLOW_UPS, {"id": report_id})


def attachments(session: Session, report_id: UUID) -> Sequence[Row[Any]]:
    """What documents a result has, without their content."""
    return run(session, _ATTACHMENTS, {"id": report_id})


def attachment(session: Session, report_id: UUID, attachment_id: UUID) -> Row[Any] | None:
    """A document with its content."""
    values = {"id": attachment_id, "report_id": report_id}
    return next(iter(run(session, _ATTACHMENT, values)), None)


def alerts(session: Session, report_id: UUID) -> Sequence[Row[Any]]:
    """The critical alerts of a result, with who acknowledged each."""
    return run(session, _ALERTS, {"id": report_id})


def critical_chain(session: Session, report_id: UUID) -> Sequence[Row[Any]]:
    """Who was asked to acknowledge a critical result, when and why."""
    return run(session, _CHAIN, {"id": report_id})


def trend(
    session: Session,
    patient_id: UUID,
    code: str,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
) -> Sequence[Row[Any]]:
    """An analyte's values, the newest first, one more than MOST_POINTS at most, those with a time
    that can't be last: one statement."""
    values = {"patient_id": patient_id, "code": code, "since": since, "until": until, "now": now}
    return run(session, _TREND, {**values, "limit": MOST_POINTS + 1})


def note_view(session: Session, values: Mapping[str, Any]) -> None:
    """Keep that somebody has seen a version, the first time."""
    run(session, _VIEW, values)


def note_seen(session: Session, report_id: UUID, now: datetime) -> bool:
    """Keep that the patient has looked; False when that was known."""
    return bool(run(session, _SEEN, {"id": report_id, "now": now}))
