"""Opening a thread: what is shown is read, and the receipt says by whom and when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.attachments import service as attachments
from portal.core.actor import PATIENT_SIDE, Actor
from portal.messages import queries, statements
from portal.messages.errors import ThreadNotFound
from portal.messages.service import moves
from portal.messages.states import MessageKind


@dataclass(frozen=True, slots=True)
class Opened:
    """A thread with one page of its messages, newest first, and one more than the page has."""

    thread: Row[Any]
    messages: Sequence[Row[Any]]
    reads: Sequence[Row[Any]]
    files: Mapping[UUID, Sequence[Any]]


def open_thread(
    *,
    session: Session,
    actor: Actor,
    thread_id: UUID,
    after: tuple[datetime, UUID] | None,
    limit: int,
    now: datetime,
) -> Opened:
    """Read a thread; the messages of the page count as read by the actor from now on.

    A constant number of statements. Raises ThreadNotFound.
    """
    rows = queries.messages(session, thread_id, after=after, limit=limit)
    shown = [row for row in rows[:limit] if _is_to_read(row, actor)]
    if shown:
        statements.mark_read(session, actor, thread_id, [row.id for row in shown], now)
    thread = queries.thread(session, thread_id, actor.kind)
    if thread is None:
        raise ThreadNotFound()
    moves.remember(
        session, actor, "read", patient_id=thread.patient_id, thread_id=thread.id, now=now
    )
    ids = [row.id for row in rows[:limit]]
    files = attachments.of(session, moves.OF_MESSAGE, ids)
    return Opened(thread, rows, queries.reads(session, ids), files)


def _is_to_read(row: Row[Any], actor: Actor) -> bool:
    """Whether it is the other side's: only that can be opened."""
    theirs: bool = (row.author_kind in PATIENT_SIDE) != (actor.kind in PATIENT_SIDE)
    return theirs and bool(row.kind != MessageKind.INTERNAL_NOTE)
