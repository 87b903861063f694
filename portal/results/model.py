"""Reports, their versions with observations and documents, and the ledger of their release."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Numeric

from portal.core import rls
from portal.core.actor import AccessCategory, Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import INSERT, ME, ON_BEHALF_OF, SELECT, UPDATE, to
from portal.results.states import (
    RELEASE,
    Abnormality,
    HoldException,
    ObservationStatus,
    ReleaseAction,
    ReleaseRule,
    ReleaseStatus,
    ReportStatus,
    ValueKind,
)


class DiagnosticReport(Base):
    """A result: what answers a requisition, or came unasked (FHIR R4 DiagnosticReport).

    What stands here is the current version's. `responsible_id` is who reviews it. `reported_at`
    is when it was first reported, by which lists are sorted, `received_at` when the current version
    came. `release_due_at` is when a deferred or held result releases itself. `communicated_at` is
    when the patient had been told by the way they chose, `seen_at` when they first looked.
    """

    __tablename__ = "diagnostic_report"
    __table_args__ = (
        one_of("status", ReportStatus),
        one_of("abnormality", Abnormality),
        one_of("release_status", ReleaseStatus),
        CheckConstraint(
            "(release_status = 'released') = (released_at IS NOT NULL)", name="release"
        ),
        CheckConstraint(
            "(release_status IN ('deferred', 'held')) = (release_due_at IS NOT NULL)",
            name="release_due",
        ),
        Index("ix_diagnostic_report_patient", "patient_id", "reported_at", "id"),
        Index(
            "uq_diagnostic_report_filler",
            "laboratory_id",
            "sender",
            "filler_number",
            "code",
            "requisition_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("filler_number <> ''"),
        ),
        Index("ix_diagnostic_report_requisition", "requisition_id", "code"),
        Index(
            "ix_diagnostic_report_release_due",
            "release_due_at",
            "id",
            postgresql_where=text("release_due_at IS NOT NULL"),
        ),
        Index(
            "ix_diagnostic_report_unseen",
            "released_at",
            "id",
            postgresql_where=text("release_status = 'released' AND seen_at IS NULL"),
        ),
        Index(
            "ix_diagnostic_report_unreviewed",
            "received_at",
            "id",
            postgresql_where=text("reviewed_at IS NULL"),
        ),
        Index(
            "ix_diagnostic_report_uncommunicated",
            "reviewed_at",
            "id",
            postgresql_where=text("communicated_at IS NULL"),
        ),
        {"postgresql_with": {"fillfactor": "80"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    requisition_id: Mapped[UUID | None] = mapped_column(ForeignKey("requisition.id"))
    laboratory_id: Mapped[UUID | None] = mapped_column(ForeignKey("laboratory.id"))
    sender: Mapped[str] = mapped_column(server_default=text("''"))
    performer_name: Mapped[str]
    responsible_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    placer_number: Mapped[str]
    filler_number: Mapped[str]
    code: Mapped[str]
    code_system: Mapped[str]
    name: Mapped[str]
    category: Mapped[str]
    status: Mapped[str]
    abnormality: Mapped[str]
    version_number: Mapped[int]
    current_version_id: Mapped[UUID]
    collected_at: Mapped[datetime | None]
    reported_at: Mapped[datetime]
    received_at: Mapped[datetime]
    release_status: Mapped[str]
    release_due_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[UUID | None]
    reviewed_version: Mapped[int | None]
    communicated_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    confidential: Mapped[bool] = mapped_column(server_default=text("false"))
    version: Mapped[int] = mapped_column(server_default=text("1"))

    __mapper_args__ = {"version_id_col": version}

    def move_release(
        self,
        status: ReleaseStatus,
        *,
        actor: Actor,
        now: datetime,
        due_at: datetime | None = None,
    ) -> None:
        """Move the release; `due_at` is when a deferred or held result releases itself.

        Raises IllegalTransition when the table has no such move for this actor.
        """
        RELEASE.check(ReleaseStatus(self.release_status), status, actor.kind)
        self.release_status = status
        self.release_due_at = due_at
        self.released_at = now if status == ReleaseStatus.RELEASED else None


class ReportVersion(Base):
    """One version of a report, as it was received: never changed afterwards.

    `changes` is what it changed against the version before: `{"code", "name", "before", "after"}`
    each. `patient_id` is nobody once the version was taken back from a chart that it wasn't for,
    and so is that of all that hangs on it: no patient's care team sees it any more.
    """

    __tablename__ = "report_version"
    __table_args__ = (
        one_of("status", ReportStatus),
        one_of("abnormality", Abnormality),
        UniqueConstraint("report_id", "number"),
        Index("ix_report_version_message", "message_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    report_id: Mapped[UUID] = mapped_column(ForeignKey("diagnostic_report.id"))
    patient_id: Mapped[UUID | None]
    number: Mapped[int]
    status: Mapped[str]
    abnormality: Mapped[str]
    message_id: Mapped[UUID | None]
    issued_at: Mapped[datetime]
    received_at: Mapped[datetime]
    note: Mapped[str | None]
    reason: Mapped[str | None]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    changes: Mapped[list[Any]]


class Observation(Base):
    """One observation of a version (FHIR R4 Observation). `position` keeps the report's order.
    `isolate` is what grew in a culture, on which it was tested: `{"code", "sub_id", "name"}`."""

    __tablename__ = "observation"
    __table_args__ = (
        one_of("kind", ValueKind),
        one_of("status", ObservationStatus),
        one_of("abnormality", Abnormality),
        Index("ix_observation_trend", "patient_id", "code", "observed_at"),
        Index(
            "ix_observation_critical",
            "report_id",
            postgresql_where=text("abnormality = 'critical'"),
        ),
    )

    version_id: Mapped[UUID] = mapped_column(ForeignKey("report_version.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[UUID]
    patient_id: Mapped[UUID | None]
    code: Mapped[str]
    code_system: Mapped[str]
    name: Mapped[str]
    local_code: Mapped[str | None]
    sub_id: Mapped[str]
    kind: Mapped[str]
    number: Mapped[Decimal | None] = mapped_column(Numeric())
    high: Mapped[Decimal | None] = mapped_column(Numeric())
    comparator: Mapped[str]
    value_text: Mapped[str]
    value_code: Mapped[str | None]
    unit: Mapped[str]
    reference_low: Mapped[Decimal | None] = mapped_column(Numeric())
    reference_high: Mapped[Decimal | None] = mapped_column(Numeric())
    reference_text: Mapped[str]
    flags: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    abnormality: Mapped[str]
    status: Mapped[str]
    observed_at: Mapped[datetime | None]
    note: Mapped[str | None]
    isolate: Mapped[dict[str, Any] | None]


class ReportAttachment(Base):
    """A document that came with a version: a PDF of the report, an image."""

    __tablename__ = "report_attachment"
    __table_args__ = (Index("ix_report_attachment_version", "version_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("report_version.id"))
    report_id: Mapped[UUID]
    patient_id: Mapped[UUID | None]
    position: Mapped[int]
    content_type: Mapped[str]
    title: Mapped[str]
    size: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ReleaseEntry(Base):
    """The release ledger: when and why a result became visible, or did not. Append-only.

    A hold has an exception, a person, an individual reason and an end (45 CFR 171).
    """

    __tablename__ = "release_entry"
    __table_args__ = (
        one_of("action", ReleaseAction),
        one_of("rule", ReleaseRule),
        one_of("exception", HoldException),
        CheckConstraint(
            "action <> 'held' OR (exception IS NOT NULL AND length(reason) >= 10 "
            "AND until IS NOT NULL AND actor_kind = 'practitioner')",
            name="hold",
        ),
        Index("ix_release_entry_report", "report_id", "at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    report_id: Mapped[UUID] = mapped_column(ForeignKey("diagnostic_report.id"))
    patient_id: Mapped[UUID]
    version_number: Mapped[int]
    action: Mapped[str]
    rule: Mapped[str]
    exception: Mapped[str | None]
    reason: Mapped[str | None]
    until: Mapped[datetime | None]
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID]


_RELEASED = f"patient_id = {ME} AND release_status = 'released'"
# The report's own policy decides: whoever may see it may see what hangs on it.
_SEEN = "EXISTS (SELECT FROM diagnostic_report r WHERE r.id = report_id)"
_OWN_SEEN = f"patient_id = {ME} AND {_SEEN}"
_CARED_FOR = "careloop_cares_for(patient_id)"
_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)
_RESULTS = AccessCategory.RESULTS
# What was ordered in confidence is reported in confidence.
_TO_DELEGATES = (
    "release_status = 'released' AND (requisition_id IS NULL "
    "OR EXISTS (SELECT FROM requisition q WHERE q.id = requisition_id))"
)
_SEEN_FOR = f"patient_id = {ON_BEHALF_OF} AND {_SEEN}"
_LOOKED = ("seen_at", "communicated_at", "version")

rls.protect(
    "diagnostic_report",
    *to(ActorKind.PATIENT, SELECT, _RELEASED),
    *to(ActorKind.PATIENT, UPDATE, _RELEASED, columns=_LOOKED),
    *rls.delegated(_RESULTS, SELECT, _TO_DELEGATES, confidential="confidential"),
    *rls.delegated(_RESULTS, UPDATE, _TO_DELEGATES, confidential="confidential", columns=_LOOKED),
    *to(_CARE_TEAM, SELECT, _CARED_FOR),
    *to(ActorKind.PRACTITIONER, UPDATE, _CARED_FOR),
    *to(ActorKind.STAFF, UPDATE, _CARED_FOR, columns=("communicated_at", "version")),
    *rls.system_access(),
)
for _table in ("report_version", "observation", "report_attachment"):
    rls.protect(
        _table,
        *to(ActorKind.PATIENT, SELECT, _OWN_SEEN),
        *to(ActorKind.DELEGATE, SELECT, _SEEN_FOR),
        *to(_CARE_TEAM, SELECT, _CARED_FOR),
        *rls.system_access(),
    )
rls.protect(
    "release_entry",
    *to(ActorKind.PATIENT, SELECT, _OWN_SEEN),
    *to(ActorKind.DELEGATE, SELECT, _SEEN_FOR),
    *to(_CARE_TEAM, SELECT, _CARED_FOR),
    *to(ActorKind.PRACTITIONER, INSERT, _CARED_FOR),
    *to(rls.SYSTEM, (SELECT, INSERT)),
    *to(ActorKind.WORKER, UPDATE, columns=("patient_id",)),  # of a duplicate that was merged
)
rls.way_in(
    "careloop_confidential",
    "EXISTS (SELECT FROM diagnostic_report d LEFT JOIN requisition q ON q.id = d.requisition_id "
    "WHERE d.id = target AND (d.confidential OR coalesce(q.confidential, false)))",
)
