"""Work items about refills: those of the prescriber, and of those who talk with pharmacies."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.directory import service as directory
from portal.directory.model import PoolKind
from portal.refills.model import Refill
from portal.worklist import rules as due_times
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind


def ask_prescriber(
    session: Session,
    refill: Refill,
    kind: WorkItemKind,
    priority: Priority,
    now: datetime,
    cause_id: UUID | None = None,
) -> UUID:
    """An item of the refill's prescriber; `cause_id` as of worklist.open_item()."""
    prescriber = directory.get_practitioner(session, refill.prescriber_id)
    calendar = directory.calendar_of(session, prescriber.clinic_id)
    return worklist.open_item(
        session=session,
        actor=WORKER,
        kind=kind,
        subject_id=refill.id,
        patient_id=refill.patient_id,
        responsible_id=prescriber.id,
        pool_id=prescriber.pool_id,
        priority=priority,
        due_at=due_times.due_at(calendar, priority, now),
        now=now,
        cause_id=cause_id,
    )


def ask_liaison(
    session: Session,
    refill: Refill,
    kind: WorkItemKind,
    priority: Priority,
    now: datetime,
    cause_id: UUID | None = None,
) -> UUID:
    """An item for those who talk with pharmacies; `cause_id` as of worklist.open_item()."""
    prescriber = directory.get_practitioner(session, refill.prescriber_id)
    calendar = directory.calendar_of(session, prescriber.clinic_id)
    return worklist.open_item(
        session=session,
        actor=WORKER,
        kind=kind,
        subject_id=refill.id,
        patient_id=refill.patient_id,
        responsible_id=None,
        pool_id=directory.pool_of(session, prescriber.clinic_id, PoolKind.PHARMACY_LIAISON),
        priority=priority,
        due_at=due_times.due_at(calendar, priority, now),
        now=now,
        cause_id=cause_id,
    )
