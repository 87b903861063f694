"""Texts that a team uses again and again."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.errors import FieldError, Invalid
from portal.core.ids import new_id
from portal.messages import composing_queries
from portal.messages.composing_model import QuickReply
from portal.messages.errors import PoolUnusable, QuickReplyNotFound


def add_quick_reply(
    *, session: Session, actor: Actor, pool_id: UUID, title: str, body: str, now: datetime
) -> QuickReply:
    """A new text for a team of the actor's. Raises PoolUnusable, Invalid for a title in use."""
    if not composing_queries.is_member(session, pool_id, actor.id):
        raise PoolUnusable(errors=[FieldError("/pool_id", PoolUnusable.detail)])
    row = QuickReply(
        id=new_id(),
        pool_id=pool_id,
        title=title,
        body=body,
        created_by=actor.id,
        updated_at=now,
    )
    session.add(row)
    _flush(session)
    return row


def change_quick_reply(
    *, session: Session, id_: UUID, title: str, body: str, now: datetime
) -> QuickReply:
    """Raises QuickReplyNotFound, Invalid for a title in use."""
    row = _locked(session, id_)
    row.title, row.body, row.updated_at = title, body, now
    _flush(session)
    return row


def remove_quick_reply(*, session: Session, id_: UUID) -> None:
    """Raises QuickReplyNotFound."""
    session.delete(_locked(session, id_))
    session.flush()


def _locked(session: Session, id_: UUID) -> QuickReply:
    row = composing_queries.quick_reply_for_change(session, id_)
    if row is None:
        raise QuickReplyNotFound()
    return row


def _flush(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError:
        raise Invalid(
            errors=[FieldError("/title", "This team has a quick reply of this title already.")]
        ) from None
