"""What helps while writing: drafts, quick replies, red-flag phrases and the warnings they gave."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import PEOPLE, AccessCategory, ActorKind
from portal.core.db import Base, names_patient, one_of
from portal.core.rls import DELETE, INSERT, ME, SELECT, UPDATE, to
from portal.messages.states import AboutKind, Category, WarnedOf


class Draft(Base):
    """What somebody has written and not sent: one for each thread, and one for a new thread of
    each patient.

    `target_id` is the thread, or for a new thread the patient.
    """

    __tablename__ = "draft"
    __table_args__ = (
        one_of("category", Category),
        one_of("about_kind", AboutKind),
        UniqueConstraint("author_id", "target_id"),
        CheckConstraint("thread_id IS NULL OR target_id = thread_id", name="target"),
        CheckConstraint("length(body) <= 20000", name="length"),
        Index("ix_draft_patient", "patient_id"),
        Index("ix_draft_practitioner", "practitioner_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    author_kind: Mapped[str]
    author_id: Mapped[UUID] = mapped_column(
        info=names_patient("author_kind IN ('patient', 'delegate')")
    )
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    thread_id: Mapped[UUID | None] = mapped_column(ForeignKey("thread.id"))
    target_id: Mapped[UUID] = mapped_column(info=names_patient("thread_id IS NULL"))
    pool_id: Mapped[UUID | None] = mapped_column(ForeignKey("pool.id"))
    practitioner_id: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"))
    category: Mapped[str | None]
    subject: Mapped[str]
    about_kind: Mapped[str | None]
    about_id: Mapped[UUID | None]
    body: Mapped[str]
    updated_at: Mapped[datetime]


class QuickReply(Base):
    """A text that a team uses again and again. No patient's data."""

    __tablename__ = "quick_reply"
    __table_args__ = (UniqueConstraint("pool_id", "title"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    pool_id: Mapped[UUID] = mapped_column(ForeignKey("pool.id"))
    title: Mapped[str]
    body: Mapped[str]
    created_by: Mapped[UUID]
    updated_at: Mapped[datetime]


class RedFlagSet(Base):
    """One version of the phrases that may tell of an emergency, with the guidance to be shown.

    The newest is in force; older ones stay, since warnings name them.
    """

    __tablename__ = "red_flag_set"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[dict[str, Any]]
    loaded_at: Mapped[datetime]


class RedFlagWarning(Base):
    """Emergency guidance that a patient was shown: when, by which version, for which flags."""

    __tablename__ = "red_flag_warning"
    __table_args__ = (
        one_of("warned_of", WarnedOf),
        Index("ix_red_flag_warning_patient", "patient_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    warned_of: Mapped[str]
    set_version: Mapped[int]
    red_flags: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    at: Mapped[datetime]


_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)
_CARED_FOR = "careloop_cares_for(patient_id)"
_MY_POOLS = (
    f"EXISTS (SELECT FROM pool_member m WHERE m.pool_id = quick_reply.pool_id "
    f"AND m.member_id = {ME})"
)
_CHANGES = (SELECT, INSERT, UPDATE, DELETE)
_MESSAGES = AccessCategory.MESSAGES
# A delegate's draft is theirs alone, and goes out of sight with what it is for.
_DELEGATES_OWN = (
    f"author_id = {ME} AND author_kind = 'delegate' "
    "AND (thread_id IS NULL OR EXISTS (SELECT FROM thread t WHERE t.id = thread_id)) "
    "AND NOT careloop_confidential(about_id)"
)

# The operator loads the demo's: what is sent takes the place of its draft.
rls.protect(
    "draft",
    *to(ActorKind.PATIENT, _CHANGES, f"author_id = {ME} AND patient_id = {ME}"),
    *rls.delegated(_MESSAGES, _CHANGES, _DELEGATES_OWN),
    *to(_CARE_TEAM, _CHANGES, f"author_id = {ME}", check=f"author_id = {ME} AND {_CARED_FOR}"),
    *rls.system_access(),
    *to(ActorKind.OPERATOR, DELETE),
)
rls.protect("quick_reply", *to(_CARE_TEAM, _CHANGES, _MY_POOLS), *rls.system_access())
rls.share(
    "red_flag_set",
    *to(tuple(PEOPLE), SELECT),
    *rls.system_access(),
)
rls.protect(
    "red_flag_warning",
    *to(ActorKind.PATIENT, (SELECT, INSERT), f"patient_id = {ME}"),
    # What the patient was warned of is no delegate's business.
    *rls.delegated(_MESSAGES, INSERT),
    *to(_CARE_TEAM, SELECT, _CARED_FOR),
    *rls.system_access(),
)
# A delegate's draft about what was kept from them since stands in the way of their next one.
rls.owned_function(
    "careloop_forget_hidden_draft(of_target uuid)",
    "void",
    f"""
    BEGIN
        DELETE FROM draft d WHERE d.author_id = {ME} AND d.author_kind = 'delegate'
            AND d.target_id = of_target AND careloop_confidential(d.about_id);
    END
    """,  # noqa: S608 - a setting of ours
    language="plpgsql",
)
