"""Writing in a thread that there is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import PATIENT_SIDE, Actor
from portal.directory import service as directory
from portal.messages import rules, statements
from portal.messages.errors import CareTeamOnly
from portal.messages.model import Thread, ThreadHistory
from portal.messages.service import moves, warning
from portal.messages.service.seen import check_seen, must_have_seen
from portal.messages.service.sent_drafts import SentDraft, forget_sent
from portal.messages.service.signing import signed
from portal.messages.states import HistoryAction, MessageKind, Signature, ThreadStatus

S = ThreadStatus


@dataclass(frozen=True, slots=True)
class Write:
    """A message for a thread; `last_seen_message_id` is the newest that the author has read."""

    body: str
    kind: MessageKind = MessageKind.MESSAGE
    last_seen_message_id: UUID | None = None
    signature: Signature = Signature.PERSON
    acknowledged_red_flags: int | None = None
    attachments: tuple[UUID, ...] = ()
    draft: SentDraft | None = None


def write_message(
    *, session: Session, actor: Actor, thread_id: UUID, command: Write, now: datetime
) -> UUID:
    """Write in a thread; returns the message's id. The thread then waits for the other side.

    Raises ThreadNotFound; NewerMessages with what others wrote since the author looked;
    AttachmentUnusable; what forget_sent() raises of its draft; for patients RedFlagsFound with the
    guidance, and ThreadClosed where it was closed for good.
    """
    thread = moves.lock(session, thread_id)
    forget_sent(session, actor, command.draft, patient_id=thread.patient_id, thread_id=thread.id)
    if command.kind == MessageKind.INTERNAL_NOTE:
        return _note(session, actor, thread, command, now)
    if actor.kind in PATIENT_SIDE:
        row = _ask(session, actor, thread, command, now)
    else:
        row = _answer(session, actor, thread, command, now)
    moves.attach(session, actor, row, command.attachments, now)
    session.flush()
    moves.remember_sent(session, actor, row, now)
    return UUID(str(row["id"]))


def _note(session: Session, actor: Actor, thread: Thread, command: Write, now: datetime) -> UUID:
    """What the care team tells itself: the patient's side of the thread does not move."""
    if actor.kind in PATIENT_SIDE:
        raise CareTeamOnly()
    row = moves.message_row(
        thread.id, thread.patient_id, command.body, kind=MessageKind.INTERNAL_NOTE
    )
    statements.write_messages(session, actor, [row], now)
    moves.attach(session, actor, row, command.attachments, now)
    moves.remember_message(session, actor, row, now)
    return UUID(str(row["id"]))


def _ask(
    session: Session, actor: Actor, thread: Thread, command: Write, now: datetime
) -> dict[str, Any]:
    rules.check_reopening(thread.closed_reason, actor.kind)
    check_seen(session, actor, thread, command.last_seen_message_id)
    flagged = warning.acknowledged(session, actor, command.acknowledged_red_flags, command.body)
    row = moves.message_row(thread.id, thread.patient_id, command.body, flagged=flagged)
    moves.add_message(session, thread, row, actor=actor, now=now)
    urgent = bool(flagged.codes)
    if thread.status != S.AWAITING_CARE_TEAM:
        moves.await_care_team(session, thread, actor=actor, urgent=urgent, now=now)
    elif urgent and not thread.urgent:
        _make_urgent(session, actor, thread, now)
    return row


def _make_urgent(session: Session, actor: Actor, thread: Thread, now: datetime) -> None:
    """It waits already: from now on for the nurses, and sooner."""
    calendar = directory.calendar_of_pool(session, thread.pool_id)
    due_at = rules.reply_due_at(calendar, True, now)
    thread.urgent = True
    thread.reply_due_at = min(thread.reply_due_at or due_at, due_at)
    step = ThreadHistory.of(
        thread, HistoryAction.MADE_URGENT, S(thread.status), actor=actor, now=now
    )
    session.add(step)
    moves.close_reply(
        session, thread, "urgent: to the nurses", actor=actor, now=now, cancelled=True
    )
    moves.open_reply(session, thread, actor=actor, now=now)


def _answer(
    session: Session, actor: Actor, thread: Thread, command: Write, now: datetime
) -> dict[str, Any]:
    must_have_seen(session, actor, thread, command.last_seen_message_id)
    row = moves.message_row(
        thread.id,
        thread.patient_id,
        command.body,
        signature_kind=command.signature,
        signature=signed(session, actor, thread.pool_id, command.signature),
    )
    moves.add_message(session, thread, row, actor=actor, now=now)
    if thread.status != S.AWAITING_PATIENT:
        moves.move(session, thread, S.AWAITING_PATIENT, actor=actor, now=now)
    moves.close_reply(session, thread, "answered", actor=actor, now=now)
    return row
