"""The catalogue of tests, requisitions with their history, and standing orders."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Sequence, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import AccessCategory, Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.history import History
from portal.core.rls import INSERT, ME, ON_BEHALF_OF, SELECT, UPDATE, to
from portal.patients import death_model
from portal.patients.merge_findings import meets
from portal.patients.merge_model import FindingKind
from portal.requisitions.states import (
    REOPENING,
    REQUISITION,
    STANDING,
    UNCOLLECTED,
    RequisitionKind,
    RequisitionPriority,
    RequisitionStatus,
    StandingStatus,
)

ENDED = "('resulted', 'rejected', 'cancelled', 'expired')"
PLACER_NUMBERS = Sequence("placer_number", start=100_001, metadata=Base.metadata)


class CatalogTest(Base):
    """A test or an imaging procedure that can be ordered, by its LOINC code.

    `components` are the analytes of a panel: `{"code", "name", "unit"}` each. `fasting_hours` is
    how long to fast before; `preparation` is what the patient is told. `turnaround_hours` is how
    long the place usually takes from the specimen to the result.
    """

    __tablename__ = "catalog_test"
    __table_args__ = (
        one_of("kind", RequisitionKind),
        Index("ix_catalog_test_name", text("careloop_name_key(name)"), "code"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    specimen_code: Mapped[str | None]
    specimen_name: Mapped[str | None]
    fasting_hours: Mapped[int | None]
    preparation: Mapped[str | None]
    modality: Mapped[str | None]
    duration_minutes: Mapped[int | None]
    turnaround_hours: Mapped[int] = mapped_column(server_default=text("48"))
    components: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))


class StandingOrder(Base):
    """A test that is repeated: `ordered_count` requisitions, `interval_days` apart."""

    __tablename__ = "standing_order"
    __table_args__ = (
        one_of("status", StandingStatus),
        CheckConstraint("made BETWEEN 0 AND ordered_count", name="made"),
        CheckConstraint("interval_days >= 1", name="interval"),
        Index(
            "ix_standing_order_next",
            "next_on",
            "id",
            postgresql_where=text("status = 'active'"),
        ),
        Index("ix_standing_order_patient", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    orderer_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    status: Mapped[str]
    ordered_count: Mapped[int]
    interval_days: Mapped[int]
    made: Mapped[int]
    next_on: Mapped[date | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    def move_to(self, status: StandingStatus, *, actor: Actor, now: datetime) -> None:
        """Raises IllegalTransition for an order that has ended."""
        STANDING.check(StandingStatus(self.status), status, actor.kind)
        self.status = status
        self.ended_at = now
        self.next_on = None


class Requisition(Base):
    """One order for one test, sent to the place of the patient's choice.

    `placer_number` is ours (ORC-2), `filler_number` the laboratory's (ORC-3). `group_number` is
    shared by what was ordered together. `not_before` is the first day on which it may be done,
    `collect_by` when the specimen or the patient is due; `expected_by` when the next step is due;
    what was never collected ends at `expires_at`. `occurred_at` is the laboratory's time of the
    last step that it reported. `draft` stays true for one that ended without having been placed:
    the care team alone ever sees it.
    """

    __tablename__ = "requisition"
    __table_args__ = (
        one_of("kind", RequisitionKind),
        one_of("status", RequisitionStatus),
        one_of("priority", RequisitionPriority),
        CheckConstraint(f"(status IN {ENDED}) = (closed_at IS NOT NULL)", name="end"),
        CheckConstraint(f"(status IN {ENDED}) = (expected_by IS NULL)", name="clock"),
        CheckConstraint("(status = 'draft') <= draft", name="draft"),
        Index("ix_requisition_patient", "patient_id", "ordered_at", "id"),
        Index("ix_requisition_laboratory", "laboratory_id", "patient_id"),
        Index("ix_requisition_filler", "laboratory_id", "filler_number"),
        Index("ix_requisition_standing", "standing_order_id"),
        Index(
            "ix_requisition_expected",
            "expected_by",
            "id",
            postgresql_where=text(f"status NOT IN {ENDED}"),
        ),
        Index(
            "ix_requisition_expires",
            "expires_at",
            "id",
            postgresql_where=text(f"status NOT IN {ENDED}"),
        ),
        {"postgresql_with": {"fillfactor": "80"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    placer_number: Mapped[str] = mapped_column(unique=True)
    group_number: Mapped[str]
    filler_number: Mapped[str | None]
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    orderer_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    laboratory_id: Mapped[UUID] = mapped_column(ForeignKey("laboratory.id"))
    standing_order_id: Mapped[UUID | None] = mapped_column(ForeignKey("standing_order.id"))
    kind: Mapped[str]
    test_code: Mapped[str] = mapped_column(ForeignKey("catalog_test.code"))
    test_name: Mapped[str]
    status: Mapped[str]
    priority: Mapped[str]
    diagnoses: Mapped[list[Any]]
    specimen_code: Mapped[str | None]
    specimen_name: Mapped[str | None]
    fasting: Mapped[bool] = mapped_column(server_default=text("false"))
    note: Mapped[str | None]
    draft: Mapped[bool] = mapped_column(server_default=text("false"))
    confidential: Mapped[bool] = mapped_column(server_default=text("false"))
    not_before: Mapped[date | None]
    ordered_at: Mapped[datetime]
    status_at: Mapped[datetime]
    collect_by: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    expected_by: Mapped[datetime | None]
    occurred_at: Mapped[datetime | None]
    collected_at: Mapped[datetime | None]
    reason_code: Mapped[str | None]
    reason: Mapped[str | None]
    reminded_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    def move_to(
        self,
        status: RequisitionStatus,
        *,
        actor: Actor,
        now: datetime,
        expected_by: datetime | None,
        reason_code: str | None = None,
        reason: str | None = None,
    ) -> "RequisitionHistory":
        """The history row of the move; `expected_by` is when the next step is due, in UTC.

        Raises IllegalTransition when the table has no such move for this actor.
        """
        before = RequisitionStatus(self.status)
        REQUISITION.check(before, status, actor.kind)
        self.status = status
        self.status_at = now
        self.reason_code = reason_code
        self.reason = reason
        ended = status in REQUISITION.ends
        self.closed_at = now if ended else None
        self.expected_by = None if ended else expected_by
        return RequisitionHistory.of(self, before, actor=actor, now=now)

    def reopen(
        self, *, actor: Actor, now: datetime, expected_by: datetime, reason: str
    ) -> "RequisitionHistory":
        """Wait for a result again. Raises IllegalTransition for one that none has ended."""
        before = RequisitionStatus(self.status)
        REOPENING.check(before, RequisitionStatus.IN_PROGRESS, actor.kind)
        self.status = RequisitionStatus.IN_PROGRESS
        self.status_at, self.reason, self.reason_code = now, reason, None
        self.closed_at, self.expected_by = None, expected_by
        return RequisitionHistory.of(self, before, actor=actor, now=now)


class RequisitionHistory(History):
    """One transition of a requisition: who moved it, when and why."""

    __tablename__ = "requisition_history"
    __table_args__ = (Index("ix_requisition_history_requisition", "requisition_id", "at", "id"),)

    requisition_id: Mapped[UUID] = mapped_column(ForeignKey("requisition.id"))
    laboratory_id: Mapped[UUID]
    reason_code: Mapped[str | None]
    reason: Mapped[str | None]

    @classmethod
    def of(
        cls,
        requisition: Requisition,
        before: RequisitionStatus | None,
        *,
        actor: Actor,
        now: datetime,
    ) -> "RequisitionHistory":
        return cls.step(
            requisition,
            before,
            actor=actor,
            now=now,
            requisition_id=requisition.id,
            laboratory_id=requisition.laboratory_id,
            reason_code=requisition.reason_code,
            reason=requisition.reason,
        )


_OF_PATIENT = f"patient_id = {ME}"
_CARED_FOR = "careloop_cares_for(patient_id)"
_HERE = f"laboratory_id = {ME}"
_SENT_HERE = f"{_HERE} AND NOT draft"
_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)
_RESULTS, _APPOINTMENTS = AccessCategory.RESULTS, AccessCategory.APPOINTMENTS
_IMAGING = "kind = 'imaging' AND NOT draft"
# What is seen of a requisition's past is what is seen of it now.
_SEEN = "EXISTS (SELECT FROM requisition r WHERE r.id = requisition_id)"
# What each may change of it: patients choose the place and an appointment, staff also collect.
_CHOICE = ("status", "status_at", "laboratory_id", "filler_number", "expected_by")
_MOVED = ("status", "status_at", "reason_code", "reason", "closed_at", "expected_by")
_REPORTED = ("filler_number", "occurred_at", "collected_at")

rls.share(
    "catalog_test",
    *to(tuple(kind for kind in ActorKind if kind not in rls.SYSTEM), SELECT),
    *rls.system_access(),
)
rls.protect(
    "standing_order",
    *to(ActorKind.PATIENT, SELECT, _OF_PATIENT),
    *rls.delegated(
        _RESULTS,
        SELECT,
        "EXISTS (SELECT FROM requisition r WHERE r.standing_order_id = standing_order.id)",
    ),
    *to(_CARE_TEAM, SELECT, _CARED_FOR),
    *to(ActorKind.PRACTITIONER, (INSERT, UPDATE), _CARED_FOR),
    *rls.system_access(),
)
rls.protect(
    "requisition",
    *to(ActorKind.PATIENT, SELECT, f"{_OF_PATIENT} AND NOT draft"),
    *to(
        ActorKind.PATIENT,
        UPDATE,
        f"{_OF_PATIENT} AND NOT draft",
        columns=(*_CHOICE, "reason_code", "reason"),
    ),
    *rls.delegated(_RESULTS, SELECT, "NOT draft", confidential="confidential"),
    *rls.delegated(_APPOINTMENTS, SELECT, _IMAGING, confidential="confidential"),
    *rls.delegated(
        _RESULTS,
        UPDATE,
        "NOT draft",
        confidential="confidential",
        columns=(*_CHOICE, "reason_code", "reason"),
    ),
    *rls.delegated(
        _APPOINTMENTS,
        UPDATE,
        _IMAGING,
        confidential="confidential",
        columns=(*_CHOICE, "reason_code", "reason"),
    ),
    *to(_CARE_TEAM, SELECT, _CARED_FOR),
    *to(ActorKind.STAFF, UPDATE, _CARED_FOR, columns=(*_CHOICE, *_MOVED, "collected_at")),
    *to(ActorKind.PRACTITIONER, (INSERT, UPDATE), _CARED_FOR),
    *to(ActorKind.LABORATORY, SELECT, _SENT_HERE),
    *to(ActorKind.LABORATORY, UPDATE, _SENT_HERE, columns=(*_MOVED, *_REPORTED)),
    *rls.system_access(),
)
rls.protect(
    "requisition_history",
    *to(ActorKind.PATIENT, (SELECT, INSERT), f"{_OF_PATIENT} AND {_SEEN}"),
    *to(ActorKind.DELEGATE, (SELECT, INSERT), f"patient_id = {ON_BEHALF_OF} AND {_SEEN}"),
    *to(_CARE_TEAM, (SELECT, INSERT), _CARED_FOR),
    *to(ActorKind.LABORATORY, (SELECT, INSERT), f"{_HERE} AND {_SEEN}"),
    *rls.system_access(),
)
rls.way_in(
    "careloop_laboratory_serves",
    f"EXISTS (SELECT FROM requisition WHERE requisition.patient_id = target AND {_SENT_HERE})",
)
rls.way_in(
    "careloop_confidential",
    "EXISTS (SELECT FROM requisition WHERE requisition.id = target AND confidential)",
)

for _table in ("requisition", "standing_order"):
    death_model.refuse_for_deceased(_table)
death_model.must_end("requisition", {RequisitionStatus.DRAFT, *UNCOLLECTED})
death_model.must_end("standing_order", [StandingStatus.ACTIVE])
meets(
    FindingKind.REQUISITION,
    "requisition",
    {RequisitionStatus.DRAFT, *UNCOLLECTED},
    "t.test_code = o.test_code",
    asked="orderer_id",
)
