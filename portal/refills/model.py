"""Refills, their history, and what pharmacies were sent and sent back."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import owners, rls
from portal.core.actor import AccessCategory, Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.history import History
from portal.core.rls import INSERT, ME, ON_BEHALF_OF, SELECT, UPDATE, to
from portal.patients import death_model
from portal.patients.merge_findings import meets
from portal.patients.merge_model import FindingKind
from portal.refills.states import (
    ENDED,
    OPEN,
    REFILL,
    CancelAnswer,
    Delivery,
    RefillChannel,
    RefillKind,
    RefillStatus,
)


class Refill(Base):
    """One request to have a prescription filled again.

    `reserved` says that what it hands over is taken of what the prescription authorises: one of
    its refills for a `refill`, its first fill for the other kinds. `expected_by` is when
    the next step is due; a step later than that is shown as late. `occurred_at` is the pharmacy's
    time of the last update that was applied.

    `fetched_at` is when the pharmacy first got to see whose order it is. When an order is taken
    back after that, the pharmacy is asked (`cancel_asked_at`) whether it is in time, and until it
    answers somebody has the question. `quantity_dispensed` is what was handed over so far;
    `rest_due_at` is until when the law lets the rest follow.
    """

    __tablename__ = "refill"
    __table_args__ = (
        one_of("status", RefillStatus),
        one_of("kind", RefillKind),
        one_of("channel", RefillChannel),
        one_of("delivery", Delivery),
        CheckConstraint(f"(status IN {ENDED}) = (closed_at IS NOT NULL)", name="end"),
        CheckConstraint(f"(status IN {ENDED}) = (expected_by IS NULL)", name="clock"),
        one_of("cancel_answer", CancelAnswer),
        CheckConstraint(
            "(cancel_answer IS NULL) = (cancel_answered_at IS NULL) "
            "AND (cancel_asked_at IS NOT NULL OR cancel_answer IS NULL)",
            name="cancel_answered",
        ),
        CheckConstraint("quantity_dispensed >= 0", name="dispensed"),
        CheckConstraint(
            "status NOT IN ('rest_owed', 'partially_dispensed') OR quantity_dispensed > 0",
            name="part",
        ),
        Index(
            "uq_refill_open_prescription",
            "prescription_id",
            unique=True,
            postgresql_where=text(f"status NOT IN {ENDED}"),
        ),
        Index("ix_refill_patient", "patient_id", "requested_at", "id"),
        Index("ix_refill_pharmacy", "pharmacy_id", "patient_id"),
        Index("ix_refill_prescription", "prescription_id"),
        Index("uq_refill_replaces", "replaces_id", unique=True),
        Index(
            "uq_refill_first_fill",
            "prescription_id",
            unique=True,
            postgresql_where=text("reserved AND kind <> 'refill'"),
        ),
        Index(
            "ix_refill_expected",
            "expected_by",
            "id",
            postgresql_where=text(f"status NOT IN {ENDED}"),
        ),
        Index(
            "ix_refill_rest_due",
            "rest_due_at",
            "id",
            postgresql_where=text("rest_due_at IS NOT NULL AND closed_at IS NULL"),
        ),
        {"postgresql_with": {"fillfactor": "80"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    prescription_id: Mapped[UUID] = mapped_column(ForeignKey("prescription.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    prescriber_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    pharmacy_id: Mapped[UUID] = mapped_column(ForeignKey("pharmacy.id"))
    kind: Mapped[str]
    channel: Mapped[str]
    status: Mapped[str]
    delivery: Mapped[str]
    note: Mapped[str | None]
    reserved: Mapped[bool] = mapped_column(server_default=text("false"))
    urgent: Mapped[bool] = mapped_column(server_default=text("false"))
    requested_at: Mapped[datetime]
    status_at: Mapped[datetime]
    expected_by: Mapped[datetime | None]
    occurred_at: Mapped[datetime | None]
    reason_code: Mapped[str | None]
    expected_on: Mapped[date | None]
    quantity_ready: Mapped[Decimal | None]
    carrier: Mapped[str | None]
    tracking_number: Mapped[str | None]
    decision_note: Mapped[str | None]
    next_step: Mapped[str | None]
    original_prescription_id: Mapped[UUID | None] = mapped_column(ForeignKey("prescription.id"))
    replaces_id: Mapped[UUID | None] = mapped_column(ForeignKey("refill.id"))
    closed_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]
    cancel_asked_at: Mapped[datetime | None]
    cancel_answer: Mapped[str | None]
    cancel_answered_at: Mapped[datetime | None]
    quantity_dispensed: Mapped[Decimal] = mapped_column(server_default=text("0"))
    rest_due_at: Mapped[datetime | None]

    def move_to(
        self,
        status: RefillStatus,
        *,
        actor: Actor,
        now: datetime,
        expected_by: datetime | None,
        reason_code: str | None = None,
        note: str | None = None,
        correction: bool = False,
    ) -> "RefillHistory":
        """The history row of the move; `expected_by` is when the next step is due, in UTC.

        Raises IllegalTransition when the table has no such move for this actor. A pharmacy's
        correction is checked by rules.may_correct() instead.
        """
        before = RefillStatus(self.status)
        if not correction:
            REFILL.check(before, status, actor.kind)
        self.status = status
        self.status_at = now
        self.reason_code = reason_code
        ended = status in REFILL.ends
        self.closed_at = now if ended else None
        self.expected_by = None if ended else expected_by
        return RefillHistory.of(
            self, before, actor=actor, now=now, reason_code=reason_code, note=note
        )


class RefillHistory(History):
    """One transition of a refill: who moved it, when and why."""

    __tablename__ = "refill_history"
    __table_args__ = (Index("ix_refill_history_refill", "refill_id", "at", "id"),)

    refill_id: Mapped[UUID] = mapped_column(ForeignKey("refill.id"))
    pharmacy_id: Mapped[UUID]
    reason_code: Mapped[str | None]
    note: Mapped[str | None]

    @classmethod
    def of(
        cls,
        refill: Refill,
        before: RefillStatus | None,
        *,
        actor: Actor,
        now: datetime,
        reason_code: str | None = None,
        note: str | None = None,
    ) -> "RefillHistory":
        return cls.step(
            refill,
            before,
            actor=actor,
            now=now,
            refill_id=refill.id,
            pharmacy_id=refill.pharmacy_id,
            reason_code=reason_code,
            note=note,
        )


_OF_PATIENT = f"patient_id = {ME}"
_FOR_PATIENT = f"patient_id = {ON_BEHALF_OF}"
_CARED_FOR = "careloop_cares_for(patient_id)"
# A pharmacy sees a request once it is its business: what still waits for the prescriber is not,
# unless the pharmacy asked itself.
# What was taken back before the pharmacy had seen whose it is never was its business.
_SENT_HERE = (
    f"pharmacy_id = {ME} AND (status <> 'awaiting_prescriber' OR channel = 'pharmacy') "
    "AND (status NOT IN ('cancelled', 'held') OR fetched_at IS NOT NULL)"
)
_HERE = f"pharmacy_id = {ME}"
_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)
_MEDICINES = AccessCategory.MEDICINES
# Of a prescription that is kept from delegates they see no refills either.
_PRESCRIBED = "EXISTS (SELECT FROM prescription p WHERE p.id = prescription_id)"
_SEEN = "EXISTS (SELECT FROM refill r WHERE r.id = refill_id)"

rls.protect(
    "refill",
    *to(ActorKind.PATIENT, (SELECT, INSERT, UPDATE), _OF_PATIENT),
    *rls.delegated(_MEDICINES, (SELECT, INSERT, UPDATE), _PRESCRIBED),
    *to(ActorKind.PHONE, (SELECT, INSERT), _FOR_PATIENT),
    *to(_CARE_TEAM, SELECT, _CARED_FOR),
    *to(ActorKind.PRACTITIONER, (INSERT, UPDATE), _CARED_FOR),
    *to(ActorKind.PHARMACY, (SELECT, INSERT, UPDATE), _SENT_HERE),
    *rls.system_access(),
)
rls.protect(
    "refill_history",
    *to(ActorKind.PATIENT, (SELECT, INSERT), _OF_PATIENT),
    *rls.delegated(_MEDICINES, SELECT, _SEEN),
    *rls.delegated(_MEDICINES, INSERT),
    *to(ActorKind.PHONE, (SELECT, INSERT), _FOR_PATIENT),
    *to(_CARE_TEAM, SELECT, _CARED_FOR),
    *to(ActorKind.PRACTITIONER, INSERT, _CARED_FOR),
    *to(ActorKind.PHARMACY, (SELECT, INSERT), _HERE),
    *rls.system_access(),
)
rls.way_in(
    "careloop_pharmacy_serves",
    f"EXISTS (SELECT FROM refill WHERE refill.patient_id = target AND {_SENT_HERE})",
)
rls.way_in(
    "careloop_pharmacy_serves",
    f"EXISTS (SELECT FROM prescription p WHERE p.patient_id = target AND p.pharmacy_id = {ME})",
)
rls.way_in(
    "careloop_pharmacy_fills",
    f"EXISTS (SELECT FROM refill WHERE refill.prescription_id = target AND {_SENT_HERE})",
)

rls.way_in(
    "careloop_confidential",
    "EXISTS (SELECT FROM refill r JOIN prescription p ON p.id = r.prescription_id "
    "WHERE r.id = target AND p.confidential)",
)

owners.must_have_owner(
    "refill",
    unowned=owners.without_item(
        "SELECT FROM refill WHERE id = waiting AND status = 'awaiting_prescriber'",
        "refill_decision",
    ),
    complaint="refill % waits for a prescriber without an open work item",
    table="refill",
    column="id",
    waits_when="NEW.status = 'awaiting_prescriber'",
    items="NEW.kind = 'refill_decision'",
    trigger="{}_has_owner",
)

owners.must_have_owner(
    "cancellation",
    unowned=owners.without_item(
        "SELECT FROM refill WHERE id = waiting AND cancel_asked_at IS NOT NULL "
        "AND cancel_answer IS NULL",
        "pharmacy_cancellation",
    ),
    complaint="the pharmacy has not answered whether refill % was stopped in time, and nobody asks",
    table="refill",
    column="id",
    waits_when="NEW.cancel_asked_at IS NOT NULL AND NEW.cancel_answer IS NULL",
    items="NEW.kind = 'pharmacy_cancellation'",
    trigger="{}_asks_to_cancel",
)
death_model.refuse_for_deceased("refill")
death_model.must_end("refill", OPEN)
meets(
    FindingKind.REFILL,
    "refill",
    OPEN,
    "EXISTS (SELECT FROM prescription tp JOIN prescription op "
    "ON tp.rxnorm_code = op.rxnorm_code OR tp.ingredients && op.ingredients "
    "WHERE tp.id = t.prescription_id AND op.id = o.prescription_id)",
)
