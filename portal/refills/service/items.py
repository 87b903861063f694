"""Work items about refills: those of the prescriber, and of those who talk with pharmacies."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.directory import service as directory
from portal.directory.model import PoolKind
from portal.refills.model import Refill
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind
from portal.worklist.whose import Owner


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
    owner = Owner(prescriber.id, prescriber.pool_id)
    return _ask(session, refill, owner, kind, priority, now, cause_id)


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
    pool_id = directory.pool_of(session, prescriber.clinic_id, PoolKind.PHARMACY_LIAISON)
    return _ask(session, refill, Owner(None, pool_id), kind, priority, now, cause_id)


def _ask(
    session: Session,
    refill: Refill,
    owner: Owner,
    kind: WorkItemKind,
    priority: Priority,
    now: datetime,
    cause_id: UUID | None,
) -> UUID:
    return worklist.ask_pool(
        session=session,
        kind=kind,
        subject_id=refill.id,
        patient_id=refill.patient_id,
        responsible_id=owner.practitioner_id,
        pool_id=owner.pool_id,
        priority=priority,
        now=now,
        cause_id=cause_id,
    )
