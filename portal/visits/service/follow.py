"""What the workers do after a step of a visit, and after a summary was released. Twice is once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.clock import local_day
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.patients import service as patients
from portal.visits import instruction_queries, queries, summary_queries
from portal.visits.model import Visit, VisitHistory
from portal.visits.service.noting import note_done, note_requisition, note_visit
from portal.visits.states import InstructionKind, VisitStatus

S = VisitStatus
E = NotificationEvent


def follow_visit(*, session: Session, visit_id: UUID, history_id: UUID, now: datetime) -> None:
    """Follow one step of a visit: tell the patient, and close what waited for it."""
    visit = queries.get_visit(session, visit_id)
    step = queries.step(session, history_id)
    if visit is None or step is None:
        return
    event = event_of(visit, step)
    coming = event in (E.VISIT_PLANNED, E.VISIT_CHANGED)
    if event is not None and (not coming or visit.status == S.PLANNED):
        until = visit.starts_at if coming else None
        tell_patient(session, visit, event, step.id, now, until=until)
    if step.to_status == S.FINISHED:
        note_visit(session, visit, now)


def event_of(visit: Visit, step: VisitHistory) -> NotificationEvent | None:
    """What a step is called when the patient is told of it; None when they need not be.

    A visit that was booked as an appointment is told of as that.
    """
    if visit.appointment_id is not None:
        return None
    if step.to_status == S.CANCELLED:
        return E.VISIT_CANCELLED
    if step.to_status == S.PLANNED and step.starts_at > step.at:
        return E.VISIT_PLANNED if step.from_status is None else E.VISIT_CHANGED
    return None


def tell_patient(
    session: Session,
    visit: Visit,
    event: NotificationEvent,
    source_id: UUID,
    now: datetime,
    *,
    until: datetime | None = None,
) -> None:
    """Tell the patient of something, once for each `source_id`; of what is to come, `until`."""
    notifications.tell_patient(
        session,
        visit.patient_id,
        event,
        source_id=source_id,
        subject_id=visit.id,
        until=until,
        now=now,
    )


def follow_release(*, session: Session, visit_id: UUID, summary_id: UUID, now: datetime) -> None:
    """Tell the patient of a version, and close what was done before anybody followed it."""
    visit = queries.get_visit(session, visit_id)
    summary = summary_queries.get_summary(session, summary_id)
    if visit is None or summary is None or visit.status == S.ENTERED_IN_ERROR:
        return
    first = summary.number == 1
    event = E.VISIT_SUMMARY_RELEASED if first else E.VISIT_SUMMARY_AMENDED
    tell_patient(session, visit, event, summary.id, now)
    since = local_day(
        visit.started_at or visit.starts_at,
        patients.get_patient(session, visit.patient_id).time_zone,
    )
    for prescription_id in instruction_queries.filled_since(session, visit.id, since):
        note_done(session=session, kind=InstructionKind.FILL, target_id=prescription_id, now=now)
    for target_id in instruction_queries.visits_held(session, visit.id):
        note_done(session=session, kind=InstructionKind.VISIT, target_id=target_id, now=now)
    for requisition_id in instruction_queries.waited_for(session, visit.id, InstructionKind.TEST):
        note_requisition(session=session, requisition_id=requisition_id, now=now)
