"""What is kept of a patient beyond a visit: vital signs and problems."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import Actor, ActorKind
from portal.core.db import Base, names_patient, one_of
from portal.core.ids import new_id
from portal.core.rls import INSERT, SELECT, UPDATE, to
from portal.visits.model import CARE_TEAM, CARED_FOR, OF_PATIENT, VISIT_SEEN, VISITS
from portal.visits.states import PROBLEM, CodeSystem, Position, ProblemStatus, VitalSource


class VitalSign(Base):
    """One measurement, by its LOINC code, in a UCUM unit (FHIR R4 vital signs profile).

    Blood pressure is one row of the panel 85354-9 with its two components, as the profile has it;
    everything else has one value. The patient's own belong to no visit.
    """

    __tablename__ = "vital_sign"
    __table_args__ = (
        one_of("source", VitalSource),
        one_of("position", Position),
        CheckConstraint(
            "(code = '85354-9') = (value IS NULL) AND (code = '85354-9') = (systolic IS NOT NULL) "
            "AND (code = '85354-9') = (diastolic IS NOT NULL)",
            name="panel",
        ),
        CheckConstraint("diastolic < systolic", name="pressure"),
        CheckConstraint("(source = 'patient') <= (visit_id IS NULL)", name="place"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawal"),
        Index("ix_vital_sign_patient", "patient_id", "measured_at", "id"),
        Index("ix_vital_sign_code", "patient_id", "code", "measured_at", "id"),
        Index("ix_vital_sign_visit", "visit_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("visit.id"))
    code: Mapped[str]
    value: Mapped[Decimal | None]
    systolic: Mapped[Decimal | None]
    diastolic: Mapped[Decimal | None]
    unit: Mapped[str]
    position: Mapped[str | None]
    note: Mapped[str | None]
    source: Mapped[str]
    measured_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID] = mapped_column(info=names_patient("source = 'patient'"))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None] = mapped_column(info=names_patient("source = 'patient'"))
    withdrawn_reason: Mapped[str | None]

    def withdraw(self, *, actor: Actor, now: datetime, reason: str | None) -> None:
        """Mark it as entered in error: it is kept, and counts no more."""
        self.withdrawn_at = now
        self.withdrawn_by = actor.id
        self.withdrawn_reason = reason


class Problem(Base):
    """One entry of a patient's problem list (FHIR R4 Condition, category problem-list-item)."""

    __tablename__ = "problem"
    __table_args__ = (
        one_of("code_system", CodeSystem),
        one_of("status", ProblemStatus),
        CheckConstraint("(resolved_on IS NOT NULL) <= (status = 'resolved')", name="resolution"),
        CheckConstraint("resolved_on >= onset_on", name="order"),
        Index("ix_problem_patient", "patient_id", "recorded_at", "id"),
        Index("ix_problem_visit", "visit_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey("visit.id"))
    code_system: Mapped[str]
    code: Mapped[str]
    text: Mapped[str]
    status: Mapped[str]
    onset_on: Mapped[date | None]
    resolved_on: Mapped[date | None]
    note: Mapped[str | None]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    recorded_at: Mapped[datetime]
    version: Mapped[int]

    def move_to(self, status: ProblemStatus, *, actor: Actor) -> None:
        """Raises IllegalTransition when the table has no such move for this actor."""
        PROBLEM.check(ProblemStatus(self.status), status, actor.kind)
        self.status = status


class ProblemVersion(Base):
    """A problem as it was written at some time, and who wrote it so."""

    __tablename__ = "problem_version"
    __table_args__ = (
        UniqueConstraint("problem_id", "number"),
        Index("ix_problem_version_patient", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    problem_id: Mapped[UUID] = mapped_column(ForeignKey("problem.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    number: Mapped[int]
    text: Mapped[str]
    status: Mapped[str]
    onset_on: Mapped[date | None]
    resolved_on: Mapped[date | None]
    note: Mapped[str | None]
    reason: Mapped[str | None]
    at: Mapped[datetime]
    written_by: Mapped[UUID]

    @classmethod
    def of(
        cls, problem: Problem, *, actor: Actor, now: datetime, reason: str | None
    ) -> "ProblemVersion":
        return cls(
            id=new_id(),
            problem_id=problem.id,
            patient_id=problem.patient_id,
            number=problem.version,
            text=problem.text,
            status=problem.status,
            onset_on=problem.onset_on,
            resolved_on=problem.resolved_on,
            note=problem.note,
            reason=reason,
            at=now,
            written_by=actor.id,
        )


_OF_NO_HIDDEN_VISIT = f"(visit_id IS NULL OR {VISIT_SEEN})"
_OWN = f"{OF_PATIENT} AND source = 'patient'"
_MEANT = f"status <> 'entered_in_error' AND {_OF_NO_HIDDEN_VISIT}"
_SEEN = "EXISTS (SELECT FROM problem p WHERE p.id = problem_id)"

rls.protect(
    "vital_sign",
    *to(ActorKind.PATIENT, SELECT, f"{OF_PATIENT} AND {_OF_NO_HIDDEN_VISIT}"),
    *rls.delegated(VISITS, SELECT, _OF_NO_HIDDEN_VISIT),
    *to(ActorKind.PATIENT, INSERT, _OWN),
    *to(
        ActorKind.PATIENT,
        UPDATE,
        _OWN,
        columns=("withdrawn_at", "withdrawn_by", "withdrawn_reason"),
    ),
    *to(CARE_TEAM, (SELECT, INSERT, UPDATE), CARED_FOR),
    *rls.system_access(),
)
rls.protect(
    "problem",
    *to(ActorKind.PATIENT, SELECT, f"{OF_PATIENT} AND {_MEANT}"),
    *rls.delegated(VISITS, SELECT, _MEANT),
    *to(CARE_TEAM, SELECT, CARED_FOR),
    *to(ActorKind.PRACTITIONER, (INSERT, UPDATE), CARED_FOR),
    *rls.system_access(),
)
rls.protect(
    "problem_version",
    *to(ActorKind.PATIENT, SELECT, f"{OF_PATIENT} AND {_SEEN}"),
    *rls.delegated(VISITS, SELECT, _SEEN),
    *to(CARE_TEAM, SELECT, CARED_FOR),
    *to(ActorKind.PRACTITIONER, INSERT, CARED_FOR),
    *rls.system_access(),
)
# A problem is as confidential as the visit at which it was found.
rls.way_in(
    "careloop_confidential",
    "EXISTS (SELECT FROM problem p JOIN visit v ON v.id = p.visit_id "
    "WHERE p.id = target AND v.confidential)",
)
