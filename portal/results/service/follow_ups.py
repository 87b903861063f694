"""What a review asks for next: each opens a loop of its own."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER, Actor
from portal.core.clock import local_day
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.directory.model import Practitioner
from portal.requisitions import service as requisitions
from portal.results import follow_queries, rules
from portal.results.model import DiagnosticReport
from portal.results.review_model import FollowUp
from portal.results.states import FollowUpKind
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind


@dataclass(frozen=True, slots=True)
class WantedFollowUp:
    """What is to follow, within how many days; `reason` says why nothing is to."""

    kind: FollowUpKind = FollowUpKind.NONE
    within_days: int | None = None
    note: str | None = None
    reason: str | None = None


def open_follow_up(
    *,
    session: Session,
    actor: Actor,
    report: DiagnosticReport,
    review_id: UUID,
    wanted: WantedFollowUp,
    now: datetime,
) -> None:
    """Open the loop of a follow-up: the test ordered again, else a work item.

    A test whose order isn't known can't be ordered again by itself: it becomes a work item too.
    """
    if wanted.kind == FollowUpKind.NONE:
        return
    practitioner = directory.get_practitioner(session, actor.id)
    calendar = directory.calendar_of(session, practitioner.clinic_id)
    within = timedelta(days=wanted.within_days or rules.WITHIN_DAYS[wanted.kind])
    row = FollowUp(
        id=new_id(),
        review_id=review_id,
        report_id=report.id,
        patient_id=report.patient_id,
        kind=wanted.kind,
        due_on=local_day(now + within, calendar.time_zone),
        note=wanted.note,
        requisition_id=None,
        created_at=now,
    )
    if wanted.kind == FollowUpKind.REPEAT_TEST and report.requisition_id is not None:
        row.requisition_id = requisitions.repeat(
            session=session,
            actor=actor,
            requisition_id=report.requisition_id,
            not_before=row.due_on,
            note=wanted.note,
            now=now,
        ).id
    session.add(row)
    session.flush()
    if row.requisition_id is None:
        due_at = calendar.add_business(now + within, 0)
        _open_item(session, actor, row, practitioner, due_at, now)


def note_referral(
    *,
    session: Session,
    referral_id: UUID,
    patient_id: UUID,
    report_ids: Collection[UUID],
    now: datetime,
) -> int:
    """A referral was made because of these results: what their reviews asked one for is done.
    Returns how many that were; twice is the same as once."""
    wanted = follow_queries.wanted_referrals(session, patient_id, report_ids)
    for row in wanted:
        row.referral_id = referral_id
        worklist.close_item(
            session=session,
            actor=WORKER,
            kind=WorkItemKind.RESULT_FOLLOW_UP,
            subject_id=row.id,
            outcome="referred",
            now=now,
        )
    session.flush()
    return len(wanted)


def _open_item(
    session: Session,
    actor: Actor,
    row: FollowUp,
    practitioner: Practitioner,
    due_at: datetime,
    now: datetime,
) -> None:
    """Practitioners write to patients themselves; the rest is arranged by their team."""
    own = row.kind == FollowUpKind.MESSAGE
    worklist.open_item(
        session=session,
        actor=actor,
        kind=WorkItemKind.RESULT_FOLLOW_UP,
        subject_id=row.id,
        patient_id=row.patient_id,
        responsible_id=practitioner.id if own else None,
        pool_id=practitioner.pool_id,
        priority=Priority.ROUTINE,
        due_at=due_at,
        now=now,
    )
