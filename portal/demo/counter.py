"""What the demo's pharmacies report."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.demo.cast import ZONE
from portal.prescriptions import service as prescriptions
from portal.refills import rules
from portal.refills.service import moves
from portal.refills.states import DISPENSED, RefillStatus


def report(
    session: Session,
    actor: Actor,
    refill_id: UUID,
    status: RefillStatus,
    at: datetime,
    *,
    reason_code: str | None = None,
    **details: Any,
) -> None:
    """Move a refill as its pharmacy says; `details` are columns that go with the status."""
    locked = moves.lock(session, refill_id)
    due = rules.expected_by(status, at, expected_on=details.get("expected_on"), time_zone=ZONE)
    moves.move(
        session, locked, status, actor=actor, now=at, expected_by=due, reason_code=reason_code
    )
    locked.refill.occurred_at = at
    for column, value in details.items():
        setattr(locked.refill, column, value)
    if status in DISPENSED:
        locked.refill.quantity_dispensed = locked.prescription.quantity
        prescriptions.record_dispense(
            session=session,
            prescription=locked.prescription,
            refill_id=refill_id,
            pharmacy_id=actor.id,
            quantity=locked.prescription.quantity,
            days_supply=locked.prescription.days_supply,
            goes_on=False,
            at=at,
            local_day=local_day(at, ZONE),
        )
