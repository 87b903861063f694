"""Reading what an attachment is, and its content once it is clean."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.attachments import queries
from portal.attachments.errors import (
    AttachmentInfected,
    AttachmentNotFound,
    AttachmentQuarantined,
    AttachmentUnscannable,
    StorageAway,
)
from portal.attachments.states import AttachmentStatus
from portal.attachments.storage import Storage
from portal.core import audit
from portal.core.actor import Actor
from portal.core.errors import PortalError

_WITHHELD: Mapping[str, type[PortalError]] = {
    AttachmentStatus.QUARANTINED: AttachmentQuarantined,
    AttachmentStatus.UNSCANNABLE: AttachmentUnscannable,
    AttachmentStatus.INFECTED: AttachmentInfected,
}


def read_attachment(
    *, session: Session, actor: Actor, attachment_id: UUID, now: datetime, action: str = "read"
) -> Row[Any]:
    """Raises AttachmentNotFound for one that the actor may not see."""
    row = queries.attachment(session, attachment_id)
    if row is None:
        raise AttachmentNotFound()
    audit.record(
        session,
        actor,
        action,
        "attachment",
        patient_id=row.patient_id,
        resource_id=row.id,
        at=now,
    )
    return row


def content_of(
    *, session: Session, actor: Actor, attachment_id: UUID, storage: Storage, now: datetime
) -> tuple[Row[Any], Path]:
    """An attachment with where its content is.

    Raises AttachmentNotFound, AttachmentQuarantined, AttachmentUnscannable, AttachmentInfected,
    StorageAway.
    """
    row = read_attachment(
        session=session, actor=actor, attachment_id=attachment_id, now=now, action="download"
    )
    if (withheld := _WITHHELD.get(row.status)) is not None:
        raise withheld()
    path = storage.path_of(bytes(row.digest))
    if not path.is_file():
        raise StorageAway()
    return row, path
