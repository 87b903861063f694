"""Reading prescriptions."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.prescriptions.model import Dispense, Prescription

# A prescription with all that it renewed, and all that renewed it.
_RENEWALS = text(
    """
    WITH RECURSIVE before AS (
        SELECT id, previous_id FROM prescription WHERE id = :id
        UNION
        SELECT p.id, p.previous_id FROM before b JOIN prescription p ON p.id = b.previous_id
    ), line AS (
        SELECT id FROM before
        UNION
        SELECT p.id FROM line l JOIN prescription p ON p.previous_id = l.id
    )
    SELECT id FROM line
    """
)


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


def renewals_for_change(session: Session, prescription_id: UUID) -> Sequence[Prescription]:
    """A prescription, those that it renewed and those that renewed it, locked in id order."""
    ids = session.execute(_RENEWALS, {"id": prescription_id}).scalars().all()
    return session.scalars(
        select(Prescription)
        .where(Prescription.id.in_(ids))
        .order_by(Prescription.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
