"""Reading prescriptions."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.prescriptions.model import Dispense, Prescription


def for_change(session: Session, prescription_id: UUID) -> Prescription | None:
    """A prescription, locked until the transaction ends."""
    return session.scalars(
        select(Prescription)
        .where(Prescription.id == prescription_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def dispensed_by(session: Session, refill_id: UUID) -> tuple[UUID, UUID | None] | None:
    """The prescription on which a refill was handed over, and the one that it renewed."""
    row = session.execute(
        select(Prescription.id, Prescription.previous_id)
        .join(Dispense, Dispense.prescription_id == Prescription.id)
        .where(Dispense.refill_id == refill_id)
    ).first()
    return None if row is None else (row.id, row.previous_id)
