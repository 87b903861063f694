"""What becomes of an attachment by what the scanner says."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.attachments import queries
from portal.attachments.gateway import Verdict
from portal.attachments.model import Attachment
from portal.attachments.states import AttachmentStatus
from portal.core import audit, outbox
from portal.core.actor import WORKER, Actor, ActorKind
from portal.directory.errors import NoPool
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind

S = AttachmentStatus


def prepare_scan(session: Session, attachment_id: UUID) -> bytes | None:
    """The digest of what is to be scanned; None where there is nothing to scan (any more)."""
    attachment = session.get(Attachment, attachment_id)
    if attachment is None or attachment.status != S.QUARANTINED:
        return None
    return attachment.digest


def record_verdict(
    *, session: Session, attachment_id: UUID, verdict: Verdict, now: datetime
) -> None:
    """Let an attachment go, or have it and every other one of its content deleted."""
    attachment = _waiting(session, attachment_id)
    if attachment is None:
        return
    if verdict.finding is not None:
        for infected in queries.same_content(session, attachment.digest):
            _infected(session, infected, verdict.finding, now)
    elif verdict.refused is not None:
        _unscannable(session, attachment, now)
    else:
        _move(session, attachment, S.CLEAN, now)
        _close(session, attachment, "found clean", now)


def give_up(*, session: Session, attachment_id: UUID, now: datetime) -> None:
    """The scanner did not answer, however often it was asked: never clean, and somebody's work."""
    attachment = _waiting(session, attachment_id)
    if attachment is not None:
        _unscannable(session, attachment, now)


def scan_again(*, session: Session, actor: Actor, limit: int, now: datetime) -> int:
    """Have what could not be scanned scanned again; returns how many."""
    found = queries.unscannable(session, limit)
    for attachment in found:
        _move(session, attachment, S.QUARANTINED, now, actor=actor)
        outbox.emit(session, "attachment.scan", now=now, attachment_id=attachment.id)
    return len(found)


def _waiting(session: Session, attachment_id: UUID) -> Attachment | None:
    """An attachment that still waits, with its content locked before it, as everybody does."""
    digest = prepare_scan(session, attachment_id)
    if digest is None:
        return None
    queries.lock_content(session, digest)
    attachment = queries.for_change(session, attachment_id)
    return attachment if attachment is not None and attachment.status == S.QUARANTINED else None


def _infected(session: Session, attachment: Attachment, finding: str, now: datetime) -> None:
    _close(session, attachment, "found infected", now)
    _move(session, attachment, S.INFECTED, now, finding=finding)
    outbox.emit(session, "attachment.discard", now=now, attachment_id=attachment.id)
    _tell(session, attachment, NotificationEvent.ATTACHMENT_INFECTED, now)
    _ask(session, attachment, WorkItemKind.ATTACHMENT_INFECTED, now)


def _unscannable(session: Session, attachment: Attachment, now: datetime) -> None:
    _move(session, attachment, S.UNSCANNABLE, now)
    _tell(session, attachment, NotificationEvent.ATTACHMENT_UNSCANNABLE, now)
    _ask(session, attachment, WorkItemKind.ATTACHMENT_UNSCANNABLE, now)


def _move(
    session: Session,
    attachment: Attachment,
    status: AttachmentStatus,
    now: datetime,
    *,
    actor: Actor = WORKER,
    finding: str | None = None,
) -> None:
    attachment.move_to(status, actor=actor, now=now, finding=finding)
    audit.record(
        session,
        actor,
        status.value,
        "attachment",
        patient_id=attachment.patient_id,
        resource_id=attachment.id,
        at=now,
    )


def _tell(
    session: Session, attachment: Attachment, event: NotificationEvent, now: datetime
) -> None:
    notifications.notify(
        session=session,
        recipient_kind=ActorKind(attachment.uploader_kind),
        recipient_ids=[attachment.uploader_id],
        event=event,
        source_id=attachment.id,
        subject_id=attachment.id,
        patient_id=attachment.patient_id,
        data={},
        now=now,
    )


def _ask(session: Session, attachment: Attachment, kind: WorkItemKind, now: datetime) -> None:
    # Without a pool nobody is there yet: `portal attachments status` still shows it.
    with suppress(NoPool):
        worklist.open_for_operations(
            session=session,
            kind=kind,
            subject_id=attachment.id,
            priority=Priority.URGENT,
            now=now,
        )


def _close(session: Session, attachment: Attachment, outcome: str, now: datetime) -> None:
    worklist.close_item(
        session=session,
        actor=WORKER,
        kind=WorkItemKind.ATTACHMENT_UNSCANNABLE,
        subject_id=attachment.id,
        outcome=outcome,
        now=now,
    )
