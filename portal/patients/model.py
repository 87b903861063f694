"""Patients, who cares for them, and time-limited exceptional access."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import AccessCategory, ActorKind
from portal.core.db import Base, one_of
from portal.core.names import full_name
from portal.core.rls import INSERT, ME, ON_BEHALF_OF, SELECT, UPDATE, to
from portal.directory.model import PoolKind
from portal.patients.identity import IdentityField, number_key_sql

# How often a record's survivor may itself have been merged.
MAX_MERGES = 32


class Sex(StrEnum):
    """Administrative gender (FHIR R4)."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


class CareRole(StrEnum):
    PRIMARY = "primary"
    SPECIALIST = "specialist"
    CARE_COORDINATOR = "care_coordinator"


class Patient(Base):
    """Somebody who is cared for.

    One name alone is a name: the other part is empty. A duplicate that was merged names the record
    that stands for it, when that was done and why. `registered_by` is who of the staff made it.
    The keys are the names as they are found, compared and sorted: without case, accents and signs
    (`portal.core.folding.name_key`).
    """

    __tablename__ = "patient"
    __table_args__ = (
        one_of("sex", Sex),
        CheckConstraint("given_name <> '' OR family_name <> ''", name="name"),
        Index("uq_patient_mrn", text(number_key_sql("mrn")), unique=True),
        Index("ix_patient_birth_date", "birth_date"),
        Index(
            "ix_patient_registered_by",
            "registered_by",
            postgresql_where=text("registered_by IS NOT NULL"),
        ),
        Index(
            "ix_patient_merged_into",
            "merged_into_id",
            postgresql_where=text("merged_into_id IS NOT NULL"),
        ),
        CheckConstraint(
            "(merged_into_id IS NULL) = (merged_at IS NULL) "
            "AND (merged_into_id IS NULL) = (merge_reason IS NULL) AND merged_into_id <> id",
            name="merge",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    mrn: Mapped[str]
    given_name: Mapped[str]
    family_name: Mapped[str]
    given_key: Mapped[str] = mapped_column(
        Computed("careloop_name_key(given_name)", persisted=True), deferred=True
    )
    family_key: Mapped[str] = mapped_column(
        Computed("careloop_name_key(family_name)", persisted=True), deferred=True
    )
    birth_date: Mapped[date]
    sex: Mapped[str]
    phone: Mapped[str | None]
    line: Mapped[str | None]
    city: Mapped[str | None]
    state: Mapped[str | None]
    postal_code: Mapped[str | None]
    time_zone: Mapped[str]
    language: Mapped[str] = mapped_column(server_default=text("'en'"))
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinic.id"), index=True)
    preferred_pharmacy_id: Mapped[UUID | None] = mapped_column(ForeignKey("pharmacy.id"))
    preferred_laboratory_id: Mapped[UUID | None] = mapped_column(ForeignKey("laboratory.id"))
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("patient.id"), index=True)
    merged_at: Mapped[datetime | None]
    merge_reason: Mapped[str | None]
    registered_by: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime]

    # Who registers somebody may not see the record yet, and so gets no generated column back.
    __mapper_args__ = {"eager_defaults": False}

    @property
    def name(self) -> str:
        return full_name(self.given_name, self.family_name)


class CareTeamMember(Base):
    """A practitioner or staff member who cares for a patient."""

    __tablename__ = "care_team_member"
    __table_args__ = (
        one_of("role", CareRole),
        Index("ix_care_team_member_member", "member_id", "patient_id"),
        Index(
            "uq_care_team_member_primary",
            "patient_id",
            unique=True,
            postgresql_where=text("role = 'primary' AND ended_on IS NULL"),
        ),
    )

    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_kind: Mapped[str]
    role: Mapped[str]
    started_on: Mapped[date]
    ended_on: Mapped[date | None]


