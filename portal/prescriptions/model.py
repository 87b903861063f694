"""Prescriptions, the history of their status, and what was dispensed on them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import AccessCategory, Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.history import History
from portal.core.rls import INSERT, ME, ON_BEHALF_OF, SELECT, UPDATE, to
from portal.patients import death_model
from portal.patients.merge_findings import meets
from portal.patients.merge_model import FindingKind
from portal.prescriptions.ingredients import ingredients_of
from portal.prescriptions.states import PRESCRIPTION, PrescriptionStatus


def _of_name(context: Any) -> list[str]:
    return ingredients_of(context.get_current_parameters()["drug_name"])


class Prescription(Base):
    """What a practitioner ordered (FHIR R4 MedicationRequest).

    It authorises its first fill and `refills_authorized` refills. Each fill takes one of them when
    it is sent to a pharmacy, counted in `first_fill_used` and `refills_used`, and gives it back
    when it ends without a dispense. What was cancelled and handed over all the same takes one
    again: where another fill has the last one, it counts in `first_fills_beyond` or
    `refills_beyond`, until that one is given back.

    `quantity` is in `unit`; `days_supply` in days. What is taken as needed (FHIR R4
    Dosage.asNeeded, maxDosePerPeriod) has no days' supply but `max_per_day`, also in `unit`.
    `schedule` is the DEA schedule (2 to 5) of a controlled substance, else empty; `refill_number`
    stands on the label. `supply_days` is for how many days from `last_filled_on` on the patient has
    got medicine: fewer than `days_supply` where a part alone was handed over. `ingredients` is what
    the medicine is made of (ingredients.py).
    """

    __tablename__ = "prescription"
    __table_args__ = (
        one_of("status", PrescriptionStatus),
        CheckConstraint(
            "refills_used BETWEEN 0 AND refills_authorized", name="refills_used_in_bounds"
        ),
        CheckConstraint("first_fill_used BETWEEN 0 AND 1", name="first_fill_once"),
        CheckConstraint(
            "first_fill_used = 1 OR (refills_used = 0 AND last_filled_on IS NULL)",
            name="first_fill_before_refills",
        ),
        CheckConstraint(
            "(refills_beyond = 0 OR refills_beyond > 0 AND refills_used = refills_authorized) AND "
            "(first_fills_beyond = 0 OR first_fills_beyond > 0 AND first_fill_used = 1)",
            name="beyond_what_is_used_up",
        ),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("days_supply BETWEEN 1 AND 365", name="days_supply_in_bounds"),
        CheckConstraint(
            "(days_supply IS NULL) = (max_per_day IS NOT NULL)", name="days_or_as_needed"
        ),
        CheckConstraint(
            "max_per_day > 0 AND max_per_day <= quantity AND quantity <= 365 * max_per_day",
            name="max_per_day_in_bounds",
        ),
        CheckConstraint("schedule IS NULL OR schedule BETWEEN 2 AND 5", name="schedule_known"),
        CheckConstraint("expires_on > written_on", name="expiry_after_writing"),
        Index("ix_prescription_patient", "patient_id", "created_at", "id"),
        Index("ix_prescription_pharmacy", "pharmacy_id", "patient_id"),
        Index("ix_prescription_previous", "previous_id"),
        Index(
            "ix_prescription_standing",
            "patient_id",
            postgresql_where=text("status IN ('active', 'on_hold')"),
        ),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    refill_number: Mapped[str] = mapped_column(unique=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    prescriber_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    pharmacy_id: Mapped[UUID] = mapped_column(ForeignKey("pharmacy.id"))
    rxnorm_code: Mapped[str]
    drug_name: Mapped[str]
    ingredients: Mapped[list[str]] = mapped_column(
        ARRAY(Text()), default=_of_name, server_default=text("'{}'")
    )
    strength: Mapped[str]
    form: Mapped[str]
    directions: Mapped[str]
    quantity: Mapped[Decimal]
    unit: Mapped[str]
    days_supply: Mapped[int | None]
    max_per_day: Mapped[Decimal | None]
    refills_authorized: Mapped[int]
    refills_used: Mapped[int] = mapped_column(server_default=text("0"))
    first_fill_used: Mapped[int] = mapped_column(server_default=text("0"))
    refills_beyond: Mapped[int] = mapped_column(server_default=text("0"))
    first_fills_beyond: Mapped[int] = mapped_column(server_default=text("0"))
    schedule: Mapped[int | None]
    status: Mapped[str]
    status_reason: Mapped[str | None]
    written_on: Mapped[date]
    expires_on: Mapped[date]
    last_filled_on: Mapped[date | None]
    supply_days: Mapped[int | None]
    early_refill_until: Mapped[date | None]
    previous_id: Mapped[UUID | None] = mapped_column(ForeignKey("prescription.id"))
    confidential: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(server_default=text("1"))

    __mapper_args__ = {"version_id_col": version}

    def move_to(
        self, status: PrescriptionStatus, *, actor: Actor, now: datetime, reason: str | None
    ) -> "PrescriptionHistory":
        """The history row of the move. Raises IllegalTransition when the table has no such move."""
        before = PrescriptionStatus(self.status)
        PRESCRIPTION.check(before, status, actor.kind)
        self.status = status
        self.status_reason = reason
        return PrescriptionHistory.of(self, before, actor=actor, now=now, reason=reason)


class PrescriptionHistory(History):
    """One transition of a prescription."""

    __tablename__ = "prescription_history"
    __table_args__ = (Index("ix_prescription_history_prescription", "prescription_id", "at"),)

    prescription_id: Mapped[UUID] = mapped_column(ForeignKey("prescription.id"))
    reason: Mapped[str | None]

    @classmethod
    def of(
        cls,
        prescription: Prescription,
        before: PrescriptionStatus | None,
        *,
        actor: Actor,
        now: datetime,
        reason: str | None,
    ) -> "PrescriptionHistory":
        return cls.step(
            prescription,
            before,
            actor=actor,
            now=now,
            prescription_id=prescription.id,
            reason=reason,
        )


class DuplicateConfirmation(Base):
    """That two standing prescriptions of one ingredient are both meant, and why.

    `prescription_id` is the one that was written, renewed or resumed, `other_id` the one that stood
    already. Rows are only ever added.
    """

    __tablename__ = "duplicate_confirmation"
    __table_args__ = (
        CheckConstraint("prescription_id <> other_id", name="two_of_them"),
        CheckConstraint("length(reason) > 0", name="reason_given"),
        Index("ix_duplicate_confirmation_prescription", "prescription_id", "other_id"),
        Index("ix_duplicate_confirmation_other", "other_id", "prescription_id"),
        Index("ix_duplicate_confirmation_patient", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    prescription_id: Mapped[UUID] = mapped_column(ForeignKey("prescription.id"))
    other_id: Mapped[UUID] = mapped_column(ForeignKey("prescription.id"))
    reason: Mapped[str]
    at: Mapped[datetime]
    actor_id: Mapped[UUID]


class Dispense(Base):
    """What the pharmacy handed over (FHIR R4 MedicationDispense): a refill whole, or a part of it.

    `days_supply` is in proportion to the quantity; what is taken as needed has none.
    """

    __tablename__ = "dispense"
    __table_args__ = (
        Index("ix_dispense_prescription", "prescription_id", "dispensed_at"),
        Index("ix_dispense_patient", "patient_id", "dispensed_at"),
        Index("ix_dispense_refill", "refill_id", "dispensed_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    prescription_id: Mapped[UUID] = mapped_column(ForeignKey("prescription.id"))
    refill_id: Mapped[UUID | None]
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    pharmacy_id: Mapped[UUID] = mapped_column(ForeignKey("pharmacy.id"))
    quantity: Mapped[Decimal]
    days_supply: Mapped[int | None]
    dispensed_at: Mapped[datetime]


_OF_PATIENT = f"patient_id = {ME}"
_FOR_PATIENT = f"patient_id = {ON_BEHALF_OF}"
_CARED_FOR = "careloop_cares_for(patient_id)"
_AT_PHARMACY = f"pharmacy_id = {ME} OR careloop_pharmacy_fills(id)"
_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)
_RESERVES = (
    "refills_used",
    "first_fill_used",
    "refills_beyond",
    "first_fills_beyond",
    "version",
)
_MEDICINES = AccessCategory.MEDICINES
# What is seen of a prescription's past is what is seen of it now.
_SEEN = "EXISTS (SELECT FROM prescription p WHERE p.id = prescription_id)"

rls.protect(
    "prescription",
    *to(ActorKind.PATIENT, SELECT, _OF_PATIENT),
    *to(ActorKind.PATIENT, UPDATE, _OF_PATIENT, columns=_RESERVES),
    *rls.delegated(_MEDICINES, SELECT, confidential="confidential"),
    *rls.delegated(_MEDICINES, UPDATE, confidential="confidential", columns=_RESERVES),
    *to(ActorKind.PHONE, SELECT, _FOR_PATIENT),
    *to(ActorKind.PHONE, UPDATE, _FOR_PATIENT, columns=_RESERVES),
    *to(_CARE_TEAM, SELECT, _CARED_FOR),
    *to(ActorKind.PRACTITIONER, (INSERT, UPDATE), _CARED_FOR),
    *to(ActorKind.STAFF, UPDATE, _CARED_FOR, columns=("early_refill_until", "version")),
    *to(ActorKind.PHARMACY, SELECT, _AT_PHARMACY),
    *to(
        ActorKind.PHARMACY,
        UPDATE,
        _AT_PHARMACY,
        columns=(*_RESERVES, "last_filled_on", "supply_days", "early_refill_until"),
    ),
    *rls.system_access(),
)
rls.protect(
    "prescription_history",
    *to(ActorKind.PATIENT, SELECT, _OF_PATIENT),
    *rls.delegated(_MEDICINES, SELECT, _SEEN),
    *to(_CARE_TEAM, SELECT, _CARED_FOR),
    *to(ActorKind.PRACTITIONER, INSERT, _CARED_FOR),
    *rls.system_access(),
)
rls.protect(
    "duplicate_confirmation",
    *to(_CARE_TEAM, SELECT, _CARED_FOR),
    *to(ActorKind.PRACTITIONER, INSERT, _CARED_FOR),
    *rls.system_access(),
)
rls.protect(
    "dispense",
    *to(ActorKind.PATIENT, SELECT, _OF_PATIENT),
    *rls.delegated(_MEDICINES, SELECT, _SEEN),
    *to(ActorKind.PHONE, SELECT, _FOR_PATIENT),
    *to(_CARE_TEAM, SELECT, _CARED_FOR),
    *to(ActorKind.PHARMACY, (SELECT, INSERT), f"pharmacy_id = {ME}"),
    *rls.system_access(),
)
rls.way_in(
    "careloop_confidential",
    "EXISTS (SELECT FROM prescription WHERE prescription.id = target AND confidential)",
)

death_model.refuse_for_deceased("prescription")

meets(
    FindingKind.MEDICINE,
    "prescription",
    (PrescriptionStatus.ACTIVE, PrescriptionStatus.ON_HOLD),
    "(t.rxnorm_code = o.rxnorm_code OR t.ingredients && o.ingredients)",
    asked="prescriber_id",
)
