"""Pure decisions about threads and advice calls: who may end what, when an answer is due."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from portal.core.actor import PATIENT_SIDE, ActorKind
from portal.core.errors import FieldError, Invalid
from portal.directory.rules import Calendar, CoverageStep, who_answers
from portal.messages.errors import RedFlagsFound, ThreadClosed
from portal.messages.states import (
    FINAL_REASONS,
    PATIENTS_REASONS,
    AdviceOutcome,
    AdviceStatus,
    AdviceUrgency,
    CloseReason,
    ThreadStatus,
)
from portal.worklist import rules as due_times
from portal.worklist.states import Priority

MOST_PATIENTS = 500
# Messages that a problem about newer ones carries along.
# Files that one message may carry.
MOST_FILES = 5
MOST_DRAFTS = 200
MOST_NEWER = 20

# By when a nurse calls, day and night.
CALL_WITHIN: Mapping[AdviceUrgency, timedelta] = {
    AdviceUrgency.STAT: timedelta(minutes=30),
    AdviceUrgency.URGENT: timedelta(hours=2),
}
CALL_AGAIN_AFTER = timedelta(minutes=30)
MOST_UNANSWERED = 3

_ENDS: Mapping[AdviceOutcome, AdviceStatus] = {
    AdviceOutcome.ADVICE_GIVEN: AdviceStatus.ADVISED,
    AdviceOutcome.SENT_TO_EMERGENCY: AdviceStatus.SENT_TO_EMERGENCY,
}


def waits_for(author: ActorKind) -> ThreadStatus:
    """With whom a thread is after a message: with the other side."""
    if author in PATIENT_SIDE:
        return ThreadStatus.AWAITING_CARE_TEAM
    return ThreadStatus.AWAITING_PATIENT


def priority_of(urgent: bool) -> Priority:
    return Priority.URGENT if urgent else Priority.ROUTINE


def reply_due_at(calendar: Calendar, urgent: bool, now: datetime) -> datetime:
    """When the answer is due, by the clinic's business hours: two days, urgent ones half of one."""
    return due_times.due_at(calendar, priority_of(urgent), now)


def check_reopening(reason: str | None, actor: ActorKind) -> None:
    """Raises ThreadClosed where the patient has to start another thread instead."""
    if actor in PATIENT_SIDE and reason in FINAL_REASONS:
        raise ThreadClosed(closed_reason=reason)


def check_close_reason(reason: CloseReason, actor: ActorKind) -> None:
    """Raises Invalid for a reason that is not the actor's to give."""
    if actor in PATIENT_SIDE and reason not in PATIENTS_REASONS:
        allowed = ", ".join(sorted(PATIENTS_REASONS))
        raise Invalid(errors=[FieldError("/reason", f"Must be one of: {allowed}.")])


def check_acknowledged(
    acknowledged: int | None, version: int, flags: Sequence[Any], guidance: Mapping[str, Any]
) -> None:
    """Raises RedFlagsFound, with the guidance, unless it was acknowledged in this version."""
    if flags and acknowledged != version:
        raise RedFlagsFound(**guidance)


def absence_notice(chain: Sequence[CoverageStep], team: str) -> str | None:
    """What a patient is told who wrote to somebody that is away; None for one who is there."""
    if not chain or chain[0].answers:
        return None
    answering = who_answers(chain)
    name = next((step.name for step in chain if step.practitioner_id == answering), team)
    return f"{chain[0].name} is away at present. {name} will read and answer your message."


def after_attempt(outcome: AdviceOutcome, unanswered_before: int) -> AdviceStatus:
    """What becomes of a request for a call by an attempt; the third unanswered one is the last."""
    if outcome in _ENDS:
        return _ENDS[outcome]
    if unanswered_before + 1 >= MOST_UNANSWERED:
        return AdviceStatus.UNREACHED
    return AdviceStatus.WAITING