class BreakGlassGrant(Base):
    """Access in an exceptional case: for a reason, for a limited time, and reviewed."""

    __tablename__ = "break_glass_grant"
    __table_args__ = (
        CheckConstraint("expires_at > granted_at", name="order"),
        CheckConstraint("length(reason) >= 10", name="reason"),
        Index("ix_break_glass_grant_grantee", "grantee_id", "patient_id", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    grantee_id: Mapped[UUID]
    grantee_kind: Mapped[str]
    reason: Mapped[str]
    granted_at: Mapped[datetime]
    expires_at: Mapped[datetime]


# The clinics at whose front desk (the pool of the clinic's staff) a member of staff works: of all
# the clinic's patients they see who it is and how to reach them, and nothing clinical.
FRONT_DESKS = (
    f"ARRAY(SELECT d.clinic_id FROM pool d JOIN pool_member m ON m.pool_id = d.id "
    f"WHERE d.kind = '{PoolKind.CLINIC_STAFF}' AND m.member_kind = 'staff' "
    f"AND m.member_id = {ME})"
)


# Of a record's identity; the clinic is corrected by a function.
CORRECTED_HERE = tuple(field for field in IdentityField if field != IdentityField.CLINIC)


def _registers(table: str) -> str:
    return f"{table}.clinic_id = ANY({FRONT_DESKS}) OR {table}.registered_by = {ME}"


rls.protect(
    "patient",
    *to(ActorKind.PATIENT, SELECT, f"id = {ME}"),
    *to(
        ActorKind.PATIENT,
        UPDATE,
        f"id = {ME}",
        columns=(
            "phone",
            "line",
            "city",
            "state",
            "postal_code",
            "time_zone",
            "language",
            "preferred_pharmacy_id",
            "preferred_laboratory_id",
            "version",
        ),
    ),
    # Where somebody lives, and how to reach them, is no delegate's business.
    *to(
        ActorKind.DELEGATE,
        SELECT,
        "id = (SELECT careloop_delegated_any())",
        columns=(
            "id",
            "given_name",
            "family_name",
            "birth_date",
            "language",
            "time_zone",
            "clinic_id",
        ),
    ),
    *to(ActorKind.PRACTITIONER, SELECT, "careloop_cares_for(id)"),
    *to(ActorKind.STAFF, SELECT, f"{_registers('patient')} OR careloop_cares_for(id)"),
    *to(ActorKind.STAFF, INSERT),
    *to(
        ActorKind.STAFF,
        UPDATE,
        f"{_registers('patient')} OR careloop_cares_for(id)",
        columns=("merged_into_id", "merged_at", "merge_reason", "version", *CORRECTED_HERE),
    ),
    # To record a death a practitioner locks the record.
    *to(ActorKind.PRACTITIONER, UPDATE, "careloop_cares_for(id)", columns=("version",)),
    *to(ActorKind.PHARMACY, SELECT, "careloop_pharmacy_serves(id)"),
    *to(ActorKind.LABORATORY, SELECT, "careloop_laboratory_serves(id)"),
    *to(ActorKind.PHONE, SELECT, f"id = {ON_BEHALF_OF}"),
    *rls.system_access(),
)
rls.protect(
    "care_team_member",
    *to(ActorKind.PATIENT, SELECT, f"patient_id = {ME}"),
    *rls.delegated(AccessCategory.MESSAGES),  # to whom one can write
    *to((ActorKind.PRACTITIONER, ActorKind.STAFF), SELECT, "careloop_cares_for(patient_id)"),
    *to(ActorKind.STAFF, SELECT, "careloop_registers(patient_id)"),
    *to(ActorKind.PHONE, SELECT, f"patient_id = {ON_BEHALF_OF}"),
    *to(ActorKind.STAFF, INSERT),
    *to(
        ActorKind.STAFF,
        UPDATE,
        "careloop_cares_for(patient_id) OR careloop_registers(patient_id)",
        columns=("role", "ended_on"),
    ),
    *rls.system_access(),
)
rls.protect(
    "break_glass_grant",
    *to((ActorKind.PRACTITIONER, ActorKind.STAFF), (SELECT, INSERT), f"grantee_id = {ME}"),
    *to(ActorKind.PATIENT, SELECT, f"patient_id = {ME}"),
    *rls.system_access(),
)

rls.way_in(
    "careloop_cares_for",
    f"EXISTS (SELECT FROM care_team_member c WHERE c.patient_id = target "
    f"AND c.member_id = {ME} AND c.ended_on IS NULL)",
    usual=True,
)
rls.way_in(
    "careloop_cares_for",
    f"EXISTS (SELECT FROM care_team_member c JOIN practitioner p ON p.id = c.member_id "
    f"JOIN pool_member m ON m.pool_id = p.pool_id AND m.member_kind = 'staff' "
    f"WHERE c.patient_id = target AND c.ended_on IS NULL AND m.member_id = {ME})",
    usual=True,
)
rls.way_in(
    "careloop_cares_for",
    f"EXISTS (SELECT FROM break_glass_grant g WHERE g.patient_id = target "
    f"AND g.grantee_id = {ME} AND g.expires_at > now())",
)

rls.owned_function(
    "careloop_registers(of_patient uuid)",
    "boolean",
    f"SELECT EXISTS (SELECT FROM patient p WHERE p.id = of_patient AND ({_registers('p')}))",
)

# Those whom the actor cares for, for the functions of other slices.
_CARED_FOR_BY_ME = f"""
    SELECT c.patient_id FROM care_team_member c
    WHERE c.member_id = {ME} AND c.ended_on IS NULL
    UNION ALL
    SELECT c.patient_id FROM pool_member m
    JOIN practitioner pr ON pr.pool_id = m.pool_id
    JOIN care_team_member c ON c.member_id = pr.id AND c.ended_on IS NULL
    WHERE m.member_id = {ME} AND m.member_kind = 'staff'
    UNION ALL
    SELECT g.patient_id FROM break_glass_grant g
    WHERE g.grantee_id = {ME} AND g.expires_at > now()
"""
MY_PATIENTS = "careloop_my_patients()"

rls.owned_function(
    MY_PATIENTS,
    "TABLE (id uuid, mrn text, family_key text, given_key text, birth_date date)",
    f"""
    SELECT p.id, p.mrn, p.family_key, p.given_key, p.birth_date FROM patient p
    WHERE p.merged_into_id IS NULL AND p.id IN (
        {_CARED_FOR_BY_ME}
        UNION ALL SELECT id FROM patient WHERE clinic_id = ANY({FRONT_DESKS})
        UNION ALL SELECT id FROM patient WHERE registered_by = {ME})
    """,
)
# Their ids alone, also of records that were merged into others. As an array they are one condition
# of an index, which then takes no longer for what other patients have in it.
MY_PATIENT_IDS = "careloop_my_patient_ids()"
rls.owned_function(MY_PATIENT_IDS, "uuid[]", f"SELECT ARRAY({_CARED_FOR_BY_ME})")
# The record that stands for a patient: the end of the chain of merges, itself where there is none.
# It is the same for everybody, and only an id: who may see that record is another question.
SURVIVING = "careloop_surviving"
rls.owned_function(
    f"{SURVIVING}(target uuid)",
    "uuid",
    f"""
    WITH RECURSIVE chain AS (
        SELECT id, merged_into_id, 0 AS step FROM patient WHERE id = target
        UNION ALL
        SELECT p.id, p.merged_into_id, chain.step + 1
        FROM chain JOIN patient p ON p.id = chain.merged_into_id WHERE chain.step < {MAX_MERGES}
    )
    SELECT id FROM chain WHERE merged_into_id IS NULL
    """,
)
