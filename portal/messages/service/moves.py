"""What every step of a thread brings with it, in one place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.attachments import service as attachments
from portal.attachments.states import AttachedTo
from portal.core import audit, outbox
from portal.core.actor import PATIENT_SIDE, Actor
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.directory.model import PoolKind
from portal.messages import queries, rules, statements
from portal.messages.errors import ThreadNotFound
from portal.messages.model import Thread, ThreadHistory
from portal.messages.states import CloseReason, MessageKind, Signature, ThreadStatus
from portal.worklist import service as worklist
from portal.worklist.states import WorkItemKind

# What is written later is of a later time, also where two clocks disagree.
TICK = timedelta(microseconds=1)
OF_MESSAGE = AttachedTo.MESSAGE


@dataclass(frozen=True, slots=True)
class Flagged:
    """The red flags that a patient was shown and sent all the same."""

    version: int | None = None
    codes: tuple[str, ...] = ()


def attach(
    session: Session,
    actor: Actor,
    message: Mapping[str, Any],
    ids: Sequence[UUID],
    now: datetime,
) -> None:
    """Make uploads part of a message; the patient sees those of an internal note as little as the
    note. Raises AttachmentUnusable."""
    attachments.attach(
        session=session,
        actor=actor,
        patient_id=message["patient_id"],
        ids=ids,
        to_kind=OF_MESSAGE,
        to_id=message["id"],
        limit=rules.MOST_FILES,
        now=now,
        shared=message["kind"] != MessageKind.INTERNAL_NOTE,
    )


def lock(session: Session, thread_id: UUID) -> Thread:
    """Lock a thread, so that what others write in it waits. Raises ThreadNotFound."""
    thread = queries.for_change(session, thread_id)
    if thread is None:
        raise ThreadNotFound()
    return thread


def move(
    session: Session,
    thread: Thread,
    status: ThreadStatus,
    *,
    actor: Actor,
    now: datetime,
    reply_due_at: datetime | None = None,
    reason: CloseReason | None = None,
    note: str | None = None,
) -> ThreadHistory:
    """Move a thread and keep the step. Raises IllegalTransition."""
    step = thread.move_to(
        status, actor=actor, now=now, reply_due_at=reply_due_at, reason=reason, note=note
    )
    if status != ThreadStatus.AWAITING_CARE_TEAM:
        thread.urgent = False
    session.add(step)
    return step


def await_care_team(
    session: Session, thread: Thread, *, actor: Actor, urgent: bool, now: datetime
) -> None:
    """The care team has to answer: due by business hours, with a work item of its own."""
    calendar = directory.calendar_of_pool(session, thread.pool_id)
    due_at = rules.reply_due_at(calendar, urgent, now)
    move(
        session,
        thread,
        ThreadStatus.AWAITING_CARE_TEAM,
        actor=actor,
        now=now,
        reply_due_at=due_at,
    )
    thread.urgent = urgent
    open_reply(session, thread, actor=actor, now=now)


def open_reply(session: Session, thread: Thread, *, actor: Actor, now: datetime) -> None:
    """The work item of the answer: of whom the thread is with; an urgent one of the nurses."""
    open_reply_item(
        session,
        {
            "id": thread.id,
            "patient_id": thread.patient_id,
            "pool_id": thread.pool_id,
            "practitioner_id": thread.practitioner_id,
            "urgent": thread.urgent,
            "reply_due_at": thread.reply_due_at,
        },
        actor=actor,
        now=now,
    )


def open_reply_item(
    session: Session, thread: Mapping[str, Any], *, actor: Actor, now: datetime
) -> None:
    """The same for a thread that is a row still to be written."""
    urgent = thread["urgent"]
    worklist.open_item(
        session=session,
        actor=actor,
        kind=WorkItemKind.THREAD_REPLY,
        subject_id=thread["id"],
        patient_id=thread["patient_id"],
        responsible_id=None if urgent else thread["practitioner_id"],
        pool_id=_nurses(session, thread["pool_id"]) if urgent else thread["pool_id"],
        priority=rules.priority_of(urgent),
        due_at=thread["reply_due_at"],
        now=now,
    )


def _nurses(session: Session, pool_id: UUID) -> UUID:
    clinic_id = queries.team(session, pool_id).clinic_id
    return directory.pool_of(session, clinic_id, PoolKind.NURSES)


def close_reply(
    session: Session,
    thread: Thread,
    outcome: str,
    *,
    actor: Actor,
    now: datetime,
    cancelled: bool = False,
) -> None:
    """Nobody has to answer any more."""
    worklist.close_item(
        session=session,
        actor=actor,
        kind=WorkItemKind.THREAD_REPLY,
        subject_id=thread.id,
        outcome=outcome,
        now=now,
        cancelled=cancelled,
    )


def message_row(
    thread_id: UUID,
    patient_id: UUID,
    body: str,
    *,
    kind: MessageKind = MessageKind.MESSAGE,
    signature_kind: Signature | None = None,
    signature: str | None = None,
    flagged: Flagged = Flagged(),
) -> dict[str, Any]:
    """A message as a row to be written."""
    return {
        "id": new_id(),
        "thread_id": thread_id,
        "patient_id": patient_id,
        "kind": kind,
        "signature_kind": signature_kind,
        "signature": signature,
        "body": body,
        "red_flag_version": flagged.version,
        "red_flags": list(flagged.codes),
    }


def add_message(
    session: Session, thread: Thread, row: dict[str, Any], *, actor: Actor, now: datetime
) -> bool:
    """Write a message to the other side in a thread that is locked; False for a second notice."""
    sent_at = max(now, thread.last_message_at + TICK)
    if not statements.write_messages(session, actor, [row], sent_at):
        return False
    thread.last_message_at = sent_at
    if actor.kind in PATIENT_SIDE:
        thread.unread_by_team += 1
    else:
        thread.unread_by_patient += 1
    return True


def remember(
    session: Session, actor: Actor, action: str, *, patient_id: UUID, thread_id: UUID, now: datetime
) -> None:
    """An audit row about a thread."""
    audit.record(
        session,
        actor,
        action,
        "thread",
        patient_id=patient_id,
        resource_id=thread_id,
        at=now,
    )


def remember_sent(session: Session, actor: Actor, row: Mapping[str, Any], now: datetime) -> None:
    """An audit row of a message, and the event by which the workers follow it."""
    outbox.emit(session, "message.sent", now=now, message_id=row["id"])
    remember_message(session, actor, row, now)


def remember_message(session: Session, actor: Actor, row: Mapping[str, Any], now: datetime) -> None:
    """An audit row of a message that was written."""
    audit.record(
        session,
        actor,
        "create",
        "message",
        patient_id=row["patient_id"],
        resource_id=row["id"],
        at=now,
    )
