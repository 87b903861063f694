"""What the workers do after a move: tell the laboratory, tell the patient, open and close loops."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.directory import service as directory
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.requisitions import loop_queries, queries, rules
from portal.requisitions.model import Requisition, RequisitionHistory
from portal.requisitions.oml import Party
from portal.requisitions.service.messages import place_messages
from portal.requisitions.states import UNCOLLECTED, RequisitionPriority, RequisitionStatus
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind

S = RequisitionStatus
E = NotificationEvent

_EVENTS = {
    S.PLACED: E.REQUISITION_PLACED,
    S.CANCELLED: E.REQUISITION_CANCELLED,
    S.REJECTED: E.REQUISITION_REJECTED,
    S.EXPIRED: E.REQUISITION_EXPIRED,
}
_COMING = frozenset({E.REQUISITION_PLACED, E.REQUISITION_UNCOLLECTED})
_PRIORITIES = {
    RequisitionPriority.ROUTINE: Priority.ROUTINE,
    RequisitionPriority.URGENT: Priority.URGENT,
    RequisitionPriority.STAT: Priority.STAT,
}


def follow_move(
    *, session: Session, requisition_id: UUID, history_id: UUID, us: Party, now: datetime
) -> None:
    """Follow one step of a requisition. Doing it twice, or late, has the effect of doing it once.

    What laboratories are sent and what is on worklists follow from where the requisition stands
    now, so that steps that overtake each other in the queue end in the same place. `us` is how we
    name ourselves to laboratories.
    """
    requisition = queries.for_change(session, requisition_id)
    step = queries.step(session, history_id)
    if requisition is None or step is None:
        return
    place_messages(session, requisition, us, now)
    if not requisition.draft:
        _tell_patient(session, requisition, step, now)
        _open_items(session, requisition, step, now)
    _close_items(session, requisition, now)


def event_of(step: RequisitionHistory) -> NotificationEvent | None:
    """What a step is called when the patient is told of it; None when they need not be. Of its
    appointments they are told as such."""
    before, after = step.from_status, RequisitionStatus(step.to_status)
    if before == after or (after == S.PLACED and before not in (None, S.DRAFT)):
        return None
    return _EVENTS.get(after)


def _tell_patient(
    session: Session, requisition: Requisition, step: RequisitionHistory, now: datetime
) -> None:
    event = event_of(step)
    if event == E.REQUISITION_PLACED and requisition.status not in UNCOLLECTED:
        return  # it was done, or is off, before anybody was told
    if event is not None:
        tell_patient(session, requisition, event, step.id, step.reason_code, now)


def tell_patient(
    session: Session,
    requisition: Requisition,
    event: NotificationEvent,
    source_id: UUID,
    reason_code: str | None,
    now: datetime,
) -> None:
    """Tell the patient of something, once for each `source_id`."""
    notifications.tell_patient(
        session,
        requisition.patient_id,
        event,
        source_id=source_id,
        subject_id=requisition.id,
        data={"reason_code": reason_code},
        until=requisition.expires_at if event in _COMING else None,
        now=now,
    )


def _open_items(
    session: Session, requisition: Requisition, step: RequisitionHistory, now: datetime
) -> None:
    status = RequisitionStatus(requisition.status)
    if step.to_status != status:
        return  # it went on, and the later step is followed as well
    if status == S.REJECTED:
        kind, priority = WorkItemKind.REQUISITION_REJECTED, Priority.URGENT
    elif status == S.EXPIRED:
        kind, priority = WorkItemKind.REQUISITION_EXPIRED, Priority.ROUTINE
    elif status == S.ACCEPTED and requisition.reason_code == rules.NO_SHOW:
        kind, priority = WorkItemKind.REQUISITION_UNCOLLECTED, priority_of(requisition)
    else:
        return
    if not loop_queries.had_item(session, kind, requisition.id, requisition.status_at):
        to_pool = kind == WorkItemKind.REQUISITION_UNCOLLECTED
        open_item(session, requisition, kind, priority, now, to_pool=to_pool, cause_id=step.id)


def note_taken_back(
    *, session: Session, requisition_id: UUID, version_id: UUID, at: datetime, now: datetime
) -> None:
    """The result of a requisition was taken back at `at` by this version, after it had come: who
    ordered it has no answer any more, and decides what is next. Once."""
    requisition = queries.for_change(session, requisition_id)
    if requisition is None or requisition.status != S.RESULTED:
        return
    kind = WorkItemKind.REQUISITION_REJECTED
    if not loop_queries.had_item(session, kind, requisition.id, at):
        open_item(
            session, requisition, kind, Priority.URGENT, now, to_pool=False, cause_id=version_id
        )


def priority_of(requisition: Requisition) -> Priority:
    return _PRIORITIES[RequisitionPriority(requisition.priority)]


def open_item(
    session: Session,
    requisition: Requisition,
    kind: WorkItemKind,
    priority: Priority,
    now: datetime,
    *,
    to_pool: bool,
    cause_id: UUID | None = None,
) -> UUID:
    """An item for who ordered it, or for their team; `cause_id` as of worklist.open_item()."""
    orderer = directory.get_practitioner(session, requisition.orderer_id)
    return worklist.ask_pool(
        session=session,
        kind=kind,
        subject_id=requisition.id,
        patient_id=requisition.patient_id,
        responsible_id=None if to_pool else orderer.id,
        pool_id=orderer.pool_id,
        priority=priority,
        now=now,
        cause_id=cause_id,
    )


def _close_items(session: Session, requisition: Requisition, now: datetime) -> None:
    """The loop moved on: whoever was to find out why it stood still need not any more."""
    status = RequisitionStatus(requisition.status)
    over = []
    if not rules.is_uncollected_late(status, requisition.reason_code, requisition.expected_by, now):
        over.append(WorkItemKind.REQUISITION_UNCOLLECTED)
    if not rules.is_unresulted(status):
        over.append(WorkItemKind.REQUISITION_UNRESULTED)
    for kind in over:
        worklist.close_item(
            session=session,
            actor=WORKER,
            kind=kind,
            subject_id=requisition.id,
            outcome="moved on",
            now=now,
        )
