"""The SELECTs of drafts, and which uploads each holds."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.messages.draft_model import Draft, DraftAttachment


def drafts(
    session: Session,
    author_id: UUID,
    thread_id: UUID | None,
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Draft]:
    """Somebody's drafts, the last changed first, one more than `limit`."""
    query = select(Draft).where(Draft.author_id == author_id)
    if thread_id is not None:
        query = query.where(Draft.thread_id == thread_id)
    if after is not None:
        query = query.where(tuple_(Draft.updated_at, Draft.id) < after)
    ordered = query.order_by(Draft.updated_at.desc(), Draft.id.desc()).limit(limit + 1)
    return session.scalars(ordered.execution_options(populate_existing=True)).all()


def draft(session: Session, author_id: UUID, draft_id: UUID) -> Draft | None:
    query = select(Draft).where(Draft.author_id == author_id, Draft.id == draft_id)
    return session.scalars(query.execution_options(populate_existing=True)).first()


def for_change(session: Session, author_id: UUID, draft_id: UUID) -> Draft | None:
    """Somebody's draft, locked until the transaction ends."""
    query = select(Draft).where(Draft.author_id == author_id, Draft.id == draft_id)
    return session.scalars(
        query.with_for_update().execution_options(populate_existing=True)
    ).first()


def count(session: Session, author_id: UUID) -> int:
    return session.scalars(select(func.count()).where(Draft.author_id == author_id)).one()


def files_of(session: Session, draft_ids: Sequence[UUID]) -> Sequence[Row[UUID, UUID]]:
    """Which uploads these drafts hold, in their order."""
    if not draft_ids:
        return []
    query = select(DraftAttachment.draft_id, DraftAttachment.attachment_id)
    chosen = query.where(DraftAttachment.draft_id.in_(draft_ids))
    return session.execute(chosen.order_by("draft_id", DraftAttachment.position)).all()


def put_files(session: Session, draft_id: UUID, ids: Sequence[UUID]) -> set[UUID]:
    """Let a draft hold these uploads, and no others; those that no other draft holds."""
    # Who loads the demo may take nothing away, and a new draft holds nothing.
    if files_of(session, [draft_id]):
        session.execute(delete(DraftAttachment).where(DraftAttachment.draft_id == draft_id))
    if not ids:
        return set()
    rows = [
        {"draft_id": draft_id, "attachment_id": id_, "position": number}
        for number, id_ in enumerate(ids)
    ]
    statement = insert(DraftAttachment).values(rows).on_conflict_do_nothing()
    return set(session.execute(statement.returning(DraftAttachment.attachment_id)).scalars())


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
        .values(practitioner_id=to_practitioner_id, pool_id=to_pool_id, version=Draft.version + 1)
    )
