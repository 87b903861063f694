"""Corrections of who a patient is, kept for ever, and patients' requests for them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from portal.core import rls
from portal.core.actor import Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import INSERT, ME, SELECT, UPDATE, to
from portal.patients.correction_states import CORRECTION_REQUEST, CorrectionRequestStatus


class CorrectionRequest(Base):
    """A patient asks to have their own data corrected (45 CFR 164.526 gives them the right to ask,
    and to be told why not). `fields` is what is wrong, `text` what would be right."""

    __tablename__ = "correction_request"
    __table_args__ = (
        one_of("status", CorrectionRequestStatus),
        CheckConstraint("(status = 'open') = (ended_at IS NULL)", name="end"),
        CheckConstraint("(status = 'declined') <= (answer IS NOT NULL)", name="reason"),
        Index(
            "uq_correction_request_open",
            "patient_id",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
        Index("ix_correction_request_patient", "patient_id", "asked_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    text: Mapped[str]
    status: Mapped[str]
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]
    answer: Mapped[str | None]

    def move_to(self, status: CorrectionRequestStatus, *, actor: Actor, now: datetime) -> None:
        """Raises IllegalTransition for a request that was answered."""
        CORRECTION_REQUEST.check(CorrectionRequestStatus(self.status), status, actor.kind)
        self.status = status
        self.ended_at = now
        self.ended_by = actor.id


class PatientCorrection(Base):
    """One correction of a record: from what to what, when, by whom and why. Rows are only added.

    `before` and `after` are the whole identity, so that former names and numbers stay found: a
    laboratory goes on writing what it was told. `former_key` is the former record number as it is
    compared, where the number changed.
    """

    __tablename__ = "patient_correction"
    __table_args__ = (
        CheckConstraint("length(reason) >= 10", name="reason"),
        Index("ix_patient_correction_patient", "patient_id", "at", "id"),
        Index(
            "ix_patient_correction_former",
            "former_key",
            postgresql_where=text("former_key IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    former_key: Mapped[str | None]
    reason: Mapped[str]
    request_id: Mapped[UUID | None] = mapped_column(ForeignKey("correction_request.id"))
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID]


_OWN = f"patient_id = {ME}"
_CARED_FOR = "careloop_cares_for(patient_id)"
_KEPT_BY_STAFF = f"{_CARED_FOR} OR careloop_registers(patient_id)"

rls.protect(
    "patient_correction",
    *to(ActorKind.PATIENT, SELECT, _OWN),
    *to(ActorKind.PRACTITIONER, SELECT, _CARED_FOR),
    *to(ActorKind.STAFF, (SELECT, INSERT), _KEPT_BY_STAFF),
    *to(rls.SYSTEM, (SELECT, INSERT)),
    *to(ActorKind.WORKER, UPDATE, columns=("patient_id",)),  # of a duplicate that was merged
)
rls.protect(
    "correction_request",
    *to(ActorKind.PATIENT, (SELECT, INSERT), _OWN),
    *to(ActorKind.PATIENT, UPDATE, _OWN, columns=("status", "ended_at", "ended_by")),
    *to(ActorKind.PRACTITIONER, SELECT, _CARED_FOR),
    *to(ActorKind.STAFF, SELECT, _KEPT_BY_STAFF),
    *to(
        ActorKind.STAFF,
        UPDATE,
        _KEPT_BY_STAFF,
        columns=("status", "ended_at", "ended_by", "answer"),
    ),
    *rls.system_access(),
)
