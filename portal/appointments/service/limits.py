"""Who may still change an appointment by themselves."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.appointments import queries, rules
from portal.appointments.errors import TooLate
from portal.appointments.model import Appointment
from portal.core.actor import PATIENT_SIDE, Actor


def check_in_time(session: Session, actor: Actor, appointment: Appointment, now: datetime) -> None:
    """Raises TooLate for a patient to whom only a call is left, with the number."""
    if actor.kind not in PATIENT_SIDE or now < rules.changeable_until(appointment.starts_at):
        return
    place = queries.where_and_when(session, appointment.slot_id)
    name, phone = (place.place_name, place.phone) if place else ("the place", "")
    hours = int(rules.NOTICE.total_seconds() // 3600)
    raise TooLate(
        f"This can be changed here until {hours} hours before. Call {name}: {phone}.",
        phone=phone,
        changeable_until=rules.changeable_until(appointment.starts_at),
    )
