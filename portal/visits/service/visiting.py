"""Planning a visit, holding it, and calling it off."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.core.actor import Actor, ActorKind
from portal.core.errors import FieldError, Forbidden
from portal.core.ids import new_id
from portal.core.versions import check_version
from portal.directory import service as directory
from portal.directory.errors import PractitionerUnknown
from portal.directory.model import Practitioner
from portal.patients import service as patients
from portal.patients.confidentiality import Confidential
from portal.patients.errors import PatientUnknown
from portal.patients.model import Patient
from portal.visits import chart_queries, rules, summary_queries
from portal.visits.errors import VisitBooked, VisitNotChangeable, VisitUnusable
from portal.visits.model import Visit, VisitHistory
from portal.visits.service import moves
from portal.visits.service.confidential import mark
from portal.visits.service.instructions import close_missing_summary, withdraw
from portal.visits.states import COMING, VisitKind, VisitStatus
from portal.worklist import rules as due_times
from portal.worklist.states import Priority

S = VisitStatus
WHEN_AND_WHO = frozenset({"starts_at", "practitioner_id"})


@dataclass(frozen=True, slots=True)
class PlanVisit:
    """Whom somebody is to see, how and when; a practitioner's own visit, now, unless said.
    `appointment_id` is what it was booked as."""

    patient_id: UUID
    kind: VisitKind
    reason: str
    practitioner_id: UUID | None = None
    starts_at: datetime | None = None
    appointment_id: UUID | None = None
    confidential_reason: str | None = None


def plan_visit(*, session: Session, actor: Actor, command: PlanVisit, now: datetime) -> Visit:
    """Plan a visit. Raises VisitUnusable naming what can't be used, and Forbidden where somebody
    else than a practitioner wants to keep it confidential."""
    if command.confidential_reason and actor.kind != ActorKind.PRACTITIONER:
        raise Forbidden("Only practitioners keep a visit confidential: ask one of them.")
    patient = usable_patient(session, command.patient_id)
    if command.practitioner_id is None and actor.kind != ActorKind.PRACTITIONER:
        raise _unusable("/practitioner_id", "Say who is to see the patient.")
    practitioner = _practitioner(session, command.practitioner_id or actor.id)
    _check_start(command.starts_at or now, now)
    return add_visit(session, actor, replace(command, patient_id=patient.id), practitioner, now)


def add_visit(
    session: Session, actor: Actor, command: PlanVisit, practitioner: Practitioner, now: datetime
) -> Visit:
    """A planned visit with this practitioner; whoever calls has looked whether it can be."""
    visit = Visit(
        id=new_id(),
        patient_id=command.patient_id,
        practitioner_id=practitioner.id,
        clinic_id=practitioner.clinic_id,
        appointment_id=command.appointment_id,
        kind=command.kind,
        status=S.PLANNED,
        reason=command.reason,
        starts_at=command.starts_at or now,
        status_at=now,
        confidential=False,
        created_at=now,
        version=1,
    )
    session.add(visit)
    session.flush()
    step = VisitHistory.of(visit, None, actor=actor, now=now)
    moves.remember(session, visit, step, actor=actor, action="create", now=now)
    if command.confidential_reason is not None:
        mark(session, actor, visit, Confidential(True, command.confidential_reason), now)
    return visit


def usable_patient(session: Session, patient_id: UUID) -> Patient:
    """A patient of the actor's whose record stands. Raises VisitUnusable."""
    try:
        patient = patients.get_patient(session, patient_id)
    except PatientUnknown:
        raise _unusable("/patient_id", "There is no patient of yours with this id.") from None
    if patient.merged_into_id is not None:
        raise _unusable("/patient_id", "This record was merged into another: use that.")
    return patient


def _practitioner(session: Session, practitioner_id: UUID) -> Practitioner:
    message = "There is no such practitioner at work: take the id from GET /practitioners."
    try:
        found = directory.get_practitioner(session, practitioner_id)
    except PractitionerUnknown:
        raise _unusable("/practitioner_id", message) from None
    if not found.active:
        raise _unusable("/practitioner_id", message)
    return found


def _check_start(starts_at: datetime, now: datetime) -> None:
    if not rules.usable_start(starts_at, now):
        raise _unusable("/starts_at", "A time within the last year or the next two.")


def _unusable(pointer: str, message: str) -> VisitUnusable:
    return VisitUnusable(message, errors=[FieldError(pointer, message)])


