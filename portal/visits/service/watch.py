"""What the workers find at intervals: summaries that are missing, instructions that are overdue.
Twice is once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.directory import service as directory
from portal.notifications.states import NotificationEvent
from portal.visits import instruction_queries, queries
from portal.visits.model import Visit
from portal.visits.service.follow import tell_patient
from portal.worklist import rules as due_times
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind


def find_missing_summaries(*, session: Session, now: datetime, limit: int) -> int:
    """Visits whose summary was due become their practitioner's work. Returns how many."""
    late = queries.without_summary(session, now, limit)
    for visit in late:
        _open(session, visit, WorkItemKind.SUMMARY_MISSING, visit.id, now)
    return len(late)


def find_overdue_instructions(*, session: Session, now: datetime, limit: int) -> int:
    """Instructions that were not carried out in time: an item for the practitioner, and word to the
    patient, once for each due day. Returns how many."""
    late = instruction_queries.overdue(session, now, limit)
    visits = queries.visits_by_id(session, {one.visit_id for one in late})
    for instruction in late:
        visit = visits[instruction.visit_id]
        kind = WorkItemKind.VISIT_INSTRUCTION_OVERDUE
        item_id = _open(session, visit, kind, instruction.id, now)
        tell_patient(session, visit, NotificationEvent.VISIT_INSTRUCTION_OVERDUE, item_id, now)
    return len(late)


def _open(
    session: Session, visit: Visit, kind: WorkItemKind, subject_id: UUID, now: datetime
) -> UUID:
    practitioner = directory.get_practitioner(session, visit.practitioner_id)
    calendar = directory.calendar_of(session, visit.clinic_id)
    return worklist.open_item(
        session=session,
        actor=WORKER,
        kind=kind,
        subject_id=subject_id,
        patient_id=visit.patient_id,
        responsible_id=practitioner.id,
        pool_id=practitioner.pool_id,
        priority=Priority.ROUTINE,
        due_at=due_times.due_at(calendar, Priority.ROUTINE, now),
        now=now,
    )
