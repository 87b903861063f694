"""Keeping an upload that passed the checks."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.attachments import queries
from portal.attachments.errors import TooManyUnused
from portal.attachments.formats import Format
from portal.attachments.model import Attachment
from portal.attachments.states import AttachmentStatus
from portal.attachments.storage import Received, Storage
from portal.core import audit, outbox
from portal.core.actor import Actor
from portal.core.ids import new_id
from portal.patients import service as patients

MOST_UNUSED = 50


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was received and checked, for whose record, and under which name."""

    patient_id: UUID
    name: str
    format: Format
    received: Received


def keep_upload(
    *,
    session: Session,
    actor: Actor,
    command: Upload,
    storage: Storage,
    scanned: bool,
    now: datetime,
) -> UUID:
    """Keep a file; it is seen by its uploader alone until it is attached to something.

    `scanned` says that there is a scanner: then it waits in quarantine, else it is clean. The
    content's lock is held until the commit, so that no sweep deletes what this row names. Raises
    PatientUnknown, TooManyUnused, StorageAway.
    """
    patients.clinic_of(session, command.patient_id)  # there is such a patient
    if queries.unused_by(session, actor) >= MOST_UNUSED:
        raise TooManyUnused()
    digest = command.received.digest
    queries.lock_content(session, digest)
    storage.keep(command.received)
    attachment = Attachment(
        id=new_id(),
        patient_id=command.patient_id,
        uploader_kind=actor.kind.value,
        uploader_id=actor.id,
        name=command.name,
        content_type=command.format.media_type,
        size=command.received.size,
        digest=digest,
        status=AttachmentStatus.QUARANTINED if scanned else AttachmentStatus.CLEAN,
        status_at=now,
        created_at=now,
        shared=False,
    )
    session.add(attachment)
    session.flush()
    if scanned:
        outbox.emit(session, "attachment.scan", now=now, attachment_id=attachment.id)
    audit.record(
        session,
        actor,
        "create",
        "attachment",
        patient_id=command.patient_id,
        resource_id=attachment.id,
        at=now,
    )
    return attachment.id
