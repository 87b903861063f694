"""What the workers find at intervals: who is to be reminded, what is over. Twice is once."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.appointments import offer_queries, queries, rules
from portal.appointments.model import Appointment
from portal.appointments.service.follow import open_item
from portal.appointments.service.offers import end_offer
from portal.appointments.states import OfferStatus
from portal.core.actor import WORKER
from portal.core.clock import spoken_time
from portal.notifications import service as notifications
from portal.worklist.states import WorkItemKind


def remind(*, session: Session, now: datetime, limit: int) -> int:
    """Remind patients of what is coming, once for each reminder. Returns how many were looked
    at."""
    due = offer_queries.to_remind(session, now, limit)
    for appointment in due:
        _remind_of(session, appointment, now)
    session.flush()
    return len(due)


def _remind_of(session: Session, appointment: Appointment, now: datetime) -> None:
    planned = appointment.next_reminder_at
    place = queries.where_and_when(session, appointment.slot_id)
    zone = place.time_zone if place else "UTC"
    appointment.next_reminder_at = rules.next_reminder(appointment.starts_at, zone, now)
    event = rules.reminder_due(appointment.starts_at, zone, planned or now, now)
    if event is None:
        return
    notifications.tell_patient(
        session,
        appointment.patient_id,
        event,
        source_id=appointment.id,
        subject_id=appointment.id,
        data={"when": f" on {spoken_time(appointment.starts_at, zone)}"},
        until=appointment.starts_at,
        now=now,
    )


def expire_offers(*, session: Session, now: datetime, limit: int) -> int:
    """End offers that nobody answered in time. Returns how many."""
    over = offer_queries.over(session, now, limit)
    for offer in over:
        end_offer(session, offer, OfferStatus.EXPIRED, actor=WORKER, now=now)
    return len(over)


def find_without_outcome(*, session: Session, now: datetime, limit: int) -> int:
    """Ask what came of appointments that are over, by the next business day. Returns how many."""
    over = offer_queries.without_outcome(session, now - rules.OUTCOME_AFTER, limit)
    for appointment in over:
        open_item(
            session,
            WorkItemKind.APPOINTMENT_OUTCOME,
            appointment,
            now,
            hours=rules.OUTCOME_HOURS,
        )
    return len(over)
