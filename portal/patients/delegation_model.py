"""Who may act for a patient: delegations, their history, parents' access by age, and the functions
by which every row policy asks for them."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import AccessCategory, Actor, ActorKind
from portal.core.db import ACCESS_ENDED, ACCESS_NARROWED, Base, names_patient, one_of
from portal.core.history import History
from portal.core.rls import INSERT, ME, ON_BEHALF_OF, SELECT, UPDATE, to
from portal.patients.death_model import IS_DECEASED
from portal.patients.delegation_rules import ParentalBounds
from portal.patients.delegation_states import (
    DELEGATION,
    DelegationKind,
    DelegationStatus,
    Relationship,
)

_BOUNDS = ParentalBounds()


def _array(categories: Iterable[str]) -> str:
    listed = ", ".join(f"'{category}'" for category in sorted(categories))
    return f"ARRAY[{listed}]::text[]"


_KNOWN = f"<@ {_array(AccessCategory)}"


class Delegate(Base):
    """Somebody who acts for patients and has no record of their own."""

    __tablename__ = "delegate"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]


class Delegation(Base):
    """A person may act for a patient, in some categories, from one day to another (both included,
    by the clinic's time zone).

    `delegate_id` is the person, a patient or a Delegate, and empty until the workers have found or
    made the account that belongs to `email`. A parent's `categories` are narrowed by the child's
    age.
    """

    __tablename__ = "delegation"
    __table_args__ = (
        one_of("kind", DelegationKind),
        one_of("status", DelegationStatus),
        one_of("relationship", Relationship),
        CheckConstraint(f"categories {_KNOWN} AND cardinality(categories) > 0", name="categories"),
        CheckConstraint("ends_on >= starts_on", name="period"),
        CheckConstraint("(status = 'revoked') = (revoked_at IS NOT NULL)", name="revoked"),
        CheckConstraint("(delegate_id IS NULL) = (delegate_kind IS NULL)", name="person"),
        Index("ix_delegation_patient", "patient_id", "offered_at", "id"),
        Index("ix_delegation_delegate", "delegate_id", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    delegate_id: Mapped[UUID | None] = mapped_column(
        info=names_patient("delegate_kind = 'patient'")
    )
    delegate_kind: Mapped[str | None]
    delegate_name: Mapped[str]
    email: Mapped[str]
    kind: Mapped[str]
    relationship: Mapped[str]
    status: Mapped[str]
    categories: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    notify: Mapped[bool] = mapped_column(server_default=text("true"))
    offered_at: Mapped[datetime]
    offered_by: Mapped[UUID]
    answered_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(server_default=text("1"))

    __mapper_args__ = {"version_id_col": version}

    def move_to(
        self, status: DelegationStatus, *, actor: Actor, now: datetime, reason: str | None = None
    ) -> "DelegationHistory":
        """The history row of the move. Raises IllegalTransition when the table has no such move."""
        before = DelegationStatus(self.status)
        DELEGATION.check(before, status, actor.kind)
        self.status = status
        if status == DelegationStatus.REVOKED:
            self.revoked_at = now
            self.revoked_by = actor.id
        else:
            self.answered_at = now
        return DelegationHistory.of(self, before, actor=actor, now=now, reason=reason)


class DelegationHistory(History):
    """One step of a delegation: what it gave from then on, by whom and why. The reason is the
    patient's and the clinic's; delegates don't see it."""

    __tablename__ = "delegation_history"
    __table_args__ = (Index("ix_delegation_history_delegation", "delegation_id", "at", "id"),)

    delegation_id: Mapped[UUID] = mapped_column(ForeignKey("delegation.id"))
    categories: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    reason: Mapped[str | None]

    @classmethod
    def of(
        cls,
        delegation: Delegation,
        before: DelegationStatus | None,
        *,
        actor: Actor,
        now: datetime,
        reason: str | None = None,
    ) -> "DelegationHistory":
        return cls.step(
            delegation,
            before,
            actor=actor,
            now=now,
            delegation_id=delegation.id,
            categories=list(delegation.categories),
            starts_on=delegation.starts_on,
            ends_on=delegation.ends_on,
            reason=reason,
        )


class ParentalAccess(Base):
    """A clinic's own bounds for parents' access; without a row ParentalBounds' hold."""

    __tablename__ = "parental_access"
    __table_args__ = (
        CheckConstraint(
            "full_until BETWEEN 0 AND limited_until AND limited_until <= 26", name="ages"
        ),
        CheckConstraint(f"limited {_KNOWN}", name="limited"),
    )

    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinic.id"), primary_key=True)
    full_until: Mapped[int]
    limited_until: Mapped[int]
    limited: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    changed_at: Mapped[datetime]
    changed_by: Mapped[UUID]


_OF_PATIENT = f"patient_id = {ME}"
_CARED_FOR = "careloop_cares_for(patient_id)"
_MINE = f"delegate_id = {ME}"
_GRANTED_BY_ME = f"{_OF_PATIENT} AND kind = 'granted'"
_ENDS = ("status", "revoked_at", "revoked_by", "version")

rls.protect(
    "delegate",
    *to(ActorKind.DELEGATE, SELECT, f"id = {ME}"),
    *rls.system_access(),
)
# Who answers an offer, or gives up what they have, does so as a delegate, also where they are a
# patient themselves.
rls.protect(
    "delegation",
    *to(ActorKind.PATIENT, SELECT, _OF_PATIENT),
    *to(ActorKind.PATIENT, INSERT, _GRANTED_BY_ME),
    *to(
        ActorKind.PATIENT,
        UPDATE,
        _GRANTED_BY_ME,
        columns=(*_ENDS, "categories", "starts_on", "ends_on"),
    ),
    *to(ActorKind.DELEGATE, SELECT, _MINE),
    *to(ActorKind.DELEGATE, UPDATE, _MINE, columns=(*_ENDS, "answered_at", "notify")),
    *to((ActorKind.PRACTITIONER, ActorKind.STAFF), SELECT, _CARED_FOR),
    *to(ActorKind.STAFF, INSERT, f"{_CARED_FOR} AND kind = 'parental'"),
    *to(ActorKind.STAFF, UPDATE, _CARED_FOR, columns=_ENDS),
    *rls.system_access(),
)
rls.protect(
    "delegation_history",
    *to(ActorKind.PATIENT, (SELECT, INSERT), _OF_PATIENT),
    *to((ActorKind.PRACTITIONER, ActorKind.STAFF), SELECT, _CARED_FOR),
    *to(ActorKind.STAFF, INSERT, _CARED_FOR),
    *to(
        ActorKind.DELEGATE,
        INSERT,
        "EXISTS (SELECT FROM delegation d WHERE d.id = delegation_id "
        "AND d.patient_id = delegation_history.patient_id)",
    ),
    *rls.system_access(),
)
rls.share(
    "parental_access",
    *to(tuple(kind for kind in ActorKind if kind not in rls.SYSTEM), SELECT),
    *to(ActorKind.ADMINISTRATOR, (INSERT, UPDATE)),
    *rls.system_access(),
)

# What somebody may have of a patient's record at a moment: what was accepted, within its period and
# within what the child's age leaves of it. Days and birthdays are the clinic's. After the patient's
# death it goes on for as long as their clinic lets it, to be read alone.
rls.owned_function(
    "careloop_delegated_categories(of_delegate uuid, of_patient uuid, moment timestamptz)",
    "text[]",
    f"""
    SELECT coalesce(array_agg(DISTINCT given.category), '{{}}')
    FROM delegation d
    JOIN patient p ON p.id = d.patient_id
    JOIN clinic c ON c.id = p.clinic_id
    LEFT JOIN parental_access b ON b.clinic_id = c.id
    LEFT JOIN patient_death died ON died.patient_id = p.id AND died.standing
    LEFT JOIN access_after_death a ON a.clinic_id = c.id
    CROSS JOIN LATERAL (SELECT (moment AT TIME ZONE c.time_zone)::date AS today) local
    CROSS JOIN LATERAL (
        SELECT extract(year FROM age(local.today, p.birth_date)) AS years) reached
    CROSS JOIN LATERAL unnest(d.categories) AS given(category)
    WHERE d.delegate_id = of_delegate AND d.patient_id = of_patient AND d.status = 'accepted'
      AND d.starts_on <= local.today AND (d.ends_on IS NULL OR local.today <= d.ends_on)
      AND (died.id IS NULL OR moment < died.recorded_at + make_interval(days => a.days))
      AND (d.kind = 'granted'
           OR reached.years < coalesce(b.full_until, {_BOUNDS.full_until})
           OR (reached.years < coalesce(b.limited_until, {_BOUNDS.limited_until})
               AND given.category = ANY(coalesce(b.limited, {_array(_BOUNDS.limited)}))))
    """,
)
# The patient for whom the actor acts, where it is in this category now; else nobody.
rls.owned_function(
    "careloop_delegated(category text)",
    "uuid",
    f"""
    SELECT {ON_BEHALF_OF}
    WHERE category = ANY(careloop_delegated_categories({ME}, {ON_BEHALF_OF}, now()))
    """,
)
# The same in whatever category.
rls.owned_function(
    "careloop_delegated_any()",
    "uuid",
    f"""
    SELECT {ON_BEHALF_OF}
    WHERE cardinality(careloop_delegated_categories({ME}, {ON_BEHALF_OF}, now())) > 0
    """,
)
# Keeps what the actor was given by a patient as it is until the transaction ends, where it is still
# all that they were recognised with.
rls.owned_function(
    "careloop_hold_delegation(recognised text[])",
    "void",
    f"""
    DECLARE given text[];
    BEGIN
        PERFORM FROM delegation d
        WHERE d.delegate_id = {ME} AND d.patient_id = {ON_BEHALF_OF} AND d.status = 'accepted'
        ORDER BY d.id FOR SHARE;
        given := careloop_delegated_categories({ME}, {ON_BEHALF_OF}, now());
        IF cardinality(given) = 0 THEN
            RAISE EXCEPTION 'this access has ended' USING ERRCODE = '{ACCESS_ENDED}';
        ELSIF NOT recognised <@ given THEN
            RAISE EXCEPTION 'this access is less now' USING ERRCODE = '{ACCESS_NARROWED}';
        END IF;
    END
    """,
    language="plpgsql",
)
# Whom a session stands for with what they may have of a patient's record now, and whether there was
# ever a delegation between the two.
rls.owned_function(
    "careloop_delegate_actor(digest bytea, moment timestamptz, of_patient uuid)",
    "TABLE (kind text, id uuid, credential_id uuid, session_id uuid, name text, "
    "categories text[], ended boolean, deceased boolean)",
    f"""
    SELECT a.kind, a.person_id, a.id, s.id, a.name,
           careloop_delegated_categories(a.person_id, of_patient, moment),
           EXISTS (SELECT FROM delegation d WHERE d.delegate_id = a.person_id
                   AND d.patient_id = of_patient AND d.status IN ('accepted', 'revoked')),
           {IS_DECEASED}(of_patient)
    FROM sign_in_session s JOIN account a ON a.id = s.account_id
    WHERE s.token_digest = digest AND s.revoked_at IS NULL AND s.expires_at > moment
      AND a.status = 'active'
    """,
)
# Whose record a delegate was offered or was given, with what stands on a list of them.
rls.owned_function(
    "careloop_delegators()",
    "TABLE (delegation_id uuid, given_name text, family_name text, birth_date date, "
    "time_zone text, clinic_id uuid)",
    f"""
    SELECT d.id, p.given_name, p.family_name, p.birth_date, c.time_zone, c.id
    FROM delegation d JOIN patient p ON p.id = d.patient_id JOIN clinic c ON c.id = p.clinic_id
    WHERE d.delegate_id = {ME} AND d.status IN ('offered', 'accepted')
    """,
)
# Who acted for a patient, by name; of other delegates than themselves, delegates learn none.
rls.owned_function(
    "careloop_delegate_name(of_delegate uuid, of_patient uuid)",
    "text",
    f"""
    SELECT d.delegate_name FROM delegation d
    WHERE d.delegate_id = of_delegate AND d.patient_id = of_patient
      AND (current_setting('role') <> '{ActorKind.DELEGATE.database_role}'
           OR d.delegate_id = {ME})
    ORDER BY d.offered_at DESC LIMIT 1
    """,
)
# A delegate sees no address: only that something can be sent to one.
rls.owned_function(
    "careloop_has_address(of_patient uuid)",
    "boolean",
    "SELECT line IS NOT NULL FROM patient WHERE id = of_patient",
)
