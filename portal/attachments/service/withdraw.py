"""Taking back an upload that is part of nothing yet."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.attachments import queries
from portal.attachments.errors import AttachmentInfected, AttachmentInUse
from portal.attachments.service.read import read_attachment
from portal.attachments.states import AttachmentStatus
from portal.core import outbox
from portal.core.actor import WORKER, Actor
from portal.worklist import service as worklist
from portal.worklist.states import WorkItemKind


def withdraw(*, session: Session, actor: Actor, attachment_id: UUID, now: datetime) -> None:
    """Delete an upload of the actor's own; its file goes with the next sweep.

    Raises AttachmentNotFound, AttachmentInUse once it is attached, AttachmentInfected.
    """
    row = read_attachment(
        session=session, actor=actor, attachment_id=attachment_id, now=now, action="delete"
    )
    if row.status == AttachmentStatus.INFECTED:
        raise AttachmentInfected()
    if not queries.delete_own(session, attachment_id):
        raise AttachmentInUse()
    outbox.emit(session, "attachment.withdrawn", now=now, attachment_id=attachment_id)


def forget(*, session: Session, attachment_id: UUID, now: datetime) -> None:
    """Nobody needs to see any more to an upload that was taken back."""
    worklist.close_item(
        session=session,
        actor=WORKER,
        kind=WorkItemKind.ATTACHMENT_UNSCANNABLE,
        subject_id=attachment_id,
        outcome="taken back by who uploaded it",
        cancelled=True,
        now=now,
    )
