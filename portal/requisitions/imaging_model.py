"""Radiology's appointments: the times that it offers, and who has which."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import PATIENT_SIDE, AccessCategory, Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import INSERT, ME, SELECT, UPDATE, to
from portal.requisitions.states import APPOINTMENT, AppointmentStatus


class ImagingSlot(Base):
    """A time at which a radiology department can take one patient."""

    __tablename__ = "imaging_slot"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="order"),
        Index(
            "uq_imaging_slot_room",
            "laboratory_id",
            "room",
            "starts_at",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        Index("ix_imaging_slot_free", "modality", "starts_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    laboratory_id: Mapped[UUID] = mapped_column(ForeignKey("laboratory.id"))
    modality: Mapped[str]
    room: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class ImagingAppointment(Base):
    """A slot that a requisition has, or had. One booked at a time for either."""

    __tablename__ = "imaging_appointment"
    __table_args__ = (
        one_of("status", AppointmentStatus),
        Index(
            "uq_imaging_appointment_slot",
            "slot_id",
            unique=True,
            postgresql_where=text("status IN ('booked', 'attended', 'no_show')"),
        ),
        Index(
            "uq_imaging_appointment_requisition",
            "requisition_id",
            unique=True,
            postgresql_where=text("status = 'booked'"),
        ),
        Index("ix_imaging_appointment_requisition", "requisition_id", "booked_at"),
        Index("ix_imaging_appointment_patient", "patient_id", "booked_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slot_id: Mapped[UUID] = mapped_column(ForeignKey("imaging_slot.id"))
    requisition_id: Mapped[UUID] = mapped_column(ForeignKey("requisition.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    laboratory_id: Mapped[UUID] = mapped_column(ForeignKey("laboratory.id"))
    status: Mapped[str]
    booked_at: Mapped[datetime]
    booked_by_kind: Mapped[str]
    booked_by: Mapped[UUID]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]
    reason: Mapped[str | None]

    def move_to(
        self, status: AppointmentStatus, *, actor: Actor, now: datetime, reason: str | None = None
    ) -> None:
        """Raises IllegalTransition for an appointment that has ended."""
        APPOINTMENT.check(AppointmentStatus(self.status), status, actor.kind)
        self.status = status
        self.ended_at = now
        self.ended_by = actor.id
        self.reason = reason


_OF_PATIENT = f"patient_id = {ME}"
_CARED_FOR = "careloop_cares_for(patient_id)"
_HERE = f"laboratory_id = {ME}"
_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)

# No patient is in a slot: who has it is in the appointments.
rls.share(
    "imaging_slot",
    *to((*PATIENT_SIDE, *_CARE_TEAM), SELECT),
    *to(ActorKind.LABORATORY, (SELECT, INSERT, UPDATE)),
    *rls.system_access(),
)
rls.protect(
    "imaging_appointment",
    *to(ActorKind.PATIENT, (SELECT, INSERT, UPDATE), _OF_PATIENT),
    *rls.delegated(
        AccessCategory.APPOINTMENTS,
        (SELECT, INSERT, UPDATE),
        "EXISTS (SELECT FROM requisition r WHERE r.id = requisition_id)",
    ),
    *to(_CARE_TEAM, (SELECT, INSERT, UPDATE), _CARED_FOR),
    *to(ActorKind.LABORATORY, (SELECT, UPDATE), _HERE),
    *rls.system_access(),
)
# Which slots are free is for everybody who may book one; whose the others are is not.
rls.owned_function(
    "careloop_slot_taken(slot uuid)",
    "boolean",
    """
    SELECT EXISTS (SELECT FROM imaging_appointment
                   WHERE slot_id = slot AND status IN ('booked', 'attended', 'no_show'))
    """,
)
