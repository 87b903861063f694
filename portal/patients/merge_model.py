"""Merges of two records: what was moved, what both had, and what came of undoing a merge."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import DELETE, INSERT, SELECT, UPDATE, to
from portal.patients.model import SURVIVING

# For so long a merge can be undone, and what was moved is kept one by one.
UNDO_WITHIN = timedelta(days=30)


class FindingKind(StrEnum):
    """What two records had that meets, once they are one."""

    MRN = "mrn"
    GIVEN_NAME = "given_name"
    FAMILY_NAME = "family_name"
    BIRTH_DATE = "birth_date"
    SEX = "sex"
    PHONE = "phone"
    ADDRESS = "address"
    LANGUAGE = "language"
    PREFERRED_PHARMACY = "preferred_pharmacy"
    PREFERRED_LABORATORY = "preferred_laboratory"
    PRIMARY = "primary_practitioner"
    LOGIN = "login"
    DELEGATE = "delegate"
    CONTACT = "contact_preference"
    CORRECTION_REQUEST = "correction_request"
    MEDICINE = "medicine"
    REFILL = "refill"
    REQUISITION = "requisition"
    REFERRAL = "referral"
    APPOINTMENT = "appointment"


class LeftWhy(StrEnum):
    """Why a person has to decide about something once a merge was undone."""

    WRITTEN = "written"
    # A login that did not come back: its address is another account's by now.
    LOGIN = "login"
    # It ended because the other of the two had died.
    CLOSED_BY_DEATH = "closed_by_death"


class PatientMerge(Base):
    """That a duplicate was merged into the record that stands, and that this was undone.

    `kept_account` is the login that went on, `moved_account` whether it was the duplicate's, and
    `retired_account` the other's. `moved_at` is when the workers had moved the rows and looked for
    what both had; `returned_at`, when they had given them back. `seen_by` are the patients and
    delegates who looked at either record while they were one.
    """

    __tablename__ = "patient_merge"
    __table_args__ = (
        CheckConstraint("duplicate_id <> survivor_id", name="two"),
        CheckConstraint(
            "(undone_at IS NULL) = (undone_by IS NULL) "
            "AND (undone_at IS NULL) = (undo_reason IS NULL) "
            "AND (returned_at IS NOT NULL) <= (undone_at IS NOT NULL)",
            name="undone",
        ),
        Index(
            "uq_patient_merge_standing",
            "duplicate_id",
            unique=True,
            postgresql_where=text("undone_at IS NULL"),
        ),
        Index("ix_patient_merge_duplicate", "duplicate_id", "merged_at", "id"),
        Index("ix_patient_merge_survivor", "survivor_id", "merged_at", "id"),
        Index("ix_patient_merge_until", "undo_until"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    duplicate_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    survivor_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    merged_at: Mapped[datetime]
    merged_by: Mapped[UUID | None]
    reason: Mapped[str]
    kept_account: Mapped[UUID | None]
    moved_account: Mapped[bool] = mapped_column(server_default=text("false"))
    retired_account: Mapped[UUID | None]
    undo_until: Mapped[datetime]
    moved_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[UUID | None]
    undo_reason: Mapped[str | None]
    returned_at: Mapped[datetime | None]
    seen_by: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))


class MergeMove(Base):
    """One row that a merge changed: the key that it has since, and what it held before of the
    columns that were changed. Kept for as long as the merge can be undone."""

    __tablename__ = "merge_move"

    merge_id: Mapped[UUID] = mapped_column(ForeignKey("patient_merge.id"), primary_key=True)
    table_name: Mapped[str] = mapped_column(primary_key=True)
    row_key: Mapped[dict[str, Any]] = mapped_column(JSONB(), primary_key=True)
    before: Mapped[dict[str, Any]]


class MergeFinding(Base):
    """Something of the duplicate's (`theirs`) that meets something of the survivor's (`own`): two
    rows, or two values. What is clinical is for those who care for the patient, and `asked_id` is
    the practitioner whose it is. What is no clash is listed and asks nothing of anybody.
    """

    __tablename__ = "merge_finding"
    __table_args__ = (
        one_of("kind", FindingKind),
        UniqueConstraint(
            "merge_id", "kind", "theirs_id", "own_id", postgresql_nulls_not_distinct=True
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    merge_id: Mapped[UUID] = mapped_column(ForeignKey("patient_merge.id"))
    kind: Mapped[str]
    theirs_id: Mapped[UUID | None]
    own_id: Mapped[UUID | None]
    theirs: Mapped[str | None]
    own: Mapped[str | None]
    clinical: Mapped[bool]
    clash: Mapped[bool]
    asked_id: Mapped[UUID | None]
    found_at: Mapped[datetime]


class MergeLeft(Base):
    """Something that was written on the survivor's record while two records were one, or that
    happened because they were, and that a person decides about now that they are two again.

    What `stays` can't be moved: it is part of something that was the survivor's before, or was not
    written meanwhile.
    """

    __tablename__ = "merge_left"
    __table_args__ = (
        one_of("why", LeftWhy),
        UniqueConstraint("merge_id", "resource", "subject_id"),
        CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL) "
            "AND (decided_at IS NULL) = (belongs_to IS NULL)",
            name="decided",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    merge_id: Mapped[UUID] = mapped_column(ForeignKey("patient_merge.id"))
    resource: Mapped[str]
    subject_id: Mapped[UUID]
    why: Mapped[str]
    stays: Mapped[bool]
    found_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    belongs_to: Mapped[UUID | None]


# Who keeps or cares for either record; the survivor may itself have been merged since.
_KEPT = " OR ".join(
    f"careloop_registers({column}) OR careloop_cares_for({standing})"
    for column, standing in (
        ("survivor_id", f"{SURVIVING}(survivor_id)"),
        ("duplicate_id", "duplicate_id"),
    )
)
_CARED_FOR = f"careloop_cares_for({SURVIVING}(survivor_id)) OR careloop_cares_for(duplicate_id)"
_OF_MERGE = "EXISTS (SELECT FROM patient_merge g WHERE g.id = merge_id)"
_OF_MERGE_IN_CARE = (
    f"EXISTS (SELECT FROM patient_merge g WHERE g.id = merge_id "
    f"AND (careloop_cares_for({SURVIVING}(g.survivor_id)) OR careloop_cares_for(g.duplicate_id)))"
)

rls.protect(
    "patient_merge",
    *to(ActorKind.PRACTITIONER, SELECT, _CARED_FOR),
    *to(ActorKind.STAFF, (SELECT, INSERT), _KEPT),
    *to(
        ActorKind.STAFF,
        UPDATE,
        _KEPT,
        columns=("undone_at", "undone_by", "undo_reason"),
        check="true",
    ),
    *rls.system_access(),
)
rls.protect("merge_move", *rls.system_access(), *to(ActorKind.WORKER, DELETE))
rls.protect(
    "merge_finding",
    *to(ActorKind.PRACTITIONER, SELECT, _OF_MERGE),
    *to(ActorKind.STAFF, SELECT, f"{_OF_MERGE} AND (NOT clinical OR {_OF_MERGE_IN_CARE})"),
    *rls.system_access(),
)
rls.protect(
    "merge_left",
    *to((ActorKind.PRACTITIONER, ActorKind.STAFF), SELECT, _OF_MERGE),
    *to(ActorKind.STAFF, UPDATE, _OF_MERGE, columns=("decided_at", "decided_by", "belongs_to")),
    *rls.system_access(),
)
