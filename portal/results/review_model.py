"""Reviews and what follows from them, who has seen what, and critical results' alerts."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import owners, rls
from portal.core.actor import ActorKind
from portal.core.db import Base, names_patient, one_of
from portal.core.rls import INSERT, ME, ON_BEHALF_OF, SELECT, UPDATE, to
from portal.patients import death_model
from portal.results.states import FollowUpKind


class ResultReview(Base):
    """A practitioner has looked at a version and said what comes of it."""

    __tablename__ = "result_review"
    __table_args__ = (
        one_of("follow_up", FollowUpKind),
        Index("ix_result_review_report", "report_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    report_id: Mapped[UUID] = mapped_column(ForeignKey("diagnostic_report.id"))
    patient_id: Mapped[UUID | None]
    version_number: Mapped[int]
    reviewer_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    at: Mapped[datetime]
    comment: Mapped[str | None]
    follow_up: Mapped[str]
    follow_up_reason: Mapped[str | None]


class FollowUp(Base):
    """What a review asked for: a loop of its own, as a requisition or as a work item whose subject
    this is; `referral_id` is the referral that closed it."""

    __tablename__ = "follow_up"
    __table_args__ = (
        one_of("kind", FollowUpKind),
        CheckConstraint("kind <> 'none'", name="something"),
        Index("ix_follow_up_report", "report_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    review_id: Mapped[UUID] = mapped_column(ForeignKey("result_review.id"))
    report_id: Mapped[UUID] = mapped_column(ForeignKey("diagnostic_report.id"))
    patient_id: Mapped[UUID | None]
    kind: Mapped[str]
    due_on: Mapped[date]
    note: Mapped[str | None]
    requisition_id: Mapped[UUID | None] = mapped_column(ForeignKey("requisition.id"))
    referral_id: Mapped[UUID | None] = mapped_column(ForeignKey("referral.id"))
    created_at: Mapped[datetime]


class ResultView(Base):
    """Who has seen which version first when: they are told when it is corrected."""

    __tablename__ = "result_view"

    report_id: Mapped[UUID] = mapped_column(ForeignKey("diagnostic_report.id"), primary_key=True)
    version_number: Mapped[int] = mapped_column(primary_key=True)
    viewer_id: Mapped[UUID] = mapped_column(
        primary_key=True, info=names_patient("viewer_kind IN ('patient', 'delegate')")
    )
    viewer_kind: Mapped[str]
    patient_id: Mapped[UUID]
    seen_at: Mapped[datetime]


class CriticalAlert(Base):
    """A critical result waits for somebody's acknowledgement, with a read-back.

    `criticals` are the observations it is about: `{"code", "name", "value", "unit"}` each. The
    chain of who was asked when is that of the work item whose subject is the report. One that is
    nobody's was about a version that was taken back from the chart.
    """

    __tablename__ = "critical_alert"
    __table_args__ = (
        CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL) "
            "AND (acknowledged_at IS NULL) = (read_back IS NULL)",
            name="acknowledged",
        ),
        Index(
            "uq_critical_alert_open",
            "report_id",
            unique=True,
            postgresql_where=text("acknowledged_at IS NULL AND patient_id IS NOT NULL"),
        ),
        Index("ix_critical_alert_report", "report_id", "raised_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    report_id: Mapped[UUID] = mapped_column(ForeignKey("diagnostic_report.id"))
    patient_id: Mapped[UUID | None]
    version_number: Mapped[int]
    criticals: Mapped[list[Any]]
    raised_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[UUID | None]
    read_back: Mapped[str | None]
    note: Mapped[str | None]


_CARED_FOR = "careloop_cares_for(patient_id)"
_SEEN = "EXISTS (SELECT FROM diagnostic_report r WHERE r.id = report_id)"
_OWN_SEEN = f"patient_id = {ME} AND {_SEEN}"
_SEEN_FOR = f"patient_id = {ON_BEHALF_OF} AND {_SEEN}"
_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)

for _table in ("result_review", "follow_up"):
    rls.protect(
        _table,
        *to(ActorKind.PATIENT, SELECT, _OWN_SEEN),
        *to(ActorKind.DELEGATE, SELECT, _SEEN_FOR),
        *to(_CARE_TEAM, SELECT, _CARED_FOR),
        *to(ActorKind.PRACTITIONER, INSERT, _CARED_FOR),
        *rls.system_access(),
    )
rls.protect(
    "result_view",
    *to(ActorKind.PATIENT, (SELECT, INSERT), f"patient_id = {ME} AND viewer_id = {ME}"),
    *to(ActorKind.DELEGATE, (SELECT, INSERT), f"{_SEEN_FOR} AND viewer_id = {ME}"),
    *to(_CARE_TEAM, SELECT, _CARED_FOR),
    *to(_CARE_TEAM, INSERT, f"viewer_id = {ME}"),
    *rls.system_access(),
)
rls.protect(
    "critical_alert",
    *to(_CARE_TEAM, SELECT, _CARED_FOR),
    *to(ActorKind.PRACTITIONER, UPDATE, _CARED_FOR),
    *rls.system_access(),
)

owners.must_have_owner(
    "critical",
    unowned=owners.without_item(
        "SELECT FROM critical_alert WHERE report_id = waiting AND acknowledged_at IS NULL "
        "AND patient_id IS NOT NULL",
        "result_critical",
    ),
    complaint="critical result % waits without an open work item",
    table="critical_alert",
    column="report_id",
    waits_when="NEW.acknowledged_at IS NULL AND NEW.patient_id IS NOT NULL",
    items="NEW.kind = 'result_critical'",
    trigger="{}_critical_owner",
)

death_model.refuse_for_deceased("follow_up")
