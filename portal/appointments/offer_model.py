"""Offers of several times, of which the patient takes one, and the wait for an earlier time."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.appointments.states import (
    OFFER,
    WAITING,
    AboutKind,
    OfferStatus,
    WaitingStatus,
)
from portal.core import rls
from portal.core.actor import PATIENT_SIDE, AccessCategory, Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import INSERT, ME, SELECT, UPDATE, to
from portal.patients import death_model

IS_OPEN = text("status = 'open'")
IS_WAITING = text("status = 'waiting'")


class AppointmentOffer(Base):
    """Times that are held for one patient until `expires_at`.

    With `replaces_id` it is an earlier time instead of that appointment. `practitioner_id` and
    `pool_id` answer for what nobody takes: who made the offer, or with whom it would be.
    """

    __tablename__ = "appointment_offer"
    __table_args__ = (
        one_of("status", OfferStatus),
        one_of("about_kind", AboutKind),
        CheckConstraint("(about_kind IS NULL) = (about_id IS NULL)", name="about"),
        CheckConstraint("(status = 'open') = (ended_at IS NULL)", name="end"),
        CheckConstraint("(status = 'accepted') = (appointment_id IS NOT NULL)", name="taken"),
        Index("ix_appointment_offer_patient", "patient_id", "created_at", "id"),
        Index("ix_appointment_offer_expires", "expires_at", "id", postgresql_where=IS_OPEN),
        Index(
            "uq_appointment_offer_replaces",
            "replaces_id",
            unique=True,
            postgresql_where=IS_OPEN,
        ),
        Index("ix_appointment_offer_replaces", "replaces_id"),
        Index("ix_appointment_offer_about", "about_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    about_kind: Mapped[str | None]
    about_id: Mapped[UUID | None]
    minutes: Mapped[int]
    not_before: Mapped[date | None]
    replaces_id: Mapped[UUID | None] = mapped_column(ForeignKey("appointment.id"))
    practitioner_id: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"))
    pool_id: Mapped[UUID] = mapped_column(ForeignKey("pool.id"))
    status: Mapped[str]
    created_at: Mapped[datetime]
    made_by_kind: Mapped[str]
    made_by: Mapped[UUID]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    appointment_id: Mapped[UUID | None] = mapped_column(ForeignKey("appointment.id"))

    def move_to(
        self, status: OfferStatus, *, actor: Actor, now: datetime, reason: str | None = None
    ) -> None:
        """Raises IllegalTransition for an offer that has ended."""
        OFFER.check(OfferStatus(self.status), status, actor.kind)
        self.status = status
        self.ended_at = now
        self.reason = reason


class AppointmentOfferSlot(Base):
    """One of the times of an offer."""

    __tablename__ = "appointment_offer_slot"
    __table_args__ = (Index("ix_appointment_offer_slot_slot", "slot_id"),)

    offer_id: Mapped[UUID] = mapped_column(ForeignKey("appointment_offer.id"), primary_key=True)
    slot_id: Mapped[UUID] = mapped_column(ForeignKey("slot.id"), primary_key=True)


class EarlierWish(Base):
    """A patient with an appointment who would come earlier; the first to ask is asked first."""

    __tablename__ = "earlier_wish"
    __table_args__ = (
        one_of("status", WaitingStatus),
        CheckConstraint("(status = 'waiting') = (ended_at IS NULL)", name="end"),
        Index(
            "uq_earlier_wish_appointment",
            "appointment_id",
            unique=True,
            postgresql_where=IS_WAITING,
        ),
        Index(
            "ix_earlier_wish_waiting",
            "wished_at",
            "id",
            postgresql_where=IS_WAITING,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    appointment_id: Mapped[UUID] = mapped_column(ForeignKey("appointment.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    status: Mapped[str]
    wished_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    def move_to(self, status: WaitingStatus, *, actor: Actor, now: datetime) -> None:
        """Raises IllegalTransition for a wait that has ended."""
        WAITING.check(WaitingStatus(self.status), status, actor.kind)
        self.status = status
        self.ended_at = now


_OF_PATIENT = f"patient_id = {ME}"
_CARED_FOR = "careloop_cares_for(patient_id)"
_SEEN = "EXISTS (SELECT FROM appointment_offer o WHERE o.id = offer_id)"
APPOINTMENTS = AccessCategory.APPOINTMENTS
_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)

rls.protect(
    "appointment_offer",
    *to(ActorKind.PATIENT, (SELECT, UPDATE), _OF_PATIENT),
    *rls.delegated(
        APPOINTMENTS,
        (SELECT, UPDATE),
        confidential="(careloop_confidential(about_id) OR careloop_confidential(replaces_id))",
    ),
    *to(_CARE_TEAM, (SELECT, INSERT, UPDATE), _CARED_FOR),
    *rls.system_access(),
)
rls.protect(
    "appointment_offer_slot",
    *to(PATIENT_SIDE, SELECT, _SEEN),
    *to(_CARE_TEAM, (SELECT, INSERT), _SEEN),
    *rls.system_access(),
)
rls.protect(
    "earlier_wish",
    *to(ActorKind.PATIENT, (SELECT, INSERT, UPDATE), _OF_PATIENT),
    *rls.delegated(
        APPOINTMENTS,
        (SELECT, INSERT, UPDATE),
        "EXISTS (SELECT FROM appointment a WHERE a.id = appointment_id)",
    ),
    *to(_CARE_TEAM, SELECT, _CARED_FOR),
    *rls.system_access(),
)

for _table in ("appointment_offer", "earlier_wish"):
    death_model.refuse_for_deceased(_table)
death_model.must_end("appointment_offer", [OfferStatus.OPEN])
death_model.must_end("earlier_wish", [WaitingStatus.WAITING])
