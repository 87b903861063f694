"""After Visit Summaries, version by version, and what is to be done after a visit."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import Actor, ActorKind
from portal.core.db import Base, names_patient, one_of
from portal.core.rls import INSERT, SELECT, UPDATE, to
from portal.patients import death_model
from portal.visits.model import CARE_TEAM, CARED_FOR, OF_PATIENT, VISIT_SEEN, VISITS
from portal.visits.states import (
    INSTRUCTION,
    SUMMARY,
    DoneBy,
    InstructionKind,
    InstructionStatus,
    SummaryStatus,
)


class VisitSummary(Base):
    """One version of a visit's summary (FHIR R4 Composition).

    A draft's `content` is as it was written; a released one's is what the patient was given, with
    everything that it says of the visit as it was then, and never changes. `version` counts the
    changes over all numbers, for ETags.
    """

    __tablename__ = "visit_summary"
    __table_args__ = (
        one_of("status", SummaryStatus),
        UniqueConstraint("visit_id", "number"),
        CheckConstraint("(status = 'released') = (released_at IS NOT NULL)", name="release"),
        CheckConstraint(
            "(number > 1 AND status = 'released') <= (amendment IS NOT NULL)", name="amendment"
        ),
        Index(
            "uq_visit_summary_draft",
            "visit_id",
            unique=True,
            postgresql_where=text("status = 'draft'"),
        ),
        Index("ix_visit_summary_patient", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    number: Mapped[int]
    status: Mapped[str]
    content: Mapped[dict[str, Any]]
    written_by: Mapped[UUID]
    written_at: Mapped[datetime]
    released_by: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"))
    released_at: Mapped[datetime | None]
    amendment: Mapped[str | None]
    version: Mapped[int]

    def move_to(
        self, status: SummaryStatus, *, actor: Actor, now: datetime, amendment: str | None
    ) -> None:
        """Raises IllegalTransition for a version that was released."""
        SUMMARY.check(SummaryStatus(self.status), status, actor.kind)
        self.status = status
        self.released_by = actor.id
        self.released_at = now
        self.amendment = amendment
        self.version += 1


class VisitInstruction(Base):
    """Something to be done after a visit, followed until it is.

    `target_id` is what it is done by, where that is known: a prescription to fill, a requisition,
    referral, visit or thread. `due_at` is the end of the day `due_on` where the patient lives.
    """

    __tablename__ = "visit_instruction"
    __table_args__ = (
        one_of("kind", InstructionKind),
        one_of("status", InstructionStatus),
        one_of("done_by", DoneBy),
        CheckConstraint("(status = 'open') = (closed_at IS NULL)", name="end"),
        CheckConstraint("(status = 'done') = (done_by IS NOT NULL)", name="done"),
        CheckConstraint("(due_on IS NULL) = (due_at IS NULL)", name="due"),
        Index("ix_visit_instruction_visit", "visit_id"),
        Index("ix_visit_instruction_patient", "patient_id", "id"),
        Index(
            "ix_visit_instruction_target",
            "target_id",
            postgresql_where=text("status = 'open'"),
        ),
        Index(
            "ix_visit_instruction_due",
            "due_at",
            "id",
            postgresql_where=text("status = 'open' AND due_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    position: Mapped[int]
    kind: Mapped[str]
    text: Mapped[str]
    due_on: Mapped[date | None]
    due_at: Mapped[datetime | None]
    target_id: Mapped[UUID | None]
    status: Mapped[str]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by_kind: Mapped[str | None]
    closed_by: Mapped[UUID | None] = mapped_column(
        info=names_patient("closed_by_kind IN ('patient', 'delegate')")
    )
    done_by: Mapped[str | None]

    def move_to(
        self, status: InstructionStatus, *, actor: Actor, now: datetime, done_by: DoneBy | None
    ) -> None:
        """Raises IllegalTransition for one that was done or cancelled, or for this actor."""
        INSTRUCTION.check(InstructionStatus(self.status), status, actor.kind)
        self.status = status
        self.closed_at = now
        self.closed_by_kind = actor.kind
        self.closed_by = actor.id
        self.done_by = done_by


_GIVEN = f"status = 'released' AND {VISIT_SEEN}"
_CLOSED = ("status", "closed_at", "closed_by_kind", "closed_by", "done_by")
# What is to be done by something that is kept from delegates is kept from them too.
_KEPT = "careloop_confidential(target_id)"

# Nobody may change what was released. The workers move it along when two records are merged; the
# operator loads the demo's.
rls.protect(
    "visit_summary",
    *to(ActorKind.PATIENT, SELECT, f"{OF_PATIENT} AND {_GIVEN}"),
    *rls.delegated(VISITS, SELECT, _GIVEN),
    *to(CARE_TEAM, (SELECT, INSERT), CARED_FOR),
    *to(CARE_TEAM, UPDATE, f"status = 'draft' AND {CARED_FOR}", check=CARED_FOR),
    *to(rls.SYSTEM, (SELECT, INSERT)),
    *to(ActorKind.WORKER, UPDATE, columns=("patient_id",)),
    *to(ActorKind.OPERATOR, UPDATE, "status = 'draft'", check=rls.EVERY_ROW),
)
rls.protect(
    "visit_instruction",
    *to(ActorKind.PATIENT, SELECT, f"{OF_PATIENT} AND {VISIT_SEEN}"),
    *to(ActorKind.PATIENT, UPDATE, f"{OF_PATIENT} AND {VISIT_SEEN}", columns=_CLOSED),
    *rls.delegated(VISITS, SELECT, VISIT_SEEN, confidential=_KEPT),
    *rls.delegated(VISITS, UPDATE, VISIT_SEEN, confidential=_KEPT, columns=_CLOSED),
    *to(CARE_TEAM, (SELECT, INSERT, UPDATE), CARED_FOR),
    *rls.system_access(),
)

death_model.refuse_for_deceased("visit_instruction")
death_model.must_end("visit_instruction", [InstructionStatus.OPEN])
