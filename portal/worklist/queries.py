"""Every SELECT of the worklist."""

from collections.abc import Collection, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

_OPEN_ITEM = text("SELECT careloop_open_work_item(:kind, :subject_id)")
_UNROUTED = text(
    """
    SELECT id, patient_id, responsible_id, pool_id, claimed_by FROM work_item
    WHERE id = ANY(:ids) AND routed_at IS NULL AND status IN ('open', 'claimed')
    ORDER BY id FOR UPDATE
    """
)


def open_item_of(session: Session, kind: str, subject_id: UUID) -> UUID | None:
    """The id of the open item of this kind and subject."""
    found = session.execute(_OPEN_ITEM, {"kind": kind, "subject_id": subject_id}).scalar()
    return cast(UUID | None, found)


def lock_unrouted(session: Session, item_ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """The open ones of these items that nobody has routed yet, locked."""
    return session.execute(_UNROUTED, {"ids": list(item_ids)}).all()
