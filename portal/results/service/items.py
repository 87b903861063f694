"""Work items about results, and the ledger of release: what the use cases share."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.results import follow_queries
from portal.results.errors import ResultNotFound
from portal.results.model import DiagnosticReport, ReleaseEntry
from portal.results.rules import Release
from portal.results.states import HoldException, ReleaseAction, ReleaseStatus
from portal.worklist import rules as due_times
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind

_ACTIONS = {
    ReleaseStatus.RELEASED: ReleaseAction.RELEASED,
    ReleaseStatus.DEFERRED: ReleaseAction.DEFERRED,
    ReleaseStatus.HELD: ReleaseAction.HELD,
}


def lock(session: Session, report_id: UUID) -> DiagnosticReport:
    """A report, locked until the transaction ends.

    Raises ResultNotFound for one that the actor may not see.
    """
    report = follow_queries.for_change(session, report_id)
    if report is None:
        raise ResultNotFound()
    return report


def remember(
    session: Session, actor: Actor, report: DiagnosticReport, action: str, now: datetime
) -> None:
    """The audit row of what was done with a report."""
    audit.record(
        session,
        actor,
        action,
        "result",
        patient_id=report.patient_id,
        resource_id=report.id,
        at=now,
    )


def open_item(
    session: Session,
    actor: Actor,
    report: DiagnosticReport,
    kind: WorkItemKind,
    priority: Priority,
    now: datetime,
) -> UUID:
    """An item about a report for who is responsible for it, due by the clinic's hours; one that is
    open already becomes as pressing as this."""
    practitioner = directory.get_practitioner(session, report.responsible_id)
    calendar = directory.calendar_of(session, practitioner.clinic_id)
    due_at = due_times.due_at(calendar, priority, now)
    item_id = worklist.open_item(
        session=session,
        actor=actor,
        kind=kind,
        subject_id=report.id,
        patient_id=report.patient_id,
        responsible_id=practitioner.id,
        pool_id=practitioner.pool_id,
        priority=priority,
        due_at=due_at,
        now=now,
    )
    worklist.raise_priority(
        session=session, kind=kind, subject_id=report.id, priority=priority, due_at=due_at
    )
    return item_id


def close_item(
    session: Session,
    actor: Actor,
    report_id: UUID,
    kind: WorkItemKind,
    outcome: str,
    now: datetime,
    *,
    cancelled: bool = False,
) -> bool:
    """Close the open item of this kind about a report; False when there is none."""
    return worklist.close_item(
        session=session,
        actor=actor,
        kind=kind,
        subject_id=report_id,
        outcome=outcome,
        now=now,
        cancelled=cancelled,
    )


def move_release(
    session: Session,
    actor: Actor,
    report: DiagnosticReport,
    move: Release,
    now: datetime,
    *,
    exception: HoldException | None = None,
    reason: str | None = None,
) -> None:
    """Move a release, with its entry in the ledger and its audit row.

    Raises IllegalTransition when the table has no such move for this actor.
    """
    report.move_release(move.status, actor=actor, now=now, due_at=move.due_at)
    session.add(
        ReleaseEntry(
            id=new_id(),
            report_id=report.id,
            patient_id=report.patient_id,
            version_number=report.version_number,
            action=_ACTIONS[move.status],
            rule=move.rule,
            exception=exception,
            reason=reason,
            until=move.due_at,
            at=now,
            actor_kind=actor.kind,
            actor_id=actor.id,
        )
    )
    remember(session, actor, report, _ACTIONS[move.status].value, now)
