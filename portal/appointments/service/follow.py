"""What the workers do after a step: tell the patient, free what was held, open and close loops."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import offer_queries, queries, rules
from portal.appointments.model import Appointment, AppointmentHistory
from portal.appointments.offer_model import AppointmentOffer
from portal.appointments.service import moves
from portal.appointments.service.book import lock_needs
from portal.appointments.service.offers import end_offer, make_offer, withdraw_offers_about
from portal.appointments.states import (
    SELF_FOLLOWED,
    AppointmentStatus,
    CancellationReason,
    OfferStatus,
    WaitingStatus,
)
from portal.appointments.subjects import Booking
from portal.core.actor import WORKER
from portal.core.errors import Conflict, NotFound
from portal.directory import service as directory
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.worklist import rules as due_times
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind

S = AppointmentStatus
E = NotificationEvent
TOLD_OF = frozenset({CancellationReason.CALLED_OFF, CancellationReason.SLOT_WITHDRAWN})


def follow_move(*, session: Session, appointment_id: UUID, history_id: UUID, now: datetime) -> None:
    """Follow one step of an appointment. Steps that overtake each other end in the same place."""
    appointment = queries.appointment(session, appointment_id)
    step = queries.step(session, history_id)
    if appointment is None or step is None:
        return
    event = event_of(step)
    coming = event == E.APPOINTMENT_BOOKED
    if event is not None and (not coming or appointment.status == S.BOOKED):
        notifications.tell_patient(
            session,
            appointment.patient_id,
            event,
            source_id=step.id,
            subject_id=appointment.id,
            until=appointment.starts_at if coming else None,
            now=now,
        )
    if step.to_status == S.BOOKED:
        _after_booking(session, appointment, now)
    else:
        _after_its_end(session, appointment, step.id, now)


def event_of(step: AppointmentHistory) -> NotificationEvent | None:
    """What a step is called when the patient is told of it; None when they need not be."""
    if step.to_status == S.BOOKED:
        return E.APPOINTMENT_BOOKED
    return E.APPOINTMENT_CANCELLED if step.reason_code in TOLD_OF else None


def _after_booking(session: Session, appointment: Appointment, now: datetime) -> None:
    """Whoever was to arrange this need not any more, and other times for it are free again."""
    if (about := moves.about_of(appointment)) is not None:
        withdraw_offers_about(session=session, about=about, now=now)
    for item in offer_queries.arranged_by(session, appointment):
        worklist.close_item(
            session=session,
            actor=WORKER,
            kind=WorkItemKind(item.kind),
            subject_id=item.subject_id,
            outcome="booked",
            now=now,
        )


def _after_its_end(
    session: Session, appointment: Appointment, step_id: UUID, now: datetime
) -> None:
    for offer in offer_queries.open_offers_instead_of(session, appointment.id):
        end_offer(session, offer, OfferStatus.WITHDRAWN, actor=WORKER, now=now)
    if (wish := offer_queries.wish_of(session, appointment.id)) is not None:
        wish.move_to(WaitingStatus.ENDED, actor=WORKER, now=now)
    worklist.close_item(
        session=session,
        actor=WORKER,
        kind=WorkItemKind.APPOINTMENT_OUTCOME,
        subject_id=appointment.id,
        outcome=appointment.status,
        now=now,
    )
    if appointment.practitioner_id is None:
        return  # a department's appointments are followed with what was ordered
    if appointment.status == S.NO_SHOW:
        _make_work_of(session, WorkItemKind.APPOINTMENT_NO_SHOW, appointment, now)
    elif appointment.reason_code == CancellationReason.SLOT_WITHDRAWN:
        _offer_others(session, appointment, step_id, now)


def _offer_others(session: Session, appointment: Appointment, step_id: UUID, now: datetime) -> None:
    """The next free times instead of one that was withdrawn; the team's work where there are
    none. The offer has the id of the step that it follows: there is one for each."""
    if offer_queries.offer(session, step_id) is not None:
        return
    about = moves.about_of(appointment)
    try:
        needs, _subject = lock_needs(session, about, appointment.patient_id, Booking(None, now))
    except (Conflict, NotFound):
        return  # it has another one by now, or has ended itself
    free = queries.next_free(
        session, appointment, from_=now + rules.NOTICE, now=now, limit=rules.OTHERS_OFFERED
    )
    if not free:
        _make_work_of(session, WorkItemKind.APPOINTMENT_TO_ARRANGE, appointment, now)
        return
    make_offer(
        session,
        actor=WORKER,
        about=about,
        needs=needs,
        slot_ids=[slot.id for slot in free],
        expires_at=None,
        now=now,
        offer_id=step_id,
    )


def _make_work_of(
    session: Session, kind: WorkItemKind, appointment: Appointment, now: datetime
) -> None:
    if appointment.about_kind not in SELF_FOLLOWED:
        open_item(session, kind, appointment, now)


def open_item(
    session: Session,
    kind: WorkItemKind,
    appointment: Appointment,
    now: datetime,
    *,
    hours: float | None = None,
) -> None:
    """An item for the practitioner with whom it is, due in so many business hours."""
    if appointment.practitioner_id is None:
        return
    whose = directory.get_practitioner(session, appointment.practitioner_id)
    calendar = directory.calendar_of(session, whose.clinic_id)
    due_at = due_times.due_at(calendar, Priority.ROUTINE, now)
    worklist.open_item(
        session=session,
        actor=WORKER,
        kind=kind,
        subject_id=appointment.id,
        patient_id=appointment.patient_id,
        responsible_id=whose.id,
        pool_id=whose.pool_id,
        priority=Priority.ROUTINE,
        due_at=due_at if hours is None else calendar.add_business(now, hours),
        now=now,
    )


def follow_offered(*, session: Session, offer_id: UUID, now: datetime) -> None:
    """Tell a patient of the times that are held for them."""
    offer = offer_queries.offer(session, offer_id)
    if offer is not None and offer.status == OfferStatus.OPEN:
        event = E.APPOINTMENT_OFFERED if offer.replaces_id is None else E.APPOINTMENT_EARLIER
        notifications.tell_patient(
            session,
            offer.patient_id,
            event,
            source_id=offer.id,
            subject_id=offer.id,
            until=offer.expires_at,
            now=now,
        )


def follow_offer_end(*, session: Session, offer_id: UUID, now: datetime) -> None:
    """What nobody took comes back to who offered it."""
    offer = offer_queries.offer(session, offer_id)
    if offer is None:
        return
    refused = offer.status in (OfferStatus.DECLINED, OfferStatus.EXPIRED)
    if refused and offer.replaces_id is None and offer.about_kind not in SELF_FOLLOWED:
        _give_back(session, offer, now)


def _give_back(session: Session, offer: AppointmentOffer, now: datetime) -> None:
    worklist.ask_pool(
        session=session,
        kind=WorkItemKind.APPOINTMENT_OFFER_UNTAKEN,
        subject_id=offer.id,
        patient_id=offer.patient_id,
        responsible_id=offer.practitioner_id,
        pool_id=offer.pool_id,
        priority=Priority.ROUTINE,
        now=now,
    )
