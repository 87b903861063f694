"""A patient's data were corrected: pharmacies that have an open order of theirs are told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.refills import queries
from portal.refills.pharmacy_model import OrderKind
from portal.refills.service.follow import place_order


def follow_correction(
    *, session: Session, patient_id: UUID, correction_id: UUID, now: datetime
) -> None:
    """Put an `update` into the feed of each pharmacy that holds an open refill of the patient.
    Twice is once."""
    for refill_id in queries.sent_of(session, patient_id):
        refill = queries.for_change(session, refill_id)
        if refill is None or refill.closed_at is not None:
            continue
        if queries.told_of(session, refill.id, correction_id):
            continue
        if queries.last_orders(session, refill.id).get(refill.pharmacy_id) == OrderKind.FILL:
            place_order(
                session,
                refill,
                refill.pharmacy_id,
                OrderKind.UPDATE,
                now,
                correction_id=correction_id,
            )
