"""Sending an order to another place."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.errors import FieldError
from portal.requisitions import rules
from portal.requisitions.errors import LaboratoryNotChangeable, LaboratoryUnusable
from portal.requisitions.model import Requisition, RequisitionHistory
from portal.requisitions.service import moves
from portal.requisitions.service.order import usable_place
from portal.requisitions.states import UNCOLLECTED, RequisitionKind, RequisitionStatus

S = RequisitionStatus
CHANGED = "laboratory_changed"


def change_laboratory(
    *, session: Session, actor: Actor, requisition_id: UUID, laboratory_id: UUID, now: datetime
) -> Requisition:
    """Send a requisition to another place, under the same number; the old one is told to leave it.

    Raises RequisitionNotFound, LaboratoryUnusable, and LaboratoryNotChangeable once the specimen
    was taken, or while an appointment is booked.
    """
    requisition = moves.lock(session, requisition_id)
    status = RequisitionStatus(requisition.status)
    if status == S.SCHEDULED:
        raise LaboratoryNotChangeable(
            "An appointment is booked: change or cancel that instead.", status_now=status
        )
    if status not in UNCOLLECTED | {S.DRAFT}:
        raise LaboratoryNotChangeable(status_now=status)
    check_place(session, requisition, laboratory_id)
    if laboratory_id == requisition.laboratory_id:
        return requisition
    requisition.laboratory_id = laboratory_id
    requisition.filler_number = None
    if status in (S.SENT, S.ACCEPTED):
        moves.move(session, requisition, S.PLACED, actor=actor, now=now, reason_code=CHANGED)
    else:
        remember_place(session, requisition, actor, now)
    session.flush()
    return requisition


def check_place(session: Session, requisition: Requisition, laboratory_id: UUID) -> None:
    """Raises LaboratoryUnusable for a place that doesn't do this."""
    place = usable_place(session, laboratory_id)
    wanted = rules.KIND_OF_PLACE[RequisitionKind(requisition.kind)]
    if place.kind != wanted:
        message = f"{place.name} doesn't do {requisition.kind}: choose a {wanted.value}."
        raise LaboratoryUnusable(message, errors=[FieldError("/laboratory_id", message)])


def remember_place(session: Session, requisition: Requisition, actor: Actor, now: datetime) -> None:
    """A step that changes the place alone."""
    step = RequisitionHistory.of(
        requisition, RequisitionStatus(requisition.status), actor=actor, now=now
    )
    step.reason_code = CHANGED
    moves.remember(session, requisition, step, actor=actor, action="change_laboratory", now=now)
