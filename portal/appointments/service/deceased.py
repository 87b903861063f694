"""What becomes of a patient's times and offers when they have died."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import offer_queries
from portal.appointments.errors import AppointmentEnded
from portal.appointments.model import Appointment
from portal.appointments.offer_model import AppointmentOffer
from portal.appointments.service import moves
from portal.appointments.service.offers import end_offer
from portal.appointments.states import AppointmentStatus, CancellationReason, OfferStatus
from portal.core.actor import WORKER
from portal.patients import deaths
from portal.patients.deaths import PatientDeath
from portal.worklist import service as worklist
from portal.worklist.states import WorkItemKind

S = AppointmentStatus
_POINTLESS = (
    WorkItemKind.APPOINTMENT_NO_SHOW,
    WorkItemKind.APPOINTMENT_TO_ARRANGE,
    WorkItemKind.APPOINTMENT_OFFER_UNTAKEN,
)


def close_for_deceased(*, session: Session, death: PatientDeath, now: datetime) -> None:
    """Take offers back and free the times to come. Of those that have begun somebody says what came
    of them, as ever. Twice is the same as once."""
    for offer_id in deaths.open_ids(
        session, AppointmentOffer, death.patient_id, [OfferStatus.OPEN]
    ):
        offer = offer_queries.offer_for_change(session, offer_id)
        if offer is not None and offer.status == OfferStatus.OPEN:
            end_offer(
                session,
                offer,
                OfferStatus.WITHDRAWN,
                actor=WORKER,
                now=now,
                reason=deaths.PATIENT_DIED,
            )
            deaths.note_step(session, death, "appointment_offer", offer_id, "open", now)
    for appointment_id in deaths.open_ids(session, Appointment, death.patient_id, [S.BOOKED]):
        _free(session, death, appointment_id, now)
    worklist.cancel_for_deceased(session=session, death=death, kinds=_POINTLESS, now=now)


def _free(session: Session, death: PatientDeath, appointment_id: UUID, now: datetime) -> None:
    try:
        appointment, subject = moves.lock_booked(session, appointment_id)
    except AppointmentEnded:
        return
    if appointment.starts_at <= now:
        return
    moves.end_and_tell(
        session,
        appointment,
        subject,
        S.CANCELLED,
        actor=WORKER,
        now=now,
        reason_code=CancellationReason.NOT_NEEDED,
        reason=deaths.PATIENT_DIED,
    )
    deaths.note_step(session, death, "appointment", appointment_id, S.BOOKED, now)
