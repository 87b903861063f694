"""Whoever answers or ends a thread says what they have read of it: nobody is passed over."""

from uuid import UUID

from sqlalchemy.orm import Session

from portal.attachments import service as attachments
from portal.core.actor import Actor
from portal.core.errors import FieldError, Invalid
from portal.messages import queries, rules
from portal.messages.errors import NewerMessages
from portal.messages.model import Thread
from portal.messages.service.moves import OF_MESSAGE
from portal.messages.views import message_view

_WHERE = "/last_seen_message_id"


def must_have_seen(session: Session, actor: Actor, thread: Thread, seen: UUID | None) -> None:
    """The same as check_seen(), for who has to say it. Raises Invalid where they don't."""
    if seen is None:
        why = "Say which message is the newest that you have read."
        raise Invalid(errors=[FieldError(_WHERE, why)])
    check_seen(session, actor, thread, seen)


def check_seen(session: Session, actor: Actor, thread: Thread, seen: UUID | None) -> None:
    """Of a locked thread. Raises NewerMessages where others wrote since, Invalid for a message of
    another thread."""
    if seen is None:
        return
    if not queries.has_message(session, thread.id, seen):
        raise Invalid(errors=[FieldError(_WHERE, "This thread has no such message.")])
    newer = queries.newer_messages(session, thread.id, actor.id, seen, rules.MOST_NEWER)
    if newer:
        files = attachments.of(session, OF_MESSAGE, [row.id for row in newer])
        raise NewerMessages(
            messages=[message_view(row, (), files.get(row.id, ()), actor) for row in newer]
        )
