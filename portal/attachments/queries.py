"""Every SELECT of this slice, and what is written in sets. Whose rows come back is decided by the
database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Boolean, Row, func, not_, select, text
from sqlalchemy.orm import Session

from portal.attachments.model import Attachment
from portal.attachments.states import WITH_FILE, AttachmentStatus
from portal.core.actor import Actor
from portal.core.db import lock

_VIEW = """
    SELECT a.id, a.patient_id, a.uploader_kind, a.uploader_id, a.name, a.content_type, a.size,
           a.digest, a.status, a.status_at, a.created_at, a.to_kind, a.to_id, a.shared,
           coalesce(pr.name, st.name, CASE WHEN a.uploader_kind = 'delegate'
                    THEN careloop_delegate_name(a.uploader_id, a.patient_id)
                    ELSE btrim(pa.given_name || ' ' || pa.family_name) END) AS uploader_name
    FROM attachment a
    LEFT JOIN practitioner pr ON a.uploader_kind = 'practitioner' AND pr.id = a.uploader_id
    LEFT JOIN staff_member st ON a.uploader_kind = 'staff' AND st.id = a.uploader_id
    LEFT JOIN patient pa ON a.uploader_kind = 'patient' AND pa.id = a.uploader_id
"""
_ONE = text(f"{_VIEW} WHERE a.id = :id")
_UNUSED = text(f"{_VIEW} WHERE a.id = ANY(:ids) AND a.attached_at IS NULL")
_OF = text(
    f"{_VIEW} WHERE a.to_id = ANY(:to_ids) AND a.to_kind = :to_kind AND a.attached_at IS NOT NULL "
    "ORDER BY a.to_id, a.position"
)
_ATTACH = text(
    """
    UPDATE attachment a SET to_kind = :to_kind, to_id = :to_id, position = w.position,
                            shared = :shared, attached_at = :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS w(id uuid, position integer)
    WHERE a.id = w.id AND a.attached_at IS NULL RETURNING a.id
    """
)
_DELETE_UNUSED = text(
    """
    DELETE FROM attachment WHERE id IN (
        SELECT id FROM attachment
        WHERE attached_at IS NULL AND created_at < :before AND status <> 'infected'
          AND NOT careloop_upload_kept(id)
        ORDER BY created_at, id LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING id, patient_id, digest, status
    """
)
_DELETE_OWN = text(
    "DELETE FROM attachment WHERE id = :id AND attached_at IS NULL AND status <> 'infected' "
    "RETURNING id"
)
_NAMED = text(
    "SELECT DISTINCT digest FROM attachment "
    "WHERE digest = ANY(:digests) AND status = ANY(:statuses)"
)


def attachment(session: Session, id_: UUID) -> Row[Any] | None:
    return session.execute(_ONE, {"id": id_}).first()


def attached_to(session: Session, to_kind: str, to_ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """What is part of any of these, in their order."""
    return session.execute(_OF, {"to_kind": to_kind, "to_ids": list(to_ids)}).all()


def own_uploads(session: Session, actor: Actor, ids: Collection[UUID]) -> dict[UUID, Attachment]:
    """Those of the uploads that are the actor's own."""
    query = select(Attachment).where(
        Attachment.id.in_(ids),
        Attachment.uploader_id == actor.id,
        Attachment.uploader_kind == actor.kind.value,
    )
    return {row.id: row for row in session.scalars(query)}


def hold_unused(session: Session, ids: Collection[UUID]) -> Sequence[UUID]:
    """Those of the actor's uploads that are part of nothing, kept from being used or deleted until
    the transaction ends."""
    query = select(Attachment.id).where(Attachment.id.in_(ids), Attachment.attached_at.is_(None))
    return session.scalars(query.with_for_update()).all() if ids else []


def unused(session: Session, ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """Those of the uploads that are part of nothing yet."""
    return session.execute(_UNUSED, {"ids": list(ids)}).all() if ids else []


def unused_by(session: Session, actor: Actor) -> int:
    """How many uploads of the actor's are part of nothing yet, and of no draft."""
    query = select(func.count()).where(
        Attachment.uploader_id == actor.id,
        Attachment.uploader_kind == actor.kind.value,
        Attachment.attached_at.is_(None),
        not_(func.careloop_upload_kept(Attachment.id, type_=Boolean)),
    )
    return session.scalars(query).one()


def lock_content(session: Session, digest: bytes) -> None:
    """Wait until nobody else names, keeps or deletes this content, until the transaction ends."""
    lock(session, [f"content {digest.hex()}"])


def for_change(session: Session, id_: UUID) -> Attachment | None:
    return session.get(Attachment, id_, with_for_update=True, populate_existing=True)


def same_content(session: Session, digest: bytes) -> Sequence[Attachment]:
    """Every attachment of this content whose file is kept, locked."""
    query = (
        select(Attachment)
        .where(Attachment.digest == digest, Attachment.status.in_(WITH_FILE))
        .order_by(Attachment.id)
        .with_for_update()
    )
    return session.scalars(query).all()


def unscannable(session: Session, limit: int) -> Sequence[Attachment]:
    """What could not be scanned, the oldest first, locked."""
    query = (
        select(Attachment)
        .where(Attachment.status == AttachmentStatus.UNSCANNABLE)
        .order_by(Attachment.status_at, Attachment.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(query).all()


def not_clean(session: Session) -> Sequence[Attachment]:
    """What is not handed out, in the order in which it came to be so."""
    query = select(Attachment).where(Attachment.status != AttachmentStatus.CLEAN)
    return session.scalars(query.order_by(Attachment.status_at, Attachment.id)).all()


def mark_attached(
    session: Session,
    ids: Sequence[UUID],
    *,
    to_kind: str,
    to_id: UUID,
    shared: bool,
    now: datetime,
) -> int:
    """Make unused uploads part of something, in this order; returns how many were unused."""
    rows = [{"id": id_, "position": position} for position, id_ in enumerate(ids, start=1)]
    values = {
        "rows": orjson.dumps(rows).decode(),
        "to_kind": to_kind,
        "to_id": to_id,
        "shared": shared,
        "now": now,
    }
    return len(session.execute(_ATTACH, values).all())


def delete_own(session: Session, id_: UUID) -> bool:
    """Delete an upload of the actor's that is part of nothing; False where there is none such."""
    return session.execute(_DELETE_OWN, {"id": id_}).first() is not None


def delete_unused(session: Session, before: datetime, limit: int) -> Sequence[Row[Any]]:
    """Delete what was uploaded before a moment and never used; what was found infected stays."""
    return session.execute(_DELETE_UNUSED, {"before": before, "limit": limit}).all()


def named(session: Session, digests: Collection[bytes]) -> set[bytes]:
    """Those of the contents that an attachment names whose file is kept."""
    values = {"digests": list(digests), "statuses": list(WITH_FILE)}
    return {bytes(row.digest) for row in session.execute(_NAMED, values)}
