"""Visits that were booked as appointments: planned, moved, begun and called off with them.

An appointment with a practitioner is a visit, also where it is about a referral. The workers bring
a visit to where its appointment stands after each step, in whatever order they hear of them; what
is done with the visit itself is done with the appointment in the same transaction (visiting.py).
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.appointments.model import Appointment
from portal.appointments.states import AppointmentStatus
from portal.core.actor import WORKER
from portal.directory import service as directory
from portal.visits import queries, rules
from portal.visits.model import Visit, VisitHistory
from portal.visits.service import moves
from portal.visits.service.visiting import PlanVisit, add_visit, begin
from portal.visits.states import VisitStatus

S = VisitStatus
A = AppointmentStatus
# Why a visit that was booked does not take place, as its history says it.
_REASONS: Mapping[str, str] = {
    A.CANCELLED: "The appointment was called off.",
    A.NO_SHOW: "The patient did not come.",
}


def follow_appointment(*, session: Session, appointment_id: UUID, now: datetime) -> None:
    """Bring the visit of an appointment to where that stands now. Twice is the same as once; a
    visit that has begun or ended stays as it is."""
    appointment = appointments.get_appointment(session, appointment_id)
    if appointment is None:
        return
    queries.lock_appointment(session, appointment.calendar_uid)
    standing = appointments.standing(session, appointment_id) or appointment
    if standing.practitioner_id is None:
        return  # a department's times are no visits
    visit = queries.of_appointments(session, standing.calendar_uid)
    if visit is None and standing.status in (A.BOOKED, A.ATTENDED):
        visit = _plan(session, standing, standing.practitioner_id, now)
    if visit is None or visit.status != S.PLANNED:
        return
    if visit.appointment_id != standing.id:
        _move(session, visit, standing, standing.practitioner_id, now)
    _go_on(session, visit, standing, now)
    session.flush()


def _plan(
    session: Session, appointment: Appointment, practitioner_id: UUID, now: datetime
) -> Visit:
    command = PlanVisit(
        patient_id=appointment.patient_id,
        kind=rules.kind_of(appointment.service_type),
        reason=appointment.service_type,
        starts_at=appointment.starts_at,
        appointment_id=appointment.id,
    )
    practitioner = directory.get_practitioner(session, practitioner_id)
    return add_visit(session, WORKER, command, practitioner, now)


def _move(
    session: Session, visit: Visit, appointment: Appointment, practitioner_id: UUID, now: datetime
) -> None:
    """Another time was taken instead, perhaps with somebody else."""
    visit.appointment_id = appointment.id
    visit.practitioner_id = practitioner_id
    visit.clinic_id = directory.get_practitioner(session, practitioner_id).clinic_id
    visit.starts_at = appointment.starts_at
    visit.version += 1
    step = VisitHistory.of(visit, S.PLANNED, actor=WORKER, now=now)
    moves.remember(session, visit, step, actor=WORKER, action="update", now=now)


def _go_on(session: Session, visit: Visit, appointment: Appointment, now: datetime) -> None:
    """Begin, or call off, a planned visit as its appointment ended."""
    if appointment.status == A.ATTENDED:
        came = appointment.ended_at or now
        started_at = rules.began_at(appointment.starts_at, appointment.ends_at, came)
        begin(session, visit, actor=WORKER, started_at=started_at, now=now)
    elif appointment.status in _REASONS:
        reason = _REASONS[appointment.status]
        moves.move(session, visit, S.CANCELLED, actor=WORKER, now=now, reason=reason)
