"""The practitioner's review: of one result, with what comes of it, or of several normal ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import NOBODY, WORKER, Actor
from portal.core.errors import FieldError, PortalError
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.results import follow_queries, rules
from portal.results.errors import (
    AcknowledgeFirst,
    AlreadyReviewed,
    NotNormal,
    NotReviewable,
    NotSeen,
    ReasonMissing,
    ResultNotFound,
    VersionNotCurrent,
)
from portal.results.model import DiagnosticReport
from portal.results.review_model import ResultReview
from portal.results.service import critical, items, releasing
from portal.results.service.follow_ups import WantedFollowUp, open_follow_up
from portal.results.states import FINALS, Abnormality, FollowUpKind, ReportStatus
from portal.worklist.states import WorkItemKind


@dataclass(frozen=True, slots=True)
class Review:
    """What a practitioner says of a version: `version` is the one that was looked at."""

    version: int
    comment: str | None = None
    follow_up: WantedFollowUp = field(default_factory=WantedFollowUp)


@dataclass(frozen=True, slots=True)
class ReviewItem:
    result_id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class ReviewOutcome:
    """What became of one of several: reviewed, unless there is an error."""

    result_id: UUID
    error: PortalError | None = None


def ask_for_review(*, session: Session, report: DiagnosticReport, now: datetime) -> None:
    """Have a final version reviewed that nobody has: also one that corrects a reviewed version.

    A result that was taken back needs no review any more.
    """
    if report.status in rules.TAKEN_BACK:
        items.close_item(
            session,
            WORKER,
            report.id,
            WorkItemKind.RESULT_REVIEW,
            report.status,
            now,
            cancelled=True,
        )
        return
    if not rules.needs_review(
        ReportStatus(report.status), report.version_number, report.reviewed_version
    ):
        return
    report.reviewed_at = report.reviewed_by = report.reviewed_version = None
    priority = rules.priority_of(Abnormality(report.abnormality))
    items.open_item(session, WORKER, report, WorkItemKind.RESULT_REVIEW, priority, now)


def review(
    *, session: Session, actor: Actor, report_id: UUID, command: Review, now: datetime
) -> DiagnosticReport:
    """Review the current version of a result, and open what it is to be followed by.

    Raises ResultNotFound, NotReviewable, AlreadyReviewed naming who and when, VersionNotCurrent,
    AcknowledgeFirst, ReasonMissing, and what ordering the test again raises.
    """
    report = items.lock(session, report_id)
    _check(session, report, command.version)
    _check_reason(report, command.follow_up)
    _write(session, actor, report, command, now)
    return report


def review_many(
    *,
    session: Session,
    actor: Actor,
    wanted: Sequence[ReviewItem],
    comment: str | None,
    now: datetime,
) -> list[ReviewOutcome]:
    """Review several normal results at once, each as it was seen; each stands for itself.

    What is not certainly normal, has changed since or has more to read than was opened is left out,
    with the reason.
    """
    reports = follow_queries.several_for_change(session, [item.result_id for item in wanted])
    outcomes = []
    for item in wanted:
        try:
            report = reports.get(item.result_id)
            if report is None:
                raise ResultNotFound()
            _check(session, report, item.version)
            _check_certain(session, actor, report)
            _write(session, actor, report, Review(item.version, comment), now)
            outcomes.append(ReviewOutcome(item.result_id))
        except PortalError as error:
            outcomes.append(ReviewOutcome(item.result_id, error))
    return outcomes


def _check(session: Session, report: DiagnosticReport, version: int) -> None:
    """Raises what speaks against reviewing this version of a report now."""
    if report.status not in FINALS:
        raise NotReviewable(status_now=report.status)
    if report.reviewed_at is not None and report.reviewed_version == report.version_number:
        raise _already_reviewed(session, report)
    if version != report.version_number:
        raise VersionNotCurrent(
            f"Version {report.version_number} is the current one. Look at it, then decide.",
            version_now=report.version_number,
        )
    if critical.is_unacknowledged(session, report):
        raise AcknowledgeFirst()


def _check_certain(session: Session, actor: Actor, report: DiagnosticReport) -> None:
    """Raises NotNormal, also where a single value could not be judged, and NotSeen."""
    judged = follow_queries.judged(session, report.current_version_id, actor.id)
    if report.abnormality != Abnormality.NORMAL or not judged.all_normal:
        raise NotNormal()
    if judged.more_to_read and not judged.seen:
        raise NotSeen()


def _already_reviewed(session: Session, report: DiagnosticReport) -> AlreadyReviewed:
    who = directory.get_practitioner(session, report.reviewed_by or NOBODY).name
    return AlreadyReviewed(
        f"{who} has reviewed this version.", reviewed_by=who, reviewed_at=report.reviewed_at
    )


def _check_reason(report: DiagnosticReport, follow_up: WantedFollowUp) -> None:
    notable = report.abnormality in rules.NOTABLE
    if notable and follow_up.kind == FollowUpKind.NONE and not follow_up.reason:
        message = "Say why an abnormal result needs no follow-up."
        raise ReasonMissing(errors=[FieldError("/follow_up/reason", message)])


def _write(
    session: Session, actor: Actor, report: DiagnosticReport, command: Review, now: datetime
) -> None:
    row = ResultReview(
        id=new_id(),
        report_id=report.id,
        patient_id=report.patient_id,
        version_number=report.version_number,
        reviewer_id=actor.id,
        at=now,
        comment=command.comment,
        follow_up=command.follow_up.kind,
        follow_up_reason=command.follow_up.reason,
    )
    session.add(row)
    report.reviewed_at = now
    report.reviewed_by = actor.id
    report.reviewed_version = report.version_number
    if command.comment is not None:
        releasing.release_commented(session=session, actor=actor, report=report, now=now)
    session.flush()
    open_follow_up(
        session=session,
        actor=actor,
        report=report,
        review_id=row.id,
        wanted=command.follow_up,
        now=now,
    )
    items.close_item(session, actor, report.id, WorkItemKind.RESULT_REVIEW, "reviewed", now)
    items.remember(session, actor, report, "review", now)
    outbox.emit(session, "result.reviewed", now=now, report_id=report.id, review_id=row.id)
