"""Following appointments and offers of them."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.appointments import service
from portal.referrals import service as referrals
from portal.visits import service as visits
from workers.registry import Event, handles


@handles("appointment.moved")
def follow_move(*, session: Session, event: Event, now: datetime) -> None:
    # The visit first: whoever begins one holds it while the appointment follows.
    visits.follow_appointment(session=session, appointment_id=event.uuid("appointment_id"), now=now)
    service.follow_move(
        session=session,
        appointment_id=event.uuid("appointment_id"),
        history_id=event.uuid("history_id"),
        now=now,
    )


@handles("appointment.offered")
def follow_offered(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_offered(session=session, offer_id=event.uuid("offer_id"), now=now)
    referrals.follow_offer(session=session, offer_id=event.uuid("offer_id"), now=now)


@handles("appointment.offer_ended")
def follow_offer_end(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_offer_end(session=session, offer_id=event.uuid("offer_id"), now=now)
    referrals.follow_offer(session=session, offer_id=event.uuid("offer_id"), now=now)


@handles("slot.freed")
def offer_freed(*, session: Session, event: Event, now: datetime) -> None:
    service.offer_freed(session=session, slot_id=event.uuid("slot_id"), now=now)
