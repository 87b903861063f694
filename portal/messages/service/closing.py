"""Closing a thread with a reason, and opening it again."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import PATIENT_SIDE, Actor
from portal.core.versions import check_version
from portal.messages import rules
from portal.messages.errors import AlreadyClosed, NotClosed
from portal.messages.service import moves
from portal.messages.service.seen import must_have_seen
from portal.messages.states import CloseReason, ThreadStatus


def close_thread(
    *,
    session: Session,
    actor: Actor,
    thread_id: UUID,
    reason: CloseReason,
    note: str | None,
    last_seen_message_id: UUID | None,
    version: int | None,
    now: datetime,
) -> None:
    """End a thread; nobody has to answer it any more.

    Whoever ends it says which message is the newest that they have read: one that came in between
    would else be closed with it, unread. Raises ThreadNotFound, NewerMessages with what others
    wrote since, PreconditionFailed where the thread changed since `version`, AlreadyClosed with its
    reason, Invalid for a reason that is not the actor's to give.
    """
    thread = moves.lock(session, thread_id)
    rules.check_close_reason(reason, actor.kind)
    if thread.status == ThreadStatus.CLOSED:
        raise AlreadyClosed(closed_reason=thread.closed_reason, closed_at=thread.status_at)
    check_version(version, thread.version)
    must_have_seen(session, actor, thread, last_seen_message_id)
    waited = thread.status == ThreadStatus.AWAITING_CARE_TEAM
    step = moves.move(
        session, thread, ThreadStatus.CLOSED, actor=actor, now=now, reason=reason, note=note
    )
    session.flush()
    if waited:
        moves.close_reply(session, thread, f"closed: {reason.value}", actor=actor, now=now)
    if actor.kind not in PATIENT_SIDE:
        outbox.emit(session, "thread.closed", now=now, thread_id=thread.id, history_id=step.id)
    moves.remember(
        session, actor, "close", patient_id=thread.patient_id, thread_id=thread.id, now=now
    )


def reopen_thread(
    *, session: Session, actor: Actor, thread_id: UUID, version: int | None, now: datetime
) -> None:
    """Open a closed thread: a patient's then waits for the care team, the care team's for them.

    Raises ThreadNotFound, NotClosed, PreconditionFailed, and ThreadClosed where the patient has to
    start another.
    """
    thread = moves.lock(session, thread_id)
    if thread.status != ThreadStatus.CLOSED:
        raise NotClosed(status_now=thread.status)
    check_version(version, thread.version)
    rules.check_reopening(thread.closed_reason, actor.kind)
    if actor.kind in PATIENT_SIDE:
        moves.await_care_team(session, thread, actor=actor, urgent=False, now=now)
        outbox.emit(session, "thread.reopened", now=now, thread_id=thread.id)
    else:
        moves.move(session, thread, ThreadStatus.AWAITING_PATIENT, actor=actor, now=now)
    session.flush()
    moves.remember(
        session, actor, "reopen", patient_id=thread.patient_id, thread_id=thread.id, now=now
    )
