"""Calls to be made: their work items, and what comes of each attempt."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import WORKER, Actor
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.notifications import outreach_queries, rules
from portal.notifications.errors import CallEnded, CallNotFound
from portal.notifications.outreach_model import CallAttempt, PhoneCall
from portal.notifications.outreach_states import CallOutcome, CallStatus
from portal.notifications.states import NotificationEvent
from portal.patients import service as patients
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind


def open_call(
    *,
    session: Session,
    patient_id: UUID,
    responsible_id: UUID | None,
    pool_id: UUID,
    event: NotificationEvent,
    source_id: UUID,
    subject_id: UUID,
    script: Sequence[str],
    priority: Priority,
    due_at: datetime,
    now: datetime,
) -> UUID:
    """Have the patient called: a call with its script and its work item, once for each `source_id`.

    For the workers. Raises PatientUnknown.
    """
    there = outreach_queries.call_of_source(session, source_id)
    if there is not None:
        return there
    patient = patients.surviving(session, patient_id)
    call = PhoneCall(
        id=new_id(),
        patient_id=patient.id,
        event=event,
        source_id=source_id,
        subject_id=subject_id,
        status=CallStatus.OPEN,
        script=list(script),
        created_at=now,
    )
    session.add(call)
    session.flush()
    worklist.open_item(
        session=session,
        actor=WORKER,
        kind=WorkItemKind.PHONE_CALL,
        subject_id=call.id,
        patient_id=patient.id,
        responsible_id=responsible_id,
        pool_id=pool_id,
        priority=priority,
        due_at=due_at,
        now=now,
    )
    _audit_call(session, WORKER, call, "create", now)
    return call.id


def record_call(
    *,
    session: Session,
    actor: Actor,
    call_id: UUID,
    outcome: CallOutcome,
    note: str | None,
    now: datetime,
) -> PhoneCall:
    """Keep what came of an attempt: the call is over, or it is due again in business hours.

    Raises CallNotFound, CallEnded.
    """
    call = outreach_queries.call_for_change(session, call_id)
    if call is None:
        raise CallNotFound()
    if call.status != CallStatus.OPEN:
        raise CallEnded(f"This call is over: {call.status}.", status_now=call.status)
    before = outreach_queries.attempts(session, call_id)
    session.add(
        CallAttempt(
            id=new_id(),
            call_id=call.id,
            patient_id=call.patient_id,
            number=len(before) + 1,
            at=now,
            caller_kind=actor.kind,
            caller_id=actor.id,
            outcome=outcome,
            note=note,
        )
    )
    unanswered = sum(attempt.outcome == CallOutcome.NO_ANSWER for attempt in before)
    _follow(session, actor, call, outcome, rules.after_attempt(outcome, unanswered), now)
    session.flush()
    _audit_call(session, actor, call, outcome, now)
    return call


def cancel_calls_about(
    *, session: Session, actor: Actor, subject_id: UUID, note: str, now: datetime
) -> None:
    """Call off the calls about something that is no longer so, with their work items."""
    for call in outreach_queries.open_calls_about(session, subject_id):
        call.move_to(CallStatus.CANCELLED, actor=actor, now=now)
        session.flush()
        worklist.close_item(
            session=session,
            actor=actor,
            kind=WorkItemKind.PHONE_CALL,
            subject_id=call.id,
            outcome=note,
            now=now,
            cancelled=True,
        )
        _audit_call(session, actor, call, CallStatus.CANCELLED, now)


def _follow(
    session: Session,
    actor: Actor,
    call: PhoneCall,
    outcome: CallOutcome,
    status: CallStatus,
    now: datetime,
) -> None:
    kind = WorkItemKind.PHONE_CALL
    if status == CallStatus.OPEN:
        patient = patients.get_patient(session, call.patient_id)
        again = rules.call_again_at(directory.calendar_of(session, patient.clinic_id), now)
        worklist.put_off(session=session, kind=kind, subject_id=call.id, due_at=again)
        return
    end_call(session, actor, call, status, outcome, now)


def end_call(
    session: Session,
    actor: Actor,
    call: PhoneCall,
    status: CallStatus,
    outcome: str,
    now: datetime,
) -> None:
    """End a locked call: nobody has to call any more."""
    call.move_to(status, actor=actor, now=now)
    worklist.close_item(
        session=session,
        actor=actor,
        kind=WorkItemKind.PHONE_CALL,
        subject_id=call.id,
        outcome=outcome,
        now=now,
    )
    outbox.emit(session, "call.moved", now=now, call_id=call.id)


def _audit_call(
    session: Session, actor: Actor, call: PhoneCall, action: str, now: datetime
) -> None:
    audit.record(
        session,
        actor,
        action,
        "phone_call",
        patient_id=call.patient_id,
        resource_id=call.id,
        at=now,
    )
