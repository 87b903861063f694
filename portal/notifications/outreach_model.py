"""Letters in the print queue, phone calls, and by which way somebody wants to be told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import PEOPLE, Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import INSERT, ME, SELECT, UPDATE, to
from portal.directory.model import MY_CLINIC
from portal.notifications.outreach_states import (
    CALL,
    LETTER,
    CallOutcome,
    CallStatus,
    ContactChannel,
    LetterStatus,
    ReleaseWish,
)
from portal.patients import death_model
from portal.patients.merge_findings import differs
from portal.patients.merge_model import FindingKind


class ContactPreference(Base):
    """How and when somebody wants to be told of results; no row means by the portal, at once."""

    __tablename__ = "contact_preference"
    __table_args__ = (one_of("results_by", ContactChannel), one_of("results_when", ReleaseWish))

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    results_by: Mapped[str]
    results_when: Mapped[str]


class Letter(Base):
    """A letter to a patient as the PDF that is printed. `source_id` says what gave cause for it:
    one letter for each; `subject_id` is what it is about."""

    __tablename__ = "letter"
    __table_args__ = (
        one_of("status", LetterStatus),
        UniqueConstraint("source_id"),
        Index("ix_letter_clinic", "clinic_id", "created_at", "id"),
        Index("ix_letter_patient", "patient_id"),
        Index("ix_letter_queued", "created_at", "id", postgresql_where=text("status = 'queued'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinic.id"))
    event: Mapped[str]
    source_id: Mapped[UUID]
    subject_id: Mapped[UUID]
    status: Mapped[str]
    addressee: Mapped[list[Any]]
    pages: Mapped[int]
    document: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime]
    printed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    note: Mapped[str | None]

    def move_to(self, status: LetterStatus, *, actor: Actor, now: datetime) -> None:
        """Raises IllegalTransition when the table has no such move for this actor."""
        LETTER.check(LetterStatus(self.status), status, actor.kind)
        self.status = status
        if status == LetterStatus.PRINTED:
            self.printed_at = now
        else:
            self.ended_at = now


class LetterHistory(Base):
    """One step of a letter: who made it, when and why."""

    __tablename__ = "letter_history"
    __table_args__ = (Index("ix_letter_history_letter", "letter_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    letter_id: Mapped[UUID] = mapped_column(ForeignKey("letter.id"))
    clinic_id: Mapped[UUID]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID]
    note: Mapped[str | None]


class PhoneCall(Base):
    """A call to be made: the script, and what came of it. Its work item's subject is the call."""

    __tablename__ = "phone_call"
    __table_args__ = (
        one_of("status", CallStatus),
        CheckConstraint("(status = 'open') = (ended_at IS NULL)", name="end"),
        UniqueConstraint("source_id"),
        Index("ix_phone_call_patient", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    event: Mapped[str]
    source_id: Mapped[UUID]
    subject_id: Mapped[UUID]
    status: Mapped[str]
    script: Mapped[list[Any]]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    def move_to(self, status: CallStatus, *, actor: Actor, now: datetime) -> None:
        """Raises IllegalTransition for a call that has ended."""
        CALL.check(CallStatus(self.status), status, actor.kind)
        self.status = status
        self.ended_at = now


class CallAttempt(Base):
    """The ledger of calls: each attempt with its outcome."""

    __tablename__ = "call_attempt"
    __table_args__ = (
        one_of("outcome", CallOutcome),
        UniqueConstraint("call_id", "number"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("phone_call.id"))
    patient_id: Mapped[UUID]
    number: Mapped[int]
    at: Mapped[datetime]
    caller_kind: Mapped[str]
    caller_id: Mapped[UUID]
    outcome: Mapped[str]
    note: Mapped[str | None]


_OF_MY_CLINIC = f"clinic_id = {MY_CLINIC}"
_CARED_FOR = "careloop_cares_for(patient_id)"
_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)

rls.protect(
    "contact_preference",
    *to(PEOPLE, (SELECT, INSERT, UPDATE), f"person_id = {ME}"),
    *rls.system_access(),
)
rls.protect(
    "letter",
    *to(ActorKind.STAFF, SELECT, _OF_MY_CLINIC),
    *to(
        ActorKind.STAFF,
        UPDATE,
        _OF_MY_CLINIC,
        columns=("status", "printed_at", "ended_at", "note"),
    ),
    *rls.system_access(),
)
rls.protect(
    "letter_history",
    *to(ActorKind.STAFF, (SELECT, INSERT), _OF_MY_CLINIC),
    *rls.system_access(),
)
rls.protect(
    "phone_call",
    *to(_CARE_TEAM, (SELECT, UPDATE), _CARED_FOR),
    *rls.system_access(),
)
rls.protect(
    "call_attempt",
    *to(_CARE_TEAM, (SELECT, INSERT), _CARED_FOR),
    *rls.system_access(),
)

for _table in ("letter", "phone_call"):
    death_model.refuse_for_deceased(_table)
death_model.must_end("letter", [LetterStatus.QUEUED])
death_model.must_end("phone_call", [CallStatus.OPEN])
differs(FindingKind.CONTACT, "contact_preference", ("results_by", "results_when"))