def change_visit(
    *,
    session: Session,
    actor: Actor,
    visit_id: UUID,
    changes: Mapping[str, Any],
    expected: int | None,
    now: datetime,
) -> Visit:
    """Change why, how, when or with whom; when and with whom only before it begins.

    Raises VisitNotFound, PreconditionFailed, VisitNotChangeable, VisitBooked, VisitUnusable.
    """
    visit = moves.lock(session, visit_id)
    check_version(expected, visit.version)
    before = S(visit.status)
    if before not in COMING:
        raise VisitNotChangeable(f"This visit is already {before.value}.", status_now=before)
    if before != S.PLANNED and WHEN_AND_WHO & changes.keys():
        raise VisitNotChangeable(
            "It has begun: when it starts and with whom can't be changed any more.",
            status_now=before,
        )
    if visit.appointment_id is not None and WHEN_AND_WHO & changes.keys():
        raise VisitBooked(appointment_id=visit.appointment_id)
    if "starts_at" in changes:
        _check_start(changes["starts_at"], now)
    if "practitioner_id" in changes:
        visit.clinic_id = _practitioner(session, changes["practitioner_id"]).clinic_id
    for name, value in changes.items():
        setattr(visit, name, value)
    visit.version += 1
    step = VisitHistory.of(visit, before, actor=actor, now=now)
    moves.remember(session, visit, step, actor=actor, action="update", now=now)
    session.flush()
    return visit


def start_visit(*, session: Session, actor: Actor, visit_id: UUID, now: datetime) -> Visit:
    """The patient is being seen, and came to the appointment. Raises VisitNotFound,
    IllegalTransition."""
    visit = moves.lock(session, visit_id)
    begin(session, visit, actor=actor, started_at=now, now=now)
    if visit.appointment_id is not None:
        appointments.note_attended(
            session=session, actor=actor, appointment_id=visit.appointment_id, now=now
        )
    return visit


def begin(
    session: Session, visit: Visit, *, actor: Actor, started_at: datetime, now: datetime
) -> None:
    """Begin a locked visit; from here on it owes a summary. Raises IllegalTransition."""
    visit.started_at = started_at
    moves.move(session, visit, S.IN_PROGRESS, actor=actor, now=now)
    visit.summary_due_at = _summary_due(session, visit, now)
    session.flush()


def finish_visit(*, session: Session, actor: Actor, visit_id: UUID, now: datetime) -> Visit:
    """The visit is over; its summary is due in two business days, unless there is one.

    Raises VisitNotFound, IllegalTransition.
    """
    visit = moves.lock(session, visit_id)
    visit.ended_at = now
    moves.move(session, visit, S.FINISHED, actor=actor, now=now)
    if summary_queries.last_released(session, visit.id) is None:
        visit.summary_due_at = _summary_due(session, visit, now)
    session.flush()
    return visit


def _summary_due(session: Session, visit: Visit, now: datetime) -> datetime:
    calendar = directory.calendar_of(session, visit.clinic_id)
    return due_times.due_at(calendar, Priority.ROUTINE, now)


def cancel_visit(
    *, session: Session, actor: Actor, visit_id: UUID, reason: str, now: datetime
) -> Visit:
    """Call a visit off before it begins; its appointment's time is free again.

    Raises VisitNotFound, VisitNotChangeable.
    """
    visit = moves.lock(session, visit_id)
    before = S(visit.status)
    if before != S.PLANNED:
        raise VisitNotChangeable(
            f"Only a planned visit can be called off; this one is {before.value}.",
            status_now=before,
        )
    moves.move(session, visit, S.CANCELLED, actor=actor, now=now, reason=reason)
    session.flush()
    _free_time(session, actor, visit, reason, now)
    return visit


def _free_time(session: Session, actor: Actor, visit: Visit, reason: str, now: datetime) -> None:
    if visit.appointment_id is not None:
        appointments.call_off(
            session=session,
            actor=actor,
            appointment_id=visit.appointment_id,
            reason=reason,
            now=now,
        )


def void_visit(
    *, session: Session, actor: Actor, visit_id: UUID, reason: str, now: datetime
) -> Visit:
    """Say that a visit was entered in error: what was measured at it counts no more, what was to be
    done after it is withdrawn, and the patient does not see it any more.

    Raises VisitNotFound, IllegalTransition.
    """
    visit = moves.lock(session, visit_id)
    moves.move(session, visit, S.ENTERED_IN_ERROR, actor=actor, now=now, reason=reason)
    for vital in chart_queries.vitals_for_change(session, visit.id):
        vital.withdraw(actor=actor, now=now, reason=reason)
    for instruction in summary_queries.open_instructions(session, visit.id):
        withdraw(session, instruction, actor=actor, now=now)
    close_missing_summary(session, visit, actor=actor, outcome="entered in error", now=now)
    session.flush()
    _free_time(session, actor, visit, reason, now)
    return visit
