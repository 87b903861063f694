"""Visits and their history."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import AccessCategory, Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.history import History
from portal.core.rls import INSERT, ME, SELECT, UPDATE, to
from portal.patients import death_model
from portal.visits.states import HELD, VISIT, VisitKind, VisitStatus

ENDED = "('finished', 'cancelled', 'entered_in_error')"


class Visit(Base):
    """One encounter of a patient with a practitioner (FHIR R4 Encounter).

    `starts_at` is when it is to begin; `started_at` and `ended_at` when it did and was over.
    `appointment_id` is the appointment that it was booked as. `summary_due_at` is by when its
    summary is to be released; empty before it began and once there is one. A confidential visit
    is not shown to those who act for the patient.
    """

    __tablename__ = "visit"
    __table_args__ = (
        one_of("kind", VisitKind),
        one_of("status", VisitStatus),
        CheckConstraint(
            "(status IN ('in_progress', 'finished')) <= (started_at IS NOT NULL)", name="start"
        ),
        CheckConstraint("(status = 'finished') <= (ended_at IS NOT NULL)", name="end"),
        CheckConstraint("ended_at >= started_at", name="order"),
        CheckConstraint(
            "(summary_due_at IS NOT NULL) <= (status IN ('in_progress', 'finished'))",
            name="summary",
        ),
        Index("ix_visit_patient", "patient_id", "starts_at", "id"),
        Index("ix_visit_practitioner", "practitioner_id", "patient_id"),
        Index("ix_visit_schedule", "practitioner_id", "starts_at", "id"),
        Index("uq_visit_appointment", "appointment_id", unique=True),
        Index(
            "ix_visit_summary_due",
            "summary_due_at",
            "id",
            postgresql_where=text("summary_due_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    practitioner_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinic.id"))
    appointment_id: Mapped[UUID | None] = mapped_column(ForeignKey("appointment.id"))
    kind: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str]
    starts_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    status_at: Mapped[datetime]
    summary_due_at: Mapped[datetime | None]
    confidential: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default=text("1"))

    def move_to(
        self, status: VisitStatus, *, actor: Actor, now: datetime, reason: str | None = None
    ) -> "VisitHistory":
        """The history row of the move.

        Raises IllegalTransition when the table has no such move for this actor.
        """
        before = VisitStatus(self.status)
        VISIT.check(before, status, actor.kind)
        self.status = status
        self.status_at = now
        self.version += 1
        if status not in HELD:
            self.summary_due_at = None
        return VisitHistory.of(self, before, actor=actor, now=now, reason=reason)


class VisitHistory(History):
    """One step of a visit: who moved or changed it, when and why."""

    __tablename__ = "visit_history"
    __table_args__ = (Index("ix_visit_history_visit", "visit_id", "at", "id"),)

    visit_id: Mapped[UUID] = mapped_column(ForeignKey("visit.id"))
    starts_at: Mapped[datetime]
    reason: Mapped[str | None]

    @classmethod
    def of(
        cls,
        visit: Visit,
        before: VisitStatus | None,
        *,
        actor: Actor,
        now: datetime,
        reason: str | None = None,
    ) -> "VisitHistory":
        return cls.step(
            visit,
            before,
            actor=actor,
            now=now,
            visit_id=visit.id,
            starts_at=visit.starts_at,
            reason=reason,
        )


OF_PATIENT = f"patient_id = {ME}"
CARED_FOR = "careloop_cares_for(patient_id)"
# What belongs to a visit is seen by those who see the visit.
VISIT_SEEN = "EXISTS (SELECT FROM visit v WHERE v.id = visit_id)"
CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)
VISITS = AccessCategory.VISITS

# What was entered in error may be another patient's.
_MEANT = "status <> 'entered_in_error'"

rls.protect(
    "visit",
    *to(ActorKind.PATIENT, SELECT, f"{OF_PATIENT} AND {_MEANT}"),
    *rls.delegated(VISITS, SELECT, _MEANT, confidential="careloop_confidential(id)"),
    *to(CARE_TEAM, (SELECT, INSERT, UPDATE), CARED_FOR),
    *rls.system_access(),
)
rls.protect(
    "visit_history",
    *to(ActorKind.PATIENT, SELECT, f"{OF_PATIENT} AND {VISIT_SEEN}"),
    *rls.delegated(VISITS, SELECT, VISIT_SEEN),
    *to(CARE_TEAM, (SELECT, INSERT), CARED_FOR),
    *rls.system_access(),
)
# Whoever is to see a patient, or has just seen them, may read the record for it.
rls.way_in(
    "careloop_cares_for",
    f"EXISTS (SELECT FROM visit v WHERE v.patient_id = target AND v.practitioner_id = {ME} "
    f"AND (v.status IN ('planned', 'in_progress') OR (v.status = 'finished' "
    f"AND v.ended_at > now() - interval '30 days')))",
)
# A visit is as confidential as the appointment that it was booked as.
rls.way_in(
    "careloop_confidential",
    "EXISTS (SELECT FROM visit v LEFT JOIN appointment a ON a.id = v.appointment_id "
    "WHERE v.id = target AND (v.confidential OR coalesce(a.confidential, false)))",
)

death_model.refuse_for_deceased("visit", when="NEW.status = 'planned'")
death_model.must_end("visit", [VisitStatus.PLANNED])
