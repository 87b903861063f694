"""When a result becomes visible to the patient: by rule, by a person, or by time."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import WORKER, Actor
from portal.core.errors import FieldError
from portal.notifications import service as notifications
from portal.notifications.outreach_states import ReleaseWish
from portal.results import follow_queries, rules
from portal.results.errors import AlreadyReleased, HoldTooLong, NothingToRelease
from portal.results.model import DiagnosticReport
from portal.results.service import items
from portal.results.states import (
    WITH_VALUES,
    HoldException,
    ReleaseRule,
    ReleaseStatus,
    ReportStatus,
)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why and until when a person keeps a result from the patient."""

    exception: HoldException
    reason: str
    until: datetime


def release_by_rule(*, session: Session, report: DiagnosticReport, now: datetime) -> None:
    """Release a report that nothing was decided about, or defer it as the patient wishes."""
    if report.release_status != ReleaseStatus.PENDING or report.status not in WITH_VALUES:
        return
    wish = notifications.contact_of(session, report.patient_id).results_when
    facts = rules.ReleaseFacts(
        status=ReportStatus(report.status),
        release_status=ReleaseStatus(report.release_status),
        wish=wish,
        commented=follow_queries.is_commented(session, report.id),
        first_values_at=follow_queries.first_values_at(session, report.id),
    )
    move = rules.release_decision(facts, now)
    if move is not None:
        items.move_release(session, WORKER, report, move, now)


def release_commented(
    *, session: Session, actor: Actor, report: DiagnosticReport, now: datetime
) -> None:
    """The comment that a deferred report waited for was made."""
    if report.release_status == ReleaseStatus.DEFERRED:
        _release(session, actor, report, ReleaseRule.COMMENTED, now)


def hold(
    *, session: Session, actor: Actor, report_id: UUID, command: Hold, now: datetime
) -> DiagnosticReport:
    """Keep a result from the patient, for a reason of this one result, until a day.

    Raises ResultNotFound, AlreadyReleased naming when, HoldTooLong (45 CFR 171.201 wants each hold
    individual; LONGEST_HOLD bounds it), IllegalTransition for one that is held already.
    """
    report = items.lock(session, report_id)
    _check_unreleased(report)
    if not now < command.until <= now + rules.LONGEST_HOLD:
        days = rules.LONGEST_HOLD.days
        message = f"A moment to come, at most {days} days ahead."
        raise HoldTooLong(message, errors=[FieldError("/until", message)])
    move = rules.Release(ReleaseStatus.HELD, ReleaseRule.BY_PRACTITIONER, command.until)
    items.move_release(
        session,
        actor,
        report,
        move,
        now,
        exception=command.exception,
        reason=command.reason,
    )
    return report


def release(*, session: Session, actor: Actor, report_id: UUID, now: datetime) -> DiagnosticReport:
    """Show a result to the patient at once.

    Raises ResultNotFound, AlreadyReleased naming when, NothingToRelease.
    """
    report = items.lock(session, report_id)
    _check_unreleased(report)
    if report.status not in WITH_VALUES:
        raise NothingToRelease()
    _release(session, actor, report, ReleaseRule.BY_PRACTITIONER, now)
    return report


def release_due(*, session: Session, now: datetime, limit: int) -> int:
    """Release what was deferred or held until now, and what its patient no longer wants to wait
    for. Returns how many were released."""
    due = follow_queries.release_due(session, now, limit)
    reports = follow_queries.several_for_change(session, [row.id for row in due])
    for row in due:
        report = reports[row.id]
        rule = rules.rule_of_expiry(
            ReleaseStatus(report.release_status),
            report.release_due_at,
            ReleaseWish(row.wish),
            now,
        )
        if rule is not None:
            _release(session, WORKER, report, rule, now)
    return len(due)


def _release(
    session: Session, actor: Actor, report: DiagnosticReport, rule: ReleaseRule, now: datetime
) -> None:
    items.move_release(session, actor, report, rules.Release(ReleaseStatus.RELEASED, rule), now)
    outbox.emit(session, "result.released", now=now, report_id=report.id)


def _check_unreleased(report: DiagnosticReport) -> None:
    if report.release_status == ReleaseStatus.RELEASED:
        raise AlreadyReleased(
            "The patient can see this result already.", released_at=report.released_at
        )
