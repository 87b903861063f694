"""Imaging is done at an appointment: what one has to be for an order, and how the order follows."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.appointments import subjects
from portal.appointments.model import Appointment
from portal.appointments.rules import About, Needs
from portal.appointments.states import AboutKind, AppointmentStatus, CancellationReason
from portal.core.actor import Actor
from portal.requisitions import queries, rules
from portal.requisitions.errors import NotBookable
from portal.requisitions.model import Requisition, RequisitionHistory
from portal.requisitions.service import moves
from portal.requisitions.service.change_laboratory import check_place
from portal.requisitions.states import UNCOLLECTED, RequisitionKind, RequisitionStatus

S = RequisitionStatus
APPOINTMENT_CHANGED = "appointment_changed"
# Why an order waits for an appointment again, as its own history says it.
_REASONS: Mapping[str, str] = {CancellationReason.SLOT_WITHDRAWN: "slot_withdrawn"}


class Imaging:
    """Orders for imaging as what appointments are about."""

    def lock(self, session: Session, about_id: UUID, booking: subjects.Booking | None) -> Needs:
        """Raises RequisitionNotFound, and NotBookable for one that doesn't wait."""
        requisition = moves.lock(session, about_id)
        if booking is not None:
            _check_bookable(requisition)
        test = queries.tests(session, [requisition.test_code])[requisition.test_code]
        return Needs(
            requisition.patient_id,
            test.modality,
            test.duration_minutes or 0,
            requisition.not_before,
        )

    def placed(
        self,
        *,
        session: Session,
        actor: Actor,
        appointment: Appointment,
        instead: Appointment | None,
        now: datetime,
    ) -> None:
        """The order goes to the radiology of its appointment, and is due after that.

        Raises LaboratoryUnusable for a place that doesn't do this.
        """
        requisition = _of(session, appointment)
        _go_to(session, requisition, appointment.laboratory_id)
        due = rules.appointment_due(appointment.ends_at)
        if instead is None:
            moves.move(session, requisition, S.SCHEDULED, actor=actor, now=now, expected_by=due)
            return
        requisition.expected_by = due
        step = RequisitionHistory.of(requisition, S.SCHEDULED, actor=actor, now=now)
        step.reason_code = APPOINTMENT_CHANGED
        moves.remember(
            session, requisition, step, actor=actor, action="change_appointment", now=now
        )

    def ended(
        self, *, session: Session, actor: Actor, appointment: Appointment, now: datetime
    ) -> None:
        """Kept, it was collected; missed or called off, the order waits for another one."""
        requisition = _of(session, appointment)
        if appointment.status == AppointmentStatus.ATTENDED:
            requisition.collected_at = now
            requisition.occurred_at = now
            moves.move(session, requisition, S.COLLECTED, actor=actor, now=now)
            return
        missed = appointment.status == AppointmentStatus.NO_SHOW
        moves.move(
            session,
            requisition,
            S.ACCEPTED,
            actor=actor,
            now=now,
            reason_code=rules.NO_SHOW if missed else "appointment_cancelled",
            reason=appointment.reason or _REASONS.get(appointment.reason_code or ""),
        )


def _check_bookable(requisition: Requisition) -> None:
    status = RequisitionStatus(requisition.status)
    if requisition.kind != RequisitionKind.IMAGING:
        raise NotBookable("A laboratory test needs no appointment.", status_now=status)
    if status == S.SCHEDULED:
        raise NotBookable("An appointment is booked already: change that one.", status_now=status)
    if status not in UNCOLLECTED:
        raise NotBookable(status_now=status)


def _of(session: Session, appointment: Appointment) -> Requisition:
    """The order of an appointment, which is locked already."""
    return moves.lock(session, requisition_of(appointment))


def requisition_of(appointment: Appointment) -> UUID:
    """The order that an appointment is for. Raises NotBookable for one about something else."""
    if appointment.about_kind != AboutKind.REQUISITION or appointment.about_id is None:
        raise NotBookable("This appointment is not for imaging.")
    return appointment.about_id


def _go_to(session: Session, requisition: Requisition, laboratory_id: UUID | None) -> None:
    if laboratory_id is None:
        raise NotBookable("This is no radiology's time.")
    if laboratory_id != requisition.laboratory_id:
        check_place(session, requisition, laboratory_id)
        requisition.laboratory_id = laboratory_id
        requisition.filler_number = None


subjects.register(AboutKind.REQUISITION, Imaging())


def book_slot(
    *,
    session: Session,
    actor: Actor,
    slot_id: UUID,
    requisition_id: UUID,
    now: datetime,
    confirmed_overlaps: Collection[UUID] = (),
) -> Appointment:
    """Book a time for a requisition, which goes to that radiology where it was sent to another.

    Raises RequisitionNotFound, NotBookable, SlotNotFound, SlotUnusable naming what doesn't fit,
    SlotTaken for who comes second, AppointmentsOverlap.
    """
    return appointments.book(
        session=session,
        actor=actor,
        slot_id=slot_id,
        about=About(AboutKind.REQUISITION, requisition_id),
        patient_id=None,
        now=now,
        pointer="/requisition_id",
        confirmed_overlaps=confirmed_overlaps,
    )
