"""Reading prescriptions."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.prescriptions.model import Prescription


def for_change(session: Session, prescription_id: UUID) -> Prescription | None:
    """A prescription, locked until the transaction ends."""
    return session.scalars(
        select(Prescription)
        .where(Prescription.id == prescription_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
