"""Messages as they were received, and the reports that nobody could match by rule."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import SELECT, UPDATE, to
from portal.directory.model import MY_CLINIC
from portal.results.states import (
    CASE,
    CaseReason,
    CaseStatus,
    IntakeTransport,
    MessageOutcome,
)


class ReceivedMessage(Base):
    """A message as it came, kept whatever became of it, with what it was answered.

    `sender` is whose control ids these are: the laboratory's id, or how it named itself over MLLP.
    The same control id again is answered with the same `answers`; one that was refused may be sent
    again, mended. `digest` leaves out the time at which the message says it was made (MSH-7).
    """

    __tablename__ = "received_message"
    __table_args__ = (
        one_of("transport", IntakeTransport),
        one_of("outcome", MessageOutcome),
        Index(
            "uq_received_message_control",
            "sender",
            "control_id",
            unique=True,
            postgresql_where=text(
                "control_id IS NOT NULL AND outcome IN ('taken_in', 'reconciling')"
            ),
        ),
        Index("ix_received_message_received", "received_at", "id"),
        Index("ix_received_message_laboratory", "laboratory_id", "received_at"),
        Index(
            "ix_received_message_failed",
            "sender",
            "digest",
            postgresql_where=text("outcome = 'failed'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    transport: Mapped[str]
    laboratory_id: Mapped[UUID | None] = mapped_column(ForeignKey("laboratory.id"))
    sender: Mapped[str]
    control_id: Mapped[str | None]
    message_type: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime]
    outcome: Mapped[str]
    answers: Mapped[list[bytes]] = mapped_column(ARRAY(BYTEA()))
    problem: Mapped[str | None]


class ReconciliationCase(Base):
    """A report that waits for somebody to say whose it is.

    `report_index` counts the reports of the message from 0. `summary` is what the list shows: whom
    the message names, and the test. `differences` are the marks by which the message spoke against
    the patient whom it was matched to, and `confirmation` why it was matched all the same.
    `report_id` is the result that it went to, or from which an open one differs.
    """

    __tablename__ = "reconciliation_case"
    __table_args__ = (
        one_of("reason", CaseReason),
        one_of("status", CaseStatus),
        CheckConstraint("(status = 'open') = (closed_at IS NULL)", name="end"),
        CheckConstraint(
            "(differences = '{}') = (confirmation IS NULL) "
            "AND (confirmation IS NULL OR status = 'matched' AND length(confirmation) >= 10)",
            name="confirmed",
        ),
        UniqueConstraint("message_id", "report_index", "reason"),
        Index(
            "ix_reconciliation_case_open",
            "clinic_id",
            "opened_at",
            "id",
            postgresql_where=text("status = 'open'"),
        ),
        Index(
            "ix_reconciliation_case_report",
            "report_id",
            postgresql_where=text("status = 'open' AND report_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    message_id: Mapped[UUID] = mapped_column(ForeignKey("received_message.id"))
    report_index: Mapped[int]
    reason: Mapped[str]
    status: Mapped[str]
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinic.id"))
    pool_id: Mapped[UUID] = mapped_column(ForeignKey("pool.id"))
    laboratory_id: Mapped[UUID | None] = mapped_column(ForeignKey("laboratory.id"))
    summary: Mapped[dict[str, Any]]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None]
    outcome_note: Mapped[str | None]
    report_id: Mapped[UUID | None] = mapped_column(ForeignKey("diagnostic_report.id"))
    differences: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    confirmation: Mapped[str | None]

    def move_to(self, status: CaseStatus, *, actor: Actor, now: datetime, note: str | None) -> None:
        """Raises IllegalTransition for a case that is closed."""
        CASE.check(CaseStatus(self.status), status, actor.kind)
        self.status = status
        self.closed_at = now
        self.closed_by = actor.id
        self.outcome_note = note

    def reopen(self, *, actor: Actor) -> None:
        """Undo a match. Raises IllegalTransition for a case that wasn't matched."""
        CASE.check(CaseStatus(self.status), CaseStatus.OPEN, actor.kind)
        self.status = CaseStatus.OPEN
        self.closed_at = self.closed_by = self.outcome_note = None
        self.report_id = self.confirmation = None
        self.differences = []


class PrivacyIncident(Base):
    """Somebody's result was on another patient's chart, until a person took it back.

    `patient_id` is whose chart it was on; `seen_by` who looked at it there, `{"kind", "id", "name",
    "at"}` each, and `follow_ups` what reviews had arranged because of it. Whether it was a breach
    (45 CFR 164.402) and who has to be told (164.404 to 164.408) is assessed by whoever has the work
    item whose subject is the case; its outcome says what came of it. The case's clinic reads it
    through the workers, since whoever assesses it need not care for the patient.
    """

    __tablename__ = "privacy_incident"
    __table_args__ = (
        CheckConstraint("length(reason) >= 10", name="reason"),
        Index("ix_privacy_incident_case", "case_id"),
        Index("ix_privacy_incident_patient", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinic.id"))
    case_id: Mapped[UUID] = mapped_column(ForeignKey("reconciliation_case.id"))
    report_id: Mapped[UUID] = mapped_column(ForeignKey("diagnostic_report.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    reason: Mapped[str]
    was_released: Mapped[bool]
    seen_by: Mapped[list[Any]]
    follow_ups: Mapped[list[Any]]
    opened_at: Mapped[datetime]
    opened_by: Mapped[UUID]


# Whose a report is, is found out by the staff of the clinic that it came to.
_OF_MY_CLINIC = f"clinic_id = {MY_CLINIC}"

rls.protect(
    "received_message",
    *to(
        ActorKind.STAFF,
        SELECT,
        "EXISTS (SELECT FROM reconciliation_case c WHERE c.message_id = received_message.id)",
    ),
    *rls.system_access(),
)
rls.protect(
    "reconciliation_case",
    *to(ActorKind.STAFF, SELECT, _OF_MY_CLINIC),
    *to(
        ActorKind.STAFF,
        UPDATE,
        _OF_MY_CLINIC,
        columns=("status", "closed_at", "closed_by", "outcome_note", "report_id"),
    ),
    *rls.system_access(),
)
rls.protect("privacy_incident", *rls.system_access())
