"""What the use cases ask about results: rows to be changed, and what the workers look for."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from portal.notifications.states import NotificationEvent
from portal.results.model import DiagnosticReport
from portal.results.review_model import CriticalAlert, FollowUp
from portal.results.states import FollowUpKind

_FIRST_VALUES = text(
    """
    SELECT min(received_at) FROM report_version WHERE report_id = :id
      AND status IN ('partial', 'preliminary', 'final', 'corrected', 'amended')
    """
)
_COMMENTED = text(
    "SELECT EXISTS (SELECT FROM result_review WHERE report_id = :id AND comment IS NOT NULL "
    "AND patient_id IS NOT NULL)"
)
_RELEASED_AS = text(
    """
    SELECT v.number, v.status FROM release_entry e
    JOIN report_version v ON v.report_id = e.report_id AND v.number = e.version_number
    WHERE e.report_id = :id AND e.action = 'released' ORDER BY e.at DESC, e.id DESC LIMIT 1
    """
)
_CRITICALS = text(
    """
    SELECT code, name, value_text AS value, unit FROM observation
    WHERE version_id = :version_id AND abnormality = 'critical'
      AND status NOT IN ('cancelled', 'entered_in_error')
    ORDER BY position
    """
)
# Who else may be asked: practitioners of the patient's care team, else of the responsible one's
# own team.
_ALTERNATES = text(
    """
    WITH team AS (
        SELECT p.id, m.role <> 'primary' AS later, m.started_on FROM care_team_member m
        JOIN practitioner p ON p.id = m.member_id AND p.active
        WHERE m.patient_id = :patient_id AND m.ended_on IS NULL AND p.id <> ALL(:asked)
    ), pool AS (
        SELECT p.id FROM pool_member m JOIN practitioner p ON p.id = m.member_id AND p.active
        WHERE m.pool_id = :pool_id AND p.id <> ALL(:asked) AND NOT EXISTS (SELECT FROM team)
    )
    SELECT id FROM (
        SELECT id, later, started_on FROM team UNION ALL SELECT id, true, NULL FROM pool
    ) everybody ORDER BY later, started_on, id LIMIT :limit
    """
)
# What was cancelled or withdrawn says nothing any more; what has no value yet isn't normal.
_JUDGED = text(
    """
    SELECT coalesce((
               SELECT bool_and(o.abnormality = 'normal') FROM observation o
               WHERE o.version_id = v.id
                 AND o.status NOT IN ('cancelled', 'entered_in_error', 'not_asked')
           ), false) AS all_normal,
           coalesce(v.note, '') <> ''
           OR EXISTS (SELECT FROM observation o WHERE o.version_id = v.id AND o.note <> '')
           OR EXISTS (SELECT FROM report_attachment a WHERE a.version_id = v.id) AS more_to_read,
           EXISTS (SELECT FROM result_view w WHERE w.report_id = v.report_id
                   AND w.version_number = v.number AND w.viewer_id = :viewer_id) AS seen
    FROM report_version v WHERE v.id = :version_id
    """
)
_VIEWERS = text(
    """
    SELECT DISTINCT viewer_kind, viewer_id FROM result_view
    WHERE report_id = :id AND version_number < :number
    """
)
# Whoever answered for a critical value of an earlier version, or has it now.
_ALERTED = text(
    """
    SELECT acknowledged_by AS id FROM critical_alert
    WHERE report_id = :id AND version_number < :number AND acknowledged_by IS NOT NULL
    UNION
    SELECT coalesce(w.claimed_by, w.assignee_id) FROM critical_alert a
    JOIN work_item w ON w.subject_id = a.report_id AND w.kind = 'result_critical'
    JOIN practitioner p ON p.id = coalesce(w.claimed_by, w.assignee_id)
    WHERE a.report_id = :id AND a.version_number < :number AND a.acknowledged_at IS NULL
      AND w.status IN ('open', 'claimed')
    """
)
_TOLD = text(
    """
    SELECT EXISTS (SELECT FROM notification WHERE source_id = :source_id
                   AND recipient_id = :patient_id AND event = :event)
        OR EXISTS (SELECT FROM letter WHERE source_id = :source_id)
        OR EXISTS (SELECT FROM phone_call WHERE source_id = :source_id)
    """
)
_LETTER = text(
    """
    SELECT subject_id AS report_id, status, printed_at, ended_at FROM letter
    WHERE id = :id AND event LIKE 'result!_%' ESCAPE '!'
    """
)
_CALL = text(
    """
    SELECT subject_id AS report_id, status, ended_at FROM phone_call
    WHERE id = :id AND event LIKE 'result!_%' ESCAPE '!'
    """
)
_UNDER_WAY = text(
    """
    SELECT EXISTS (SELECT FROM letter WHERE patient_id = :patient_id AND subject_id = :id
                   AND status = 'queued')
        OR EXISTS (SELECT FROM phone_call WHERE patient_id = :patient_id AND subject_id = :id
                   AND status = 'open')
    """
)
_RELEASE_DUE = text(
    """
    SELECT r.id, coalesce(c.results_when, 'at_once') AS wish
    FROM diagnostic_report r LEFT JOIN contact_preference c ON c.person_id = r.patient_id
    WHERE r.release_due_at IS NOT NULL AND (r.release_due_at <= :now OR (
        r.release_status = 'deferred' AND coalesce(c.results_when, 'at_once') = 'at_once'))
    ORDER BY r.release_due_at, r.id LIMIT :limit FOR UPDATE OF r SKIP LOCKED
    """
)
# Who reads the portal: those who chose it, and those who can't be reached as they chose.
_BY_PORTAL = """
    (coalesce(c.results_by, 'portal') = 'portal' OR coalesce(pa.phone, '') = '' AND (
        c.results_by = 'phone' OR '' IN (coalesce(pa.line, ''), coalesce(pa.city, ''),
                                         coalesce(pa.state, ''), coalesce(pa.postal_code, ''))))
