"""Placing a draft."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.patients import service as patients
from portal.requisitions import queries, rules
from portal.requisitions.errors import NotPlaceable
from portal.requisitions.model import Requisition
from portal.requisitions.service import moves
from portal.requisitions.service.order import usable_place
from portal.requisitions.states import RequisitionPriority, RequisitionStatus

S = RequisitionStatus


def place(*, session: Session, actor: Actor, requisition_id: UUID, now: datetime) -> Requisition:
    """Place a draft: from now on its clocks count.

    Raises RequisitionNotFound, NotPlaceable, LaboratoryUnusable for a place that no longer takes
    orders.
    """
    requisition = moves.lock(session, requisition_id)
    if requisition.status != S.DRAFT:
        raise NotPlaceable(status_now=requisition.status)
    usable_place(session, requisition.laboratory_id)
    patient = patients.get_patient(session, requisition.patient_id)
    standing = None
    if requisition.standing_order_id is not None:
        standing = queries.standing_for_change(session, requisition.standing_order_id)
    begins = rules.starts_at(requisition.not_before, now, patient.time_zone)
    clocks = rules.clocks(
        RequisitionPriority(requisition.priority),
        begins,
        standing.interval_days if standing else None,
    )
    requisition.draft = False
    requisition.ordered_at = now
    requisition.collect_by, requisition.expires_at = clocks.collect_by, clocks.expires_at
    if standing is not None:
        today = max(local_day(now, patient.time_zone), requisition.not_before or date.min)
        standing.next_on = today + timedelta(days=standing.interval_days)
    moves.move(session, requisition, S.PLACED, actor=actor, now=now)
    session.flush()
    return requisition
