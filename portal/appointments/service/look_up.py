"""What the slices above look up: appointments, what stands at the end of changes, offers."""

from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import offer_queries, queries
from portal.appointments.model import Appointment
from portal.appointments.offer_model import AppointmentOffer
from portal.appointments.rules import About


def get_appointment(session: Session, appointment_id: UUID) -> Appointment | None:
    return queries.appointment(session, appointment_id)


def standing(session: Session, appointment_id: UUID) -> Appointment | None:
    """What an appointment has become by its changes, none of which need have been."""
    return queries.standing(session, appointment_id)


def is_booked(session: Session, about: About) -> bool:
    """Whether something has a booked appointment; nobody waits for whoever is changing it."""
    return queries.is_booked_about(session, about.kind, about.id)


def get_offer(session: Session, offer_id: UUID) -> AppointmentOffer | None:
    return offer_queries.offer(session, offer_id)
