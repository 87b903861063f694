"""Attachments. Their content is a file under its digest: see storage.py."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.attachments.states import ATTACHMENT, AttachedTo, AttachmentStatus
from portal.core import rls
from portal.core.actor import AccessCategory, Actor, ActorKind
from portal.core.db import Base, names_patient, one_of
from portal.core.rls import DELETE, INSERT, ME, SELECT, UPDATE, to


class Attachment(Base):
    """A file that somebody uploaded for a patient's record.

    It is part of nothing, and seen by its uploader alone, until it is attached to something
    (`to_kind`, `to_id`); `shared` says that the patient may see it there. `digest` is the
    SHA-256 of the content, `finding` the name of what the scanner found.
    """

    __tablename__ = "attachment"
    __table_args__ = (
        one_of("status", AttachmentStatus),
        one_of("to_kind", AttachedTo),
        CheckConstraint("size > 0", name="size"),
        CheckConstraint("length(digest) = 32", name="digest"),
        CheckConstraint(
            "(to_kind IS NULL) = (attached_at IS NULL) AND (to_id IS NULL) = (attached_at IS NULL)",
            name="attached",
        ),
        CheckConstraint("(status = 'infected') = (finding IS NOT NULL)", name="finding"),
        Index("ix_attachment_patient", "patient_id"),
        Index("ix_attachment_digest", "digest"),
        Index(
            "ix_attachment_to",
            "to_id",
            "position",
            postgresql_where=text("attached_at IS NOT NULL"),
        ),
        Index(
            "ix_attachment_unused",
            "created_at",
            "id",
            postgresql_where=text("attached_at IS NULL"),
        ),
        Index(
            "ix_attachment_unused_uploader",
            "uploader_id",
            postgresql_where=text("attached_at IS NULL"),
        ),
        Index(
            "ix_attachment_waiting",
            "status",
            "status_at",
            postgresql_where=text("status IN ('quarantined', 'unscannable')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    uploader_kind: Mapped[str]
    uploader_id: Mapped[UUID] = mapped_column(
        info=names_patient("uploader_kind IN ('patient', 'delegate')")
    )
    name: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int]
    digest: Mapped[bytes]
    status: Mapped[str]
    status_at: Mapped[datetime]
    finding: Mapped[str | None]
    created_at: Mapped[datetime]
    to_kind: Mapped[str | None]
    to_id: Mapped[UUID | None]
    position: Mapped[int | None]
    shared: Mapped[bool] = mapped_column(server_default=text("false"))
    attached_at: Mapped[datetime | None]

    def move_to(
        self,
        status: AttachmentStatus,
        *,
        actor: Actor,
        now: datetime,
        finding: str | None = None,
    ) -> None:
        """Raises IllegalTransition when the table has no such move for this actor."""
        ATTACHMENT.check(AttachmentStatus(self.status), status, actor.kind)
        self.status = status
        self.status_at = now
        self.finding = finding


_USE = ("to_kind", "to_id", "position", "shared", "attached_at")
_CARED_FOR = "careloop_cares_for(patient_id)"
_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)


def _mine(kind: ActorKind) -> str:
    """What an actor of this kind uploaded."""
    return f"uploader_id = {ME} AND uploader_kind = '{kind.value}'"


def _care_team(kind: ActorKind) -> tuple[rls.Grant, ...]:
    """What is attached in the records of whom they care for, and their own uploads there."""
    own = f"{_mine(kind)} AND {_CARED_FOR}"
    seen = f"(attached_at IS NOT NULL OR ({_mine(kind)})) AND {_CARED_FOR}"
    return (
        *to(kind, SELECT, seen),
        *to(kind, INSERT, own),
        *to(kind, UPDATE, f"{own} AND attached_at IS NULL", columns=_USE, check=own),
        *to(kind, DELETE, f"{own} AND attached_at IS NULL"),
    )


def _delegates() -> tuple[rls.Grant, ...]:
    """What they uploaded themselves and is part of nothing yet; the rest with what it is part of,
    whose own policy decides."""
    messages, unused = AccessCategory.MESSAGES, f"{_mine(ActorKind.DELEGATE)} AND to_id IS NULL"
    in_message = (
        "to_kind = 'message' AND shared AND EXISTS (SELECT FROM message m WHERE m.id = to_id)"
    )
    return (
        *rls.delegated(messages, SELECT, f"({unused}) OR ({in_message})"),
        *rls.delegated(messages, (INSERT, DELETE), unused),
        *rls.delegated(
            messages,
            UPDATE,
            unused,
            columns=_USE,
            check=f"{_mine(ActorKind.DELEGATE)} AND {in_message}",
        ),
    )


_OWN = f"{_mine(ActorKind.PATIENT)} AND patient_id = {ME}"

rls.protect(
    "attachment",
    *to(ActorKind.PATIENT, SELECT, f"patient_id = {ME} AND (({_OWN}) OR shared)"),
    *to(ActorKind.PATIENT, INSERT, _OWN),
    *to(ActorKind.PATIENT, UPDATE, f"{_OWN} AND attached_at IS NULL", columns=_USE, check=_OWN),
    *to(ActorKind.PATIENT, DELETE, f"{_OWN} AND attached_at IS NULL"),
    *_delegates(),
    *(grant for kind in _CARE_TEAM for grant in _care_team(kind)),
    *to(rls.SYSTEM, (SELECT, INSERT, UPDATE, DELETE)),
)
