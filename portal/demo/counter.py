"""What the demo's pharmacies report."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.errors import PortalError
from portal.refills import service as refills
from portal.refills.pharmacy_model import UpdateOutcome
from portal.refills.service import Received
from portal.refills.states import RefillStatus
from portal.refills.update_rules import StatusUpdate


def report(
    session: Session,
    actor: Actor,
    refill_id: UUID,
    status: RefillStatus,
    at: datetime,
    **details: Any,
) -> None:
    """A pharmacy reports a status; `details` are members of the report."""
    session.flush()
    update = StatusUpdate(f"{refill_id}-{status}", refill_id, status, at, **details)
    received = Received(update.event_id, {}, update)
    answer = refills.apply_fresh(session=session, actor=actor, item=received, now=at)
    if answer.outcome != UpdateOutcome.APPLIED:
        raise PortalError(answer.problem, code=answer.outcome)
