"""Withdrawing a refill before the pharmacy prepares it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.refills.errors import NotCancellable
from portal.refills.model import Refill
from portal.refills.service import moves
from portal.refills.states import REFILL, RefillStatus


def cancel_refill(
    *, session: Session, actor: Actor, refill_id: UUID, reason: str | None, now: datetime
) -> Refill:
    """Withdraw a refill: its reservation is given back and the pharmacy is told.

    Raises RefillNotFound, NotCancellable once the pharmacy prepares it or it has ended.
    """
    locked = moves.lock(session, refill_id)
    before = RefillStatus(locked.refill.status)
    if before in REFILL.ends:
        raise NotCancellable(f"This refill is already {before.value}.", status_now=before)
    if not REFILL.allows(before, RefillStatus.CANCELLED, actor.kind):
        raise NotCancellable(status_now=before)
    moves.move(session, locked, RefillStatus.CANCELLED, actor=actor, now=now, note=reason)
    if before == RefillStatus.AWAITING_PRESCRIBER:
        moves.close_decision(session, actor, locked.refill, "cancelled", now)
    session.flush()
    return locked.refill
