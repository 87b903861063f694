"""Who and what there is: nothing here belongs to a patient, so there are no row policies."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, validates

from portal.core import rls
from portal.core.actor import PEOPLE, ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import INSERT, ME, SELECT, UPDATE, to
from portal.directory.hours import read_hours

# As people sort names: see portal.core.folding.name_key.
_BY_NAME = "careloop_name_key(name)"


class PoolKind(StrEnum):
    NURSES = "nurses"
    CLINIC_STAFF = "clinic_staff"
    PHARMACY_LIAISON = "pharmacy_liaison"


class LaboratoryKind(StrEnum):
    """What a place does: tests of specimens, or imaging."""

    LABORATORY = "laboratory"
    RADIOLOGY = "radiology"


class Transport(StrEnum):
    """How a laboratory gets its orders: pushed as HL7 v2 over MLLP, or pulled from its feed."""

    MLLP = "mllp"
    FEED = "feed"


class MemberKind(StrEnum):
    PRACTITIONER = "practitioner"
    STAFF = "staff"


class Clinic(Base):
    """A place of care, with the time zone by which its days and hours count."""

    __tablename__ = "clinic"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    time_zone: Mapped[str]
    phone: Mapped[str]


class ClinicHours(Base):
    """Opening hours on one day of the week (0 = Monday), local time."""

    __tablename__ = "clinic_hours"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("opens < closes", name="order"),
    )

    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinic.id"), primary_key=True)
    weekday: Mapped[int] = mapped_column(primary_key=True)
    opens: Mapped[time]
    closes: Mapped[time]


class ClinicClosure(Base):
    """A day on which the clinic is closed."""

    __tablename__ = "clinic_closure"

    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinic.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    reason: Mapped[str]


class Pool(Base):
    """A team that shares a worklist."""

    __tablename__ = "pool"
    __table_args__ = (one_of("kind", PoolKind), UniqueConstraint("clinic_id", "kind"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinic.id"))
    kind: Mapped[str]
    name: Mapped[str]


class PoolMember(Base):
    """Membership of a practitioner or staff member in a pool; leads answer last."""

    __tablename__ = "pool_member"
    __table_args__ = (
        one_of("member_kind", MemberKind),
        Index("ix_pool_member_member", "member_id"),
        Index("uq_pool_member_lead", "pool_id", unique=True, postgresql_where=text("lead")),
    )

    pool_id: Mapped[UUID] = mapped_column(ForeignKey("pool.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_kind: Mapped[str]
    lead: Mapped[bool] = mapped_column(server_default=text("false"))


class Practitioner(Base):
    """Somebody who decides: a physician, nurse practitioner or physician assistant."""

    __tablename__ = "practitioner"
    __table_args__ = (Index("ix_practitioner_name", text(_BY_NAME), "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinic.id"), index=True)
    pool_id: Mapped[UUID] = mapped_column(ForeignKey("pool.id"))
    name: Mapped[str]
    specialty: Mapped[str]
    npi: Mapped[str | None] = mapped_column(unique=True)
    active: Mapped[bool] = mapped_column(server_default=text("true"))


class StaffMember(Base):
    """Somebody of the clinic's staff."""

    __tablename__ = "staff_member"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinic.id"), index=True)
    name: Mapped[str]
    title: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default=text("true"))


class Coverage(Base):
    """Who covers for a practitioner who is away, and when."""

    __tablename__ = "coverage"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="order"),
        CheckConstraint("practitioner_id <> covering_id", name="somebody_else"),
        Index("ix_coverage_practitioner", "practitioner_id", "ends_at"),
        Index("ix_coverage_covering", "covering_id", "ends_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practitioner_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    covering_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]


class Pharmacy(Base):
    """Where prescriptions are filled; a mail-order one ships only.

    `hours` is for people to read. `opening` is the same for reckoning, in the pharmacy's time zone:
    the weekdays (0 = Monday) on which it is open, each with from when to when. Without it the
    pharmacy counts as always open.
    """

    __tablename__ = "pharmacy"
    __table_args__ = (Index("ix_pharmacy_name", text(_BY_NAME), "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    ncpdp_id: Mapped[str | None] = mapped_column(unique=True)
    phone: Mapped[str]
    line: Mapped[str]
    city: Mapped[str]
    state: Mapped[str]
    postal_code: Mapped[str]
    hours: Mapped[str]
    opening: Mapped[dict[str, Any] | None]
    time_zone: Mapped[str]
    mail_order: Mapped[bool] = mapped_column(server_default=text("false"))
    mails: Mapped[bool] = mapped_column(server_default=text("false"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))

    @validates("hours")
    def _reckon(self, _name: str, hours: str) -> str:
        """What is written is reckoned with, where it can be read."""
        self.opening = read_hours(hours)
        return hours


class Laboratory(Base):
    """Where orders are carried out: a laboratory, or a radiology department.

    `application` and `facility` are how it names itself in MSH-3 and MSH-4, first components; what
    comes under other names over MLLP is nobody's until somebody has looked at it.
    """

    __tablename__ = "laboratory"
    __table_args__ = (
        one_of("kind", LaboratoryKind),
        one_of("transport", Transport),
        UniqueConstraint("application", "facility"),
        CheckConstraint(
            "transport <> 'mllp' OR (mllp_host IS NOT NULL AND mllp_port IS NOT NULL)",
            name="address",
        ),
        Index("ix_laboratory_name", text(_BY_NAME), "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    clia: Mapped[str | None] = mapped_column(unique=True)
    phone: Mapped[str]
    line: Mapped[str]
    city: Mapped[str]
    state: Mapped[str]
    postal_code: Mapped[str]
    hours: Mapped[str]
    time_zone: Mapped[str]
    application: Mapped[str]
    facility: Mapped[str]
    transport: Mapped[str]
    mllp_host: Mapped[str | None]
    mllp_port: Mapped[int | None]
    mllp_tls: Mapped[bool] = mapped_column(server_default=text("false"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))


# Accounts know no directory: this tells them whether a client's organization is in it.
rls.owned_function(
    "careloop_organization_exists(of_kind text, organization uuid)",
    "boolean",
    """
    SELECT CASE of_kind
        WHEN 'pharmacy' THEN EXISTS (SELECT FROM pharmacy WHERE id = organization)
        WHEN 'laboratory' THEN EXISTS (SELECT FROM laboratory WHERE id = organization)
        ELSE true END
    """,
)

# The clinic at which a member of staff works, as row policies ask for it.
MY_CLINIC = f"(SELECT s.clinic_id FROM staff_member s WHERE s.id = {ME})"

DIRECTORY = (
    "clinic clinic_hours clinic_closure pool pool_member practitioner staff_member pharmacy "
    "laboratory"
)
for _table in DIRECTORY.split():
    rls.share(
        _table,
        *to(tuple(kind for kind in ActorKind if kind not in rls.SYSTEM), SELECT),
        *to(ActorKind.ADMINISTRATOR, (INSERT, UPDATE)),
        *rls.system_access(),
    )
rls.share(
    "coverage",
    *to((*PEOPLE, ActorKind.PHARMACY, ActorKind.PHONE), SELECT),
    *to(
        (ActorKind.PRACTITIONER, ActorKind.STAFF, ActorKind.ADMINISTRATOR),
        (INSERT, UPDATE),
    ),
    *rls.system_access(),
)
