"""The SELECTs of quick replies and red flags."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.directory.model import PoolMember
from portal.messages.composing_model import QuickReply, RedFlagSet

_LATEST = text("SELECT version, content FROM red_flag_set ORDER BY version DESC LIMIT 1")


def quick_replies(session: Session, pool_id: UUID | None) -> Sequence[QuickReply]:
    """The quick replies of the actor's teams, or of one of them, by title."""
    query = select(QuickReply).order_by(QuickReply.title, QuickReply.id)
    if pool_id is not None:
        query = query.where(QuickReply.pool_id == pool_id)
    return session.scalars(query).all()


def quick_reply_for_change(session: Session, id_: UUID) -> QuickReply | None:
    return session.get(QuickReply, id_, with_for_update=True, populate_existing=True)


def is_member(session: Session, pool_id: UUID, person_id: UUID) -> bool:
    return session.get(PoolMember, (pool_id, person_id)) is not None


def latest_red_flags(session: Session) -> Mapping[str, Any] | None:
    """The document of the newest set that was loaded; None where none was."""
    row = session.execute(_LATEST).first()
    return None if row is None else row.content


def red_flag_set(session: Session, version: int) -> RedFlagSet | None:
    return session.get(RedFlagSet, version)
