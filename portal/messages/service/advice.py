"""The advice line: a nurse calls back, day and night, and what came of it is kept."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import Actor
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.directory.model import PoolKind
from portal.messages import advice_queries, rules
from portal.messages.advice_model import AdviceAttempt, AdviceCall
from portal.messages.errors import AdviceCallEnded, AdviceCallNotFound, AdviceCallOpen
from portal.messages.service import warning
from portal.messages.states import AdviceOutcome, AdviceStatus, AdviceUrgency
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.patients import service as patients
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind

UNANSWERED = frozenset({AdviceOutcome.NO_ANSWER, AdviceOutcome.VOICEMAIL})


@dataclass(frozen=True, slots=True)
class RequestCall:
    reason: str
    callback_number: str
    urgency: AdviceUrgency
    acknowledged_red_flags: int | None = None


def request_call(*, session: Session, actor: Actor, command: RequestCall, now: datetime) -> UUID:
    """Have a nurse call; returns the request's id. With red flags it is `stat` in any case.

    Raises RedFlagsFound with the guidance, AdviceCallOpen where the patient waits already.
    """
    flagged = warning.acknowledged(session, actor, command.acknowledged_red_flags, command.reason)
    urgency = AdviceUrgency.STAT if flagged.codes else command.urgency
    patient_id = actor.subject_id
    clinic_id = patients.clinic_of(session, patient_id)
    advice_queries.lock_requests(session, patient_id)
    if advice_queries.is_waiting(session, patient_id):
        raise AdviceCallOpen()
    call = AdviceCall(
        id=new_id(),
        patient_id=patient_id,
        pool_id=directory.pool_of(session, clinic_id, PoolKind.NURSES),
        requester_kind=actor.kind.value,
        requester_id=actor.id,
        reason=command.reason,
        callback_number=command.callback_number,
        urgency=urgency,
        status=AdviceStatus.WAITING,
        red_flag_version=flagged.version,
        red_flags=list(flagged.codes),
        requested_at=now,
        due_at=now + rules.CALL_WITHIN[urgency],
    )
    session.add(call)
    session.flush()
    _open_item(session, actor, call, now)
    _audit(session, actor, call, "create", now)
    return call.id


def _open_item(session: Session, actor: Actor, call: AdviceCall, now: datetime) -> None:
    worklist.open_item(
        session=session,
        actor=actor,
        kind=WorkItemKind.ADVICE_CALL,
        subject_id=call.id,
        patient_id=call.patient_id,
        responsible_id=None,
        pool_id=call.pool_id,
        priority=Priority(call.urgency),
        due_at=call.due_at or now,
        now=now,
    )


def cancel_call(*, session: Session, actor: Actor, call_id: UUID, now: datetime) -> None:
    """The patient's side needs no call any more. Raises AdviceCallNotFound, AdviceCallEnded."""
    call = _waiting(session, call_id)
    end_call(
        session, actor, call, AdviceStatus.CANCELLED, f"cancelled by the {actor.kind.value}", now
    )
    _audit(session, actor, call, "cancel", now)


def record_outcome(
    *,
    session: Session,
    actor: Actor,
    call_id: UUID,
    outcome: AdviceOutcome,
    note: str | None,
    now: datetime,
) -> None:
    """Keep what came of an attempt: the request is over, or the next call is due soon.

    Raises AdviceCallNotFound, AdviceCallEnded.
    """
    call = _waiting(session, call_id)
    before = advice_queries.attempts(session, [call.id])
    session.add(
        AdviceAttempt(
            id=new_id(),
            call_id=call.id,
            patient_id=call.patient_id,
            number=len(before) + 1,
            at=now,
            caller_kind=actor.kind.value,
            caller_id=actor.id,
            outcome=outcome,
            note=note,
        )
    )
    unanswered = sum(attempt.outcome in UNANSWERED for attempt in before)
    status = rules.after_attempt(outcome, unanswered)
    if status == AdviceStatus.WAITING:
        call.due_at = now + rules.CALL_AGAIN_AFTER
        worklist.put_off(
            session=session,
            kind=WorkItemKind.ADVICE_CALL,
            subject_id=call.id,
            due_at=call.due_at,
        )
    else:
        end_call(session, actor, call, status, outcome, now)
    _audit(session, actor, call, outcome, now)


def _waiting(session: Session, call_id: UUID) -> AdviceCall:
    call = advice_queries.call_for_change(session, call_id)
    if call is None:
        raise AdviceCallNotFound()
    if call.status != AdviceStatus.WAITING:
        raise AdviceCallEnded(f"This request is over: {call.status}.", status_now=call.status)
    return call


def end_call(
    session: Session,
    actor: Actor,
    call: AdviceCall,
    status: AdviceStatus,
    outcome: str,
    now: datetime,
) -> None:
    """End a locked request: nobody has to call any more."""
    call.move_to(status, actor=actor, now=now)
    session.flush()
    worklist.close_item(
        session=session,
        actor=actor,
        kind=WorkItemKind.ADVICE_CALL,
        subject_id=call.id,
        outcome=outcome,
        now=now,
    )
    outbox.emit(session, "advice_call.ended", now=now, call_id=call.id)


def follow_ending(*, session: Session, call_id: UUID, now: datetime) -> None:
    """Tell a patient whom the nurses did not reach what to do instead."""
    call = session.get(AdviceCall, call_id)
    if call is None or call.status != AdviceStatus.UNREACHED:
        return
    notifications.tell_patient(
        session,
        call.patient_id,
        NotificationEvent.ADVICE_CALL_UNREACHED,
        source_id=call.id,
        subject_id=call.id,
        now=now,
    )


def _audit(session: Session, actor: Actor, call: AdviceCall, action: str, now: datetime) -> None:
    audit.record(
        session,
        actor,
        action,
        "advice_call",
        patient_id=call.patient_id,
        resource_id=call.id,
        at=now,
    )
