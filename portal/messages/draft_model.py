"""Drafts, and the uploads that they hold."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import AccessCategory, ActorKind
from portal.core.db import Base, names_patient, one_of
from portal.core.rls import DELETE, INSERT, ME, SELECT, UPDATE, to
from portal.messages.states import AboutKind, Category


class Draft(Base):
    """What somebody has written and not sent, for a thread or for a new one. There may be many."""

    __tablename__ = "draft"
    __table_args__ = (
        one_of("category", Category),
        one_of("about_kind", AboutKind),
        CheckConstraint("length(body) <= 20000", name="length"),
        Index("ix_draft_author", "author_id", "updated_at", "id"),
        Index("ix_draft_patient", "patient_id"),
        Index("ix_draft_practitioner", "practitioner_id"),
        Index("ix_draft_thread", "thread_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    author_kind: Mapped[str]
    author_id: Mapped[UUID] = mapped_column(
        info=names_patient("author_kind IN ('patient', 'delegate')")
    )
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    thread_id: Mapped[UUID | None] = mapped_column(ForeignKey("thread.id"))
    pool_id: Mapped[UUID | None] = mapped_column(ForeignKey("pool.id"))
    practitioner_id: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"))
    category: Mapped[str | None]
    subject: Mapped[str]
    about_kind: Mapped[str | None]
    about_id: Mapped[UUID | None]
    body: Mapped[str]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    updated_at: Mapped[datetime]


class DraftAttachment(Base):
    """An upload that is to be sent with a draft: part of nothing yet, and kept as long as that."""

    __tablename__ = "draft_attachment"
    __table_args__ = (Index("uq_draft_attachment_attachment", "attachment_id", unique=True),)

    draft_id: Mapped[UUID] = mapped_column(
        ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True
    )
    attachment_id: Mapped[UUID] = mapped_column(
        ForeignKey("attachment.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int]


_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)
_CHANGES = (SELECT, INSERT, UPDATE, DELETE)
_MESSAGES = AccessCategory.MESSAGES
# A delegate's draft is theirs alone, and goes out of sight with what it is for.
_DELEGATES_OWN = (
    f"author_id = {ME} AND author_kind = 'delegate' "
    "AND (thread_id IS NULL OR EXISTS (SELECT FROM thread t WHERE t.id = thread_id)) "
    "AND NOT careloop_confidential(about_id)"
)
_SEEN = "EXISTS (SELECT FROM draft d WHERE d.id = draft_id)"

rls.protect(
    "draft",
    *to(ActorKind.PATIENT, _CHANGES, f"author_id = {ME} AND patient_id = {ME}"),
    *rls.delegated(_MESSAGES, _CHANGES, _DELEGATES_OWN),
    *to(
        _CARE_TEAM,
        _CHANGES,
        f"author_id = {ME}",
        check=f"author_id = {ME} AND careloop_cares_for(patient_id)",
    ),
    *rls.system_access(),
)
rls.protect(
    "draft_attachment",
    *to((ActorKind.PATIENT, ActorKind.DELEGATE, *_CARE_TEAM), (SELECT, INSERT, DELETE), _SEEN),
    *rls.system_access(),
)
# The sweep leaves alone what a draft holds.
rls.way_in(
    "careloop_upload_kept", "EXISTS (SELECT FROM draft_attachment a WHERE a.attachment_id = target)"
)
