"""Withdrawing an order before its specimen is taken, and ending a standing order."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.requisitions import queries
from portal.requisitions.errors import NotCancellable
from portal.requisitions.model import Requisition
from portal.requisitions.service import moves
from portal.requisitions.states import REQUISITION, RequisitionStatus, StandingStatus

S = RequisitionStatus


def cancel_requisition(
    *,
    session: Session,
    actor: Actor,
    requisition_id: UUID,
    reason: str | None,
    standing: bool,
    now: datetime,
) -> Requisition:
    """Cancel a requisition: the laboratory is told, a booked appointment is freed. `standing` also
    ends the standing order that it is of, even where this one has ended before.

    Raises RequisitionNotFound, NotCancellable once the specimen was taken or it has ended.
    """
    requisition = moves.lock(session, requisition_id)
    before = RequisitionStatus(requisition.status)
    never_begun = before == S.DRAFT
    ended = (standing or never_begun) and end_standing(session, requisition, actor, now)
    if REQUISITION.allows(before, S.CANCELLED, actor.kind):
        moves.move(session, requisition, S.CANCELLED, actor=actor, now=now, reason=reason)
    elif before in REQUISITION.ends and not ended:
        raise NotCancellable(f"This requisition is already {before.value}.", status_now=before)
    elif not ended:
        raise NotCancellable(status_now=before)
    session.flush()
    return requisition


def end_standing(session: Session, requisition: Requisition, actor: Actor, now: datetime) -> bool:
    """Call off the standing order of a requisition; False where none goes on."""
    if requisition.standing_order_id is None:
        return False
    order = queries.standing_for_change(session, requisition.standing_order_id)
    if order is None or order.status != StandingStatus.ACTIVE:
        return False
    order.move_to(StandingStatus.CANCELLED, actor=actor, now=now)
    moves.record(session, requisition, actor=actor, action="end_standing_order", now=now)
    return True
