"""Times that can be booked, and who has which."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.appointments.states import (
    APPOINTMENT,
    AboutKind,
    AppointmentStatus,
    CancellationReason,
)
from portal.core import rls
from portal.core.actor import PATIENT_SIDE, AccessCategory, Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.history import History
from portal.core.rls import INSERT, ME, SELECT, UPDATE, to
from portal.directory.model import MY_CLINIC
from portal.patients import death_model
from portal.patients.merge_findings import meets
from portal.patients.merge_model import FindingKind

ONE_PLACE = "num_nonnulls(laboratory_id, practitioner_id) = 1"


class Slot(Base):
    """A time at which a department's room, or a practitioner, can take one patient.

    `service_type` is what it is for: a modality of imaging (DICOM's code), or a kind of visit.
    The rooms of a department, and practitioners, are at one place at a time: text is given to the
    exclusion as a range of one value, since GiST knows ranges without an extension, and not text.
    """

    __tablename__ = "slot"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="order"),
        CheckConstraint(ONE_PLACE, name="place"),
        CheckConstraint("(laboratory_id IS NULL) OR (room IS NOT NULL)", name="room"),
        ExcludeConstraint(
            (text("textrange(resource, resource, '[]')"), "&&"),
            (text("tstzrange(starts_at, ends_at)"), "&&"),
            using="gist",
            where=text("withdrawn_at IS NULL"),
            name="ex_slot_overlap",
        ),
        Index("ix_slot_laboratory", "laboratory_id", "service_type", "starts_at", "id"),
        Index("ix_slot_practitioner", "practitioner_id", "starts_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    laboratory_id: Mapped[UUID | None] = mapped_column(ForeignKey("laboratory.id"))
    practitioner_id: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"))
    service_type: Mapped[str]
    room: Mapped[str | None]
    resource: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class Appointment(Base):
    """A slot that a patient has, or had. One booked at a time for a slot, and for what it is about.

    The place and the times are its slot's. `minutes` and `not_before` are what it needs, so that it
    can be moved to another slot. A change ends it and books another with the same `calendar_uid`
    and a higher `sequence`, as calendars want it (RFC 5545, 3.8.7.4). `next_reminder_at` is when
    the patient is reminded next.
    """

    __tablename__ = "appointment"
    __table_args__ = (
        one_of("status", AppointmentStatus),
        one_of("about_kind", AboutKind),
        one_of("reason_code", CancellationReason),
        CheckConstraint(ONE_PLACE, name="place"),
        CheckConstraint("(about_kind IS NULL) = (about_id IS NULL)", name="about"),
        CheckConstraint("(status = 'booked') = (ended_at IS NULL)", name="end"),
        CheckConstraint("(status = 'cancelled') = (reason_code IS NOT NULL)", name="reason"),
        Index(
            "uq_appointment_slot",
            "slot_id",
            unique=True,
            postgresql_where=text("status IN ('booked', 'attended', 'no_show')"),
        ),
        Index(
            "uq_appointment_about",
            "about_kind",
            "about_id",
            unique=True,
            postgresql_where=text("status = 'booked'"),
        ),
        Index("ix_appointment_about", "about_id", "booked_at"),
        Index("ix_appointment_patient", "patient_id", "starts_at", "id"),
        Index("ix_appointment_practitioner", "practitioner_id", "starts_at", "id"),
        Index("ix_appointment_laboratory", "laboratory_id", "starts_at", "id"),
        Index("ix_appointment_calendar", "calendar_uid", "sequence", unique=True),
        Index(
            "ix_appointment_reminder",
            "next_reminder_at",
            "id",
            postgresql_where=text("status = 'booked'"),
        ),
        Index("ix_appointment_over", "ends_at", "id", postgresql_where=text("status = 'booked'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slot_id: Mapped[UUID] = mapped_column(ForeignKey("slot.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    laboratory_id: Mapped[UUID | None] = mapped_column(ForeignKey("laboratory.id"))
    practitioner_id: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"))
    about_kind: Mapped[str | None]
    about_id: Mapped[UUID | None]
    service_type: Mapped[str]
    minutes: Mapped[int]
    not_before: Mapped[date | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[str]
    confidential: Mapped[bool] = mapped_column(server_default=text("false"))
    booked_at: Mapped[datetime]
    booked_by_kind: Mapped[str]
    booked_by: Mapped[UUID]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]
    reason_code: Mapped[str | None]
    reason: Mapped[str | None]
    calendar_uid: Mapped[UUID]
    sequence: Mapped[int] = mapped_column(server_default=text("0"))
    next_reminder_at: Mapped[datetime | None]

    def move_to(
        self,
        status: AppointmentStatus,
        *,
        actor: Actor,
        now: datetime,
        reason_code: CancellationReason | None = None,
        reason: str | None = None,
    ) -> "AppointmentHistory":
        """The history row of the move. Raises IllegalTransition for one that has ended."""
        before = AppointmentStatus(self.status)
        APPOINTMENT.check(before, status, actor.kind)
        self.status = status
        self.ended_at = now
        self.ended_by = actor.id
        self.reason_code = reason_code
        self.reason = reason
        self.next_reminder_at = None
        return AppointmentHistory.of(self, before, actor=actor, now=now)


class AppointmentHistory(History):
    """One step of an appointment: who made it, when and why."""

    __tablename__ = "appointment_history"
    __table_args__ = (Index("ix_appointment_history_appointment", "appointment_id", "at", "id"),)

    appointment_id: Mapped[UUID] = mapped_column(ForeignKey("appointment.id"))
    reason_code: Mapped[str | None]
    reason: Mapped[str | None]

    @classmethod
    def of(
        cls,
        appointment: Appointment,
        before: AppointmentStatus | None,
        *,
        actor: Actor,
        now: datetime,
    ) -> "AppointmentHistory":
        return cls.step(
            appointment,
            before,
            actor=actor,
            now=now,
            appointment_id=appointment.id,
            reason_code=appointment.reason_code,
            reason=appointment.reason,
        )


_OF_PATIENT = f"patient_id = {ME}"
_CARED_FOR = "careloop_cares_for(patient_id)"
_WITH_ME = f"practitioner_id = {ME}"
# The staff of a clinic arrange what its practitioners do.
_AT_MY_CLINIC = (
    f"practitioner_id IN (SELECT p.id FROM practitioner p WHERE p.clinic_id = {MY_CLINIC})"
)
_HERE = f"laboratory_id = {ME}"
_SEEN = "EXISTS (SELECT FROM appointment a WHERE a.id = appointment_id)"
CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)
APPOINTMENTS = AccessCategory.APPOINTMENTS

# No patient is in a slot: who has it is in the appointments.
rls.share(
    "slot",
    *to(PATIENT_SIDE, SELECT),
    *to((*CARE_TEAM, ActorKind.LABORATORY), (SELECT, INSERT, UPDATE)),
    *rls.system_access(),
)
rls.protect(
    "appointment",
    *to(ActorKind.PATIENT, (SELECT, INSERT, UPDATE), _OF_PATIENT),
    *rls.delegated(APPOINTMENTS, (SELECT, INSERT, UPDATE), confidential="confidential"),
    *to(CARE_TEAM, (SELECT, INSERT, UPDATE), _CARED_FOR),
    *to(ActorKind.PRACTITIONER, (SELECT, UPDATE), _WITH_ME),
    *to(ActorKind.STAFF, (SELECT, UPDATE), _AT_MY_CLINIC),
    # Whoever keeps somebody's record at the front desk books for them with the clinic's own.
    *to(ActorKind.STAFF, INSERT, f"{_AT_MY_CLINIC} AND careloop_registers(patient_id)"),
    *to(ActorKind.LABORATORY, (SELECT, UPDATE), _HERE),
    *rls.system_access(),
)
rls.protect(
    "appointment_history",
    *to(ActorKind.PATIENT, (SELECT, INSERT), _OF_PATIENT),
    *rls.delegated(APPOINTMENTS, (SELECT, INSERT), _SEEN),
    *to((*CARE_TEAM, ActorKind.LABORATORY), (SELECT, INSERT), _SEEN),
    *rls.system_access(),
)
# Who sees a patient, or has just seen one, may read their record, as one who cares for them.
rls.way_in(
    "careloop_cares_for",
    f"EXISTS (SELECT FROM appointment a WHERE a.patient_id = target AND a.practitioner_id = {ME} "
    f"AND a.status <> 'cancelled' AND a.starts_at > now() - interval '30 days')",
)
rls.way_in(
    "careloop_confidential",
    "EXISTS (SELECT FROM appointment WHERE appointment.id = target AND confidential)",
)
# Which slots are free is for everybody who may book one; whose the others are is not. One that an
# open offer holds is free for who has that offer.
rls.owned_function(
    "careloop_slot_taken(of_slot uuid, by_offer uuid, moment timestamptz)",
    "boolean",
    """
    SELECT EXISTS (SELECT FROM appointment a WHERE a.slot_id = of_slot
                   AND a.status IN ('booked', 'attended', 'no_show'))
        OR EXISTS (SELECT FROM appointment_offer_slot s
                   JOIN appointment_offer o ON o.id = s.offer_id
                   WHERE s.slot_id = of_slot AND o.status = 'open' AND o.expires_at > moment
                   AND o.id IS DISTINCT FROM by_offer)
    """,
)

death_model.refuse_for_deceased("appointment")
# What came of a time that has begun is asked as ever.
death_model.must_end("appointment", [AppointmentStatus.BOOKED], when="t.starts_at > d.recorded_at")
meets(
    FindingKind.APPOINTMENT,
    "appointment",
    (AppointmentStatus.BOOKED,),
    "t.starts_at < o.ends_at AND o.starts_at < t.ends_at AND o.ends_at > :now",
    asked="practitioner_id",
)
