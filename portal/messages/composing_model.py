"""What helps while writing: quick replies, red-flag phrases and the warnings they gave."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import PEOPLE, AccessCategory, ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import DELETE, INSERT, ME, SELECT, UPDATE, to
from portal.messages.states import WarnedOf


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
