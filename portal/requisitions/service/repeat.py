"""Ordering the same test once more."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.ids import new_id
from portal.patients import service as patients
from portal.requisitions import queries, rules
from portal.requisitions.model import Requisition
from portal.requisitions.service import moves
from portal.requisitions.service.order import began, usable_place
from portal.requisitions.states import RequisitionPriority, RequisitionStatus
from portal.worklist import service as worklist
from portal.worklist.states import WorkItemKind

S = RequisitionStatus


def again(
    session: Session,
    before: Requisition,
    *,
    actor: Actor,
    orderer_id: UUID,
    not_before: date | None,
    interval_days: int | None,
    note: str | None,
    now: datetime,
) -> Requisition:
    """The same test from the same place, ordered once more."""
    [number] = queries.placer_numbers(session, 1)
    patient = patients.get_patient(session, before.patient_id)
    begins = rules.starts_at(not_before, now, patient.time_zone)
    clocks = rules.clocks(RequisitionPriority(before.priority), begins, interval_days)
    same: dict[str, Any] = {name: getattr(before, name) for name in _SAME}
    requisition = Requisition(
        **same,
        id=new_id(),
        placer_number=number,
        group_number=number,
        orderer_id=orderer_id,
        status=S.PLACED,
        draft=False,
        note=note,
        not_before=not_before,
        ordered_at=now,
        status_at=now,
        collect_by=clocks.collect_by,
        expires_at=clocks.expires_at,
        expected_by=clocks.collect_by,
    )
    session.add(requisition)
    session.flush()
    began(session, requisition, actor, now)
    return requisition


_SAME = (
    "patient_id",
    "laboratory_id",
    "kind",
    "test_code",
    "test_name",
    "priority",
    "diagnoses",
    "specimen_code",
    "specimen_name",
    "fasting",
    "confidential",
)


def repeat(
    *,
    session: Session,
    actor: Actor,
    requisition_id: UUID,
    not_before: date,
    note: str | None,
    now: datetime,
) -> Requisition:
    """Order the same test again from the same place. What asked for that is closed.

    Raises RequisitionNotFound, LaboratoryUnusable for a place that no longer takes orders.
    """
    before = moves.lock(session, requisition_id)
    usable_place(session, before.laboratory_id)
    made = again(
        session,
        before,
        actor=actor,
        orderer_id=actor.id,
        not_before=not_before,
        interval_days=None,
        note=note,
        now=now,
    )
    for kind in (WorkItemKind.REQUISITION_REJECTED, WorkItemKind.REQUISITION_EXPIRED):
        worklist.close_item(
            session=session,
            actor=actor,
            kind=kind,
            subject_id=before.id,
            outcome="ordered again",
            now=now,
        )
    session.flush()
    return made
