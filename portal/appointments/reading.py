"""What the routes of appointments share: whose they are, and one of them as it is shown."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import offer_queries, queries
from portal.appointments.errors import AppointmentNotFound, OfferNotFound
from portal.appointments.views import appointment_detail, offer_view
from portal.core import audit
from portal.core.actor import PATIENT_SIDE, Actor


def of_patient(actor: Actor, patient_id: UUID | None) -> UUID | None:
    """The patient for whom somebody acts: patients for themselves alone."""
    return actor.subject_id if actor.kind in PATIENT_SIDE else patient_id


def detail(session: Session, actor: Actor, appointment_id: UUID) -> dict[str, Any]:
    """An appointment with its history, read by the actor. Raises AppointmentNotFound."""
    row = queries.seen_appointment(session, appointment_id)
    if row is None:
        raise AppointmentNotFound()
    audit_read(session, actor, "appointment", row.patient_id, row.id)
    return appointment_detail(row, queries.history(session, appointment_id))


def offer_detail(session: Session, actor: Actor, offer_id: UUID) -> dict[str, Any]:
    """An offer with its times, read by the actor. Raises OfferNotFound."""
    row = offer_queries.seen_offer(session, offer_id)
    if row is None:
        raise OfferNotFound()
    audit_read(session, actor, "appointment_offer", row.patient_id, row.id)
    return offer_view(row, offer_queries.slots_of(session, [offer_id]))


def audit_read(
    session: Session, actor: Actor, resource: str, patient_id: UUID, id_: UUID | None
) -> None:
    audit.record(session, actor, "read", resource, patient_id=patient_id, resource_id=id_)
