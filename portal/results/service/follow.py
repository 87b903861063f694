"""What the workers do after a version came, a release or a review."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.requisitions import service as requisitions
from portal.requisitions.states import RejectionReason, RequisitionStatus
from portal.results import follow_queries, rules
from portal.results.model import DiagnosticReport, ReportVersion
from portal.results.review_model import ResultReview
from portal.results.service import communicate, critical, releasing, reviewing
from portal.results.states import ReportStatus


def follow_version(*, session: Session, report_id: UUID, version_id: UUID, now: datetime) -> None:
    """Follow a version that came: the requisition, release, review, critical values, telling.

    Doing it twice, late or out of order has the effect of doing it once: what is done follows from
    where the report stands now.
    """
    report = follow_queries.for_change(session, report_id)
    if report is None:
        return
    _follow_requisition(session, report, now)
    releasing.release_by_rule(session=session, report=report, now=now)
    reviewing.ask_for_review(session=session, report=report, now=now)
    critical.raise_alert(session=session, report=report, now=now)
    session.flush()
    communicate.tell_of_earlier(session=session, report=report, version_id=version_id, now=now)
    communicate.tell(session=session, report=report, now=now)


def _follow_requisition(session: Session, report: DiagnosticReport, now: datetime) -> None:
    if report.requisition_id is None:
        return
    version = session.get_one(ReportVersion, report.current_version_id)
    _report_progress(session, report, report.requisition_id, version, now)
    if report.status in rules.TAKEN_BACK:
        requisitions.note_taken_back(
            session=session,
            requisition_id=report.requisition_id,
            version_id=version.id,
            at=version.received_at,
            now=now,
        )


def _report_progress(
    session: Session,
    report: DiagnosticReport,
    requisition_id: UUID,
    version: ReportVersion,
    now: datetime,
) -> None:
    status = rules.progress_of(ReportStatus(report.status))
    if status is None:
        return
    rejected = status == RequisitionStatus.REJECTED
    requisitions.report_progress(
        session=session,
        actor=WORKER,
        requisition_id=requisition_id,
        status=status,
        now=now,
        occurred_at=version.issued_at,
        filler_number=report.filler_number or None,
        reason_code=RejectionReason.CANCELLED_BY_LABORATORY if rejected else None,
        reason=version.reason if rejected else None,
    )


def follow_release(*, session: Session, report_id: UUID, now: datetime) -> None:
    """A result was released by a person or by time: tell the patient."""
    report = follow_queries.for_change(session, report_id)
    if report is not None:
        communicate.tell(session=session, report=report, now=now)


def follow_review(*, session: Session, report_id: UUID, review_id: UUID, now: datetime) -> None:
    """A result was reviewed: tell the patient of the comment."""
    report = follow_queries.for_change(session, report_id)
    row = session.get(ResultReview, review_id)
    if report is None or row is None or row.comment is None:
        return
    communicate.tell_of_comment(
        session=session, report=report, review_id=review_id, at=row.at, now=now
    )
