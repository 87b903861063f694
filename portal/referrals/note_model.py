"""What colleagues write about a referral: questions and answers, and the consult note."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import AccessCategory, Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import INSERT, ME, SELECT, UPDATE, to
from portal.referrals.states import (
    NOTE_RELEASE,
    MessageKind,
    NoteFollowUp,
    NoteHoldException,
    NoteRelease,
    NoteReleaseRule,
)


class ReferralMessage(Base):
    """Information asked for and given between who referred and who was asked.

    The patient sees it where its author marked it so.
    """

    __tablename__ = "referral_message"
    __table_args__ = (
        one_of("kind", MessageKind),
        Index("ix_referral_message_referral", "referral_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    patient_id: Mapped[UUID]
    kind: Mapped[str]
    visible_to_patient: Mapped[bool] = mapped_column(server_default=text("false"))
    text: Mapped[str]
    author_kind: Mapped[str]
    author_id: Mapped[UUID]
    created_at: Mapped[datetime]


class ConsultNote(Base):
    """One version of what the specialist reports; the text is never changed afterwards.

    A version is visible to the patient at once unless it is held: for an exception, an individual
    reason and a time (45 CFR 171).
    """

    __tablename__ = "consult_note"
    __table_args__ = (
        one_of("follow_up", NoteFollowUp),
        one_of("release_status", NoteRelease),
        one_of("release_rule", NoteReleaseRule),
        one_of("hold_exception", NoteHoldException),
        UniqueConstraint("referral_id", "number"),
        CheckConstraint("(release_status = 'released') = (released_at IS NOT NULL)", name="when"),
        CheckConstraint(
            "(release_status = 'released') = (release_rule IS NOT NULL)", name="release_rule"
        ),
        CheckConstraint(
            "release_status <> 'held' OR (hold_exception IS NOT NULL "
            "AND length(hold_reason) >= 10 AND held_until IS NOT NULL)",
            name="hold",
        ),
        Index(
            "ix_consult_note_held",
            "held_until",
            "id",
            postgresql_where=text("release_status = 'held'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    patient_id: Mapped[UUID]
    number: Mapped[int]
    text: Mapped[str]
    recommendations: Mapped[str | None]
    follow_up: Mapped[str]
    amendment: Mapped[str | None]
    author_name: Mapped[str]
    author_kind: Mapped[str]
    author_id: Mapped[UUID]
    written_at: Mapped[datetime]
    release_status: Mapped[str]
    release_rule: Mapped[str | None]
    released_at: Mapped[datetime | None]
    hold_exception: Mapped[str | None]
    hold_reason: Mapped[str | None]
    held_until: Mapped[datetime | None]

    def release(self, rule: NoteReleaseRule, *, actor: Actor, now: datetime) -> None:
        """Raises IllegalTransition for one that is released already, or for this actor."""
        NOTE_RELEASE.check(NoteRelease(self.release_status), NoteRelease.RELEASED, actor.kind)
        self.release_status = NoteRelease.RELEASED
        self.release_rule = rule
        self.released_at = now


_SEEN = "EXISTS (SELECT FROM referral r WHERE r.id = referral_id)"
_WRITTEN_FOR_THEM = f"visible_to_patient AND {_SEEN}"
_RELEASED = f"release_status = 'released' AND {_SEEN}"
_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)

rls.protect(
    "referral_message",
    *to(ActorKind.PATIENT, SELECT, f"patient_id = {ME} AND {_WRITTEN_FOR_THEM}"),
    *rls.delegated(AccessCategory.VISITS, SELECT, _WRITTEN_FOR_THEM),
    *to(_CARE_TEAM, (SELECT, INSERT), _SEEN),
    *rls.system_access(),
)
rls.protect(
    "consult_note",
    *to(ActorKind.PATIENT, SELECT, f"patient_id = {ME} AND {_RELEASED}"),
    *rls.delegated(AccessCategory.VISITS, SELECT, _RELEASED),
    *to(_CARE_TEAM, (SELECT, INSERT), _SEEN),
    *to(
        ActorKind.PRACTITIONER,
        UPDATE,
        _SEEN,
        columns=("release_status", "release_rule", "released_at"),
    ),
    *rls.system_access(),
)
