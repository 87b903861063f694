"""The SELECTs of drafts, quick replies and red flags."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.directory.model import PoolMember
from portal.messages.composing_model import Draft, QuickReply, RedFlagSet

_KEY = ("author_id", "target_id")
_FORGET_HIDDEN = text("SELECT careloop_forget_hidden_draft(:target_id)")
_LATEST = text("SELECT version, content FROM red_flag_set ORDER BY version DESC LIMIT 1")


def put_draft(session: Session, values: Mapping[str, Any]) -> UUID:
    """Write a draft over the one that its author has for the same thread or patient."""
    statement = insert(Draft).values(**values)
    changes = {name: value for name, value in values.items() if name not in ("id", *_KEY)}
    written = session.execute(
        statement.on_conflict_do_update(index_elements=_KEY, set_=changes).returning(Draft.id)
    )
    return written.scalar_one()


def drafts(session: Session, author_id: UUID) -> Sequence[Draft]:
    """Somebody's drafts, the last changed first."""
    query = select(Draft).where(Draft.author_id == author_id)
    ordered = query.order_by(Draft.updated_at.desc(), Draft.id)
    return session.scalars(ordered.execution_options(populate_existing=True)).all()


def delete_draft(session: Session, author_id: UUID, draft_id: UUID) -> Draft | None:
    """Throw a draft away; what it was, None where there was none."""
    found = session.scalars(
        select(Draft).where(Draft.author_id == author_id, Draft.id == draft_id)
    ).first()
    if found is not None:
        session.delete(found)
        session.flush()
    return found


def forget_hidden_draft(session: Session, target_id: UUID) -> None:
    """Throw away a delegate's draft about something that was kept from them since."""
    session.execute(_FORGET_HIDDEN, {"target_id": target_id})


def drop_drafts(session: Session, author_id: UUID, target_ids: Sequence[UUID]) -> None:
    """Forget the drafts of what was sent."""
    session.execute(
        delete(Draft).where(Draft.author_id == author_id, Draft.target_id.in_(target_ids))
    )


def redirect_drafts(
    session: Session,
    patient_id: UUID,
    practitioner_id: UUID,
    to_practitioner_id: UUID | None,
    to_pool_id: UUID,
) -> None:
    """Drafts for a practitioner who no longer cares for a patient are for who does now."""
    session.execute(
        update(Draft)
        .where(Draft.practitioner_id == practitioner_id, Draft.patient_id == patient_id)
        .values(practitioner_id=to_practitioner_id, pool_id=to_pool_id)
    )


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