"""
_UNSEEN_SQL = f"""
    SELECT r.id, r.patient_id, r.abnormality, r.reminded_at, r.released_at, p.pool_id, p.clinic_id,
           r.released_at < CASE WHEN r.abnormality IN ('abnormal', 'critical')
                                THEN CAST(:ask_soon AS timestamptz) ELSE :ask END AS ask
    FROM diagnostic_report r
    JOIN practitioner p ON p.id = r.responsible_id
    JOIN patient pa ON pa.id = r.patient_id
    LEFT JOIN contact_preference c ON c.person_id = r.patient_id
    WHERE r.release_status = 'released' AND r.seen_at IS NULL
      AND NOT careloop_deceased(r.patient_id)
      AND r.status IN ('partial', 'preliminary', 'final', 'corrected', 'amended')
      AND {_BY_PORTAL}
      AND (r.abnormality IN ('abnormal', 'critical') AND (
              r.released_at < :ask_soon OR r.released_at < :remind_soon AND r.reminded_at IS NULL)
           OR r.released_at < :ask OR r.released_at < :remind AND r.reminded_at IS NULL)
      AND (r.reminded_at IS NULL OR NOT EXISTS (
          SELECT FROM work_item w WHERE w.subject_id = r.id AND w.kind = 'result_unseen'))
"""
_UNSEEN = text(
    f"{_UNSEEN_SQL} ORDER BY r.released_at, r.id LIMIT :limit FOR UPDATE OF r SKIP LOCKED"
)
_REMINDED = text("UPDATE diagnostic_report SET reminded_at = :now WHERE id = ANY(:ids)")
_CLINICS = text("SELECT id FROM clinic")
_UNCOMMUNICATED = text(
    """
    SELECT r.id, r.patient_id, r.abnormality, p.pool_id, p.clinic_id
    FROM diagnostic_report r
    JOIN practitioner p ON p.id = r.responsible_id
    JOIN jsonb_to_recordset(CAST(:before AS jsonb)) AS b(clinic_id uuid, moment timestamptz)
        ON b.clinic_id = p.clinic_id
    WHERE r.communicated_at IS NULL AND r.reviewed_at < b.moment
      AND NOT careloop_deceased(r.patient_id) AND NOT EXISTS (
        SELECT FROM work_item w WHERE w.subject_id = r.id AND w.kind = 'result_communication'
        AND w.status IN ('open', 'claimed'))
    ORDER BY r.reviewed_at, r.id LIMIT :limit FOR UPDATE OF r SKIP LOCKED
    """
)


def for_change(session: Session, report_id: UUID) -> DiagnosticReport | None:
    """A report, locked until the transaction ends."""
    return session.get(DiagnosticReport, report_id, with_for_update=True, populate_existing=True)


def several_for_change(
    session: Session, report_ids: Collection[UUID]
) -> dict[UUID, DiagnosticReport]:
    """Those of the reports that the actor may see, locked in the order of their ids."""
    found = session.scalars(
        select(DiagnosticReport)
        .where(DiagnosticReport.id.in_(report_ids))
        .order_by(DiagnosticReport.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {report.id: report for report in found}


def first_values_at(session: Session, report_id: UUID) -> datetime | None:
    """When the first version with values came."""
    found: datetime | None = session.execute(_FIRST_VALUES, {"id": report_id}).scalar()
    return found


def is_commented(session: Session, report_id: UUID) -> bool:
    return bool(session.execute(_COMMENTED, {"id": report_id}).scalar())


def released_as(session: Session, report_id: UUID) -> Row[Any] | None:
    """Number and status of the version that was current when the report was released."""
    return session.execute(_RELEASED_AS, {"id": report_id}).first()


def criticals(session: Session, version_id: UUID) -> list[dict[str, Any]]:
    """The critical values of a version."""
    return [dict(row._mapping) for row in session.execute(_CRITICALS, {"version_id": version_id})]


def judged(session: Session, version_id: UUID, viewer_id: UUID) -> Row[Any]:
    """Whether every value of a version was judged normal, whether there is more to read than its
    values, and whether the viewer has opened it."""
    return session.execute(_JUDGED, {"version_id": version_id, "viewer_id": viewer_id}).one()


def alerts_of(session: Session, report_id: UUID) -> Sequence[CriticalAlert]:
    """The report's alerts, the oldest first. Whoever changes one has locked the report."""
    return session.scalars(
        select(CriticalAlert)
        .where(CriticalAlert.report_id == report_id, CriticalAlert.patient_id.is_not(None))
        .order_by(CriticalAlert.raised_at, CriticalAlert.id)
    ).all()


def alternates(
    session: Session, *, patient_id: UUID, pool_id: UUID, asked: Collection[UUID], limit: int
) -> Sequence[UUID]:
    """Who else may be asked about a patient, beside those who are asked anyway."""
    values = {"patient_id": patient_id, "pool_id": pool_id, "asked": list(asked), "limit": limit}
    return session.scalars(_ALTERNATES, values).all()


def viewers_before(session: Session, report_id: UUID, number: int) -> Sequence[Row[Any]]:
    """Who has seen a version before this one."""
    return session.execute(_VIEWERS, {"id": report_id, "number": number}).all()


def alerted_before(session: Session, report_id: UUID, number: int) -> Sequence[UUID]:
    """The practitioners to whom a critical value of a version before this one went."""
    return session.scalars(_ALERTED, {"id": report_id, "number": number}).all()


def was_told(session: Session, patient_id: UUID, event: NotificationEvent, source_id: UUID) -> bool:
    """Whether a patient was told of this already, or a letter or call is under way."""
    values = {"patient_id": patient_id, "event": event, "source_id": source_id}
    return bool(session.execute(_TOLD, values).scalar())


def letter(session: Session, letter_id: UUID) -> Row[Any] | None:
    """A letter about a result: which one, and how far the letter is."""
    return session.execute(_LETTER, {"id": letter_id}).first()


def call(session: Session, call_id: UUID) -> Row[Any] | None:
    """A call about a result: which one, and what came of the call."""
    return session.execute(_CALL, {"id": call_id}).first()


def is_under_way(session: Session, report: DiagnosticReport) -> bool:
    """Whether a letter about a report waits to be printed, or a call to be made."""
    values = {"id": report.id, "patient_id": report.patient_id}
    return bool(session.execute(_UNDER_WAY, values).scalar())


def release_due(session: Session, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """Deferred and held reports past their time, and deferred ones whose patient no longer wants
    to wait, locked; those that another process has are left to it."""
    return session.execute(_RELEASE_DUE, {"now": now, "limit": limit}).all()


def unseen(session: Session, *, limit: int, **times: datetime) -> Sequence[Row[Any]]:
    """Released reports that the patient has not looked at, for longer than `remind` (without a
    reminder) or `ask` (without a work item); `_soon` for abnormal ones. Locked."""
    return session.execute(_UNSEEN, {**times, "limit": limit}).all()


def mark_reminded(session: Session, report_ids: Collection[UUID], now: datetime) -> None:
    session.execute(_REMINDED, {"ids": list(report_ids), "now": now})


def clinics(session: Session) -> Sequence[UUID]:
    return session.scalars(_CLINICS).all()


def uncommunicated(
    session: Session, before: dict[UUID, datetime], limit: int
) -> Sequence[Row[Any]]:
    """Reports reviewed before a clinic's moment whose patient was not told, and whom nobody was
    asked about; locked."""
    rows = [{"clinic_id": id_, "moment": moment} for id_, moment in before.items()]
    values = {"before": orjson.dumps(rows).decode(), "limit": limit}
    return session.execute(_UNCOMMUNICATED, values).all()


def wanted_referrals(
    session: Session, patient_id: UUID, report_ids: Collection[UUID]
) -> Sequence[FollowUp]:
    """What reviews of these results of a patient's asked a referral for, and nobody has made;
    locked."""
    return session.scalars(
        select(FollowUp)
        .where(
            FollowUp.patient_id == patient_id,
            FollowUp.report_id.in_(report_ids),
            FollowUp.kind == FollowUpKind.REFERRAL,
            FollowUp.referral_id.is_(None),
        )
        .order_by(FollowUp.id)
        .with_for_update()
    ).all()
