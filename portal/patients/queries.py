"""Every SELECT of this slice. Whose rows come back is decided by the database."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Row,
    Text,
    Uuid,
    and_,
    column,
    false,
    func,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Session, undefer

from portal.core.folding import name_key
from portal.core.tables import AuditEntry
from portal.directory.model import Pharmacy, Practitioner, StaffMember
from portal.patients.correction_model import PatientCorrection
from portal.patients.model import CareRole, CareTeamMember, Patient

_BY_MRN = text("SELECT careloop_patient_by_mrn(:mrn, :born)")
_FORMERLY_OF = text(
    "SELECT id FROM careloop_of_number(:mrn) AS found(id) WHERE NOT careloop_number_in_use(:mrn)"
)
_BORN_ON = text("SELECT * FROM careloop_born_on(:born)")
_IS_CONFIDENTIAL = text(
    "SELECT bool_or(careloop_confidential(id)) FROM unnest(CAST(:ids AS uuid[])) AS id"
)
# Whom the actor cares for, found by index once instead of by a policy for each patient there is.
_MINE = func.careloop_my_patients().table_valued(
    column("id", Uuid()),
    column("mrn", Text()),
    column("family_key", Text()),
    column("given_key", Text()),
    column("birth_date", Date()),
)

_NAME = func.coalesce(Practitioner.name, StaffMember.name)
_MEMBER: list[Any] = [
    CareTeamMember.member_id,
    CareTeamMember.member_kind,
    CareTeamMember.role,
    CareTeamMember.started_on,
    _NAME.label("name"),
    func.coalesce(Practitioner.specialty, StaffMember.title).label("title"),
]
_ACCESS: list[Any] = [
    AuditEntry.id,
    AuditEntry.at,
    AuditEntry.actor_kind,
    AuditEntry.action,
    AuditEntry.resource,
    AuditEntry.resource_id,
    AuditEntry.purpose,
    AuditEntry.on_behalf_of,
    func.coalesce(
        Practitioner.name,
        StaffMember.name,
        Pharmacy.name,
        func.careloop_delegate_name(AuditEntry.actor_id, AuditEntry.patient_id),
    ).label("actor_name"),
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a patient is looked for by; each given part must hold."""

    mrn: str | None = None
    name: str | None = None
    birth_date: date | None = None


def patients_like(
    session: Session, wanted: Wanted, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Patient]:
    """The actor's patients by name, one more than `limit`; no duplicates that were merged, whose
    record numbers find the record that stands for them."""
    mine = _MINE.c
    key = (_sorted_by(mine), mine.given_key, mine.id)
    found = select(mine.id)
    if wanted.mrn is not None:
        holders = func.careloop_of_number(wanted.mrn).table_valued(column("id", Uuid()))
        found = found.where(mine.id.in_(select(holders.c.id)))
    if wanted.birth_date is not None:
        found = found.where(mine.birth_date == wanted.birth_date)
    if wanted.name is not None:
        found = found.where(_named(wanted.name))
    if after is not None:
        found = found.where(tuple_(*key) > after)
    page = found.order_by(*key).limit(limit + 1).subquery()
    query = select(Patient).join(page, page.c.id == Patient.id)
    ordered = query.order_by(_sorted_by(Patient), Patient.given_key, Patient.id)
    keys = (undefer(Patient.family_key), undefer(Patient.given_key))
    return session.scalars(ordered.options(*keys)).all()


def _named(name: str) -> ColumnElement[bool]:
    """Of a name that has each of the words; the family's name stands last, and first as well,
    where names are written without a blank."""
    mine, words = _MINE.c, name_key(name).split()
    names = func.concat(mine.given_key, " ", mine.family_key, mine.given_key)
    has_each = [names.contains(word, autoescape=True) | _formerly(word) for word in words]
    return and_(*has_each) if has_each else false()


def _sorted_by(names: Any) -> ColumnElement[str]:
    """By what people stand in a list first: the family's name, or the one name that there is."""
    return func.coalesce(func.nullif(names.family_key, ""), names.given_key)


def _formerly(word: str) -> ColumnElement[bool]:
    """Of somebody in whose former names a word is, as name_key() has it."""
    before = PatientCorrection.before
    name = func.concat(before["given_name"].astext, " ", before["family_name"].astext)
    key = func.careloop_name_key(name)
    of_them = select(PatientCorrection.patient_id).where(key.contains(word, autoescape=True))
    return _MINE.c.id.in_(of_them)


def lock_patient(
    session: Session, patient_id: UUID, *, against_new_rows: bool = False
) -> Patient | None:
    """A record, locked until the transaction ends; also so that no new row can name it."""
    lock = {"key_share": not against_new_rows}
    return session.get(Patient, patient_id, with_for_update=lock, populate_existing=True)


def care_team(session: Session, patient_id: UUID) -> Sequence[Row[Any]]:
    """Who cares for a patient now, the primary practitioner first."""
    query = (
        select(*_MEMBER)
        .outerjoin(Practitioner, Practitioner.id == CareTeamMember.member_id)
        .outerjoin(StaffMember, StaffMember.id == CareTeamMember.member_id)
        .where(CareTeamMember.patient_id == patient_id, CareTeamMember.ended_on.is_(None))
        .order_by(
            CareTeamMember.role != CareRole.PRIMARY,
            CareTeamMember.started_on,
            func.careloop_name_key(_NAME),
        )
    )
    return session.execute(query).all()


def accesses(
    session: Session, patient_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row[Any]]:
    """Who did what with a patient's record, newest first, one more than `limit`."""
    query = (
        select(*_ACCESS)
        .outerjoin(Practitioner, Practitioner.id == AuditEntry.actor_id)
        .outerjoin(StaffMember, StaffMember.id == AuditEntry.actor_id)
        .outerjoin(Pharmacy, Pharmacy.id == AuditEntry.actor_id)
        .where(AuditEntry.patient_id == patient_id)
    )
    if after is not None:
        query = query.where(tuple_(AuditEntry.at, AuditEntry.id) < after)
    ordered = query.order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
    return session.execute(ordered.limit(limit + 1)).all()


def surviving(session: Session, patient_id: UUID) -> UUID | None:
    """The record that stands for a patient; None for nobody's id."""
    found: UUID | None = session.scalar(select(func.careloop_surviving(patient_id)))
    return found


def has_address(session: Session, patient_id: UUID) -> bool:
    """Whether something can be sent to a patient; the address itself isn't for everybody."""
    return bool(session.scalar(select(func.careloop_has_address(patient_id))))


def clinic_of(session: Session, patient_id: UUID) -> UUID | None:
    """The clinic of a patient whom the actor may see."""
    return session.execute(select(Patient.clinic_id).where(Patient.id == patient_id)).scalar()


def primary_of(session: Session, patient_id: UUID) -> UUID | None:
    query = (
        select(Practitioner.id)
        .join(CareTeamMember, CareTeamMember.member_id == Practitioner.id)
        .where(
            CareTeamMember.patient_id == patient_id,
            CareTeamMember.ended_on.is_(None),
            CareTeamMember.role == CareRole.PRIMARY,
            Practitioner.active,
        )
    )
    return session.execute(query).scalar()


def language_of(session: Session, patient_id: UUID) -> str | None:
    return session.execute(select(Patient.language).where(Patient.id == patient_id)).scalar()


def is_confidential(session: Session, ids: Collection[UUID]) -> bool:
    """Whether one of these is, or hangs on, something that is kept from delegates."""
    return bool(session.scalar(_IS_CONFIDENTIAL, {"ids": list(ids)}))


def patient_by_mrn(session: Session, mrn: str, born: date) -> UUID | None:
    """Who has this record number and birth date, whoever asks: for exceptional access alone."""
    found: UUID | None = session.execute(_BY_MRN, {"mrn": mrn, "born": born}).scalar()
    return found


def formerly_of(session: Session, mrn: str) -> Sequence[UUID]:
    """Whose a record number was that is nobody's now, whoever asks."""
    return session.execute(_FORMERLY_OF, {"mrn": mrn}).scalars().all()


def born_on(session: Session, born: date) -> Sequence[Row[Any]]:
    """Who was born on a day, by every name that they have or had, whoever asks."""
    return session.execute(_BORN_ON, {"born": born}).all()


def number_key(session: Session, mrn: str) -> str:
    """A record number as the database compares it."""
    key: str = session.execute(select(func.careloop_number_key(mrn))).scalar_one()
    return key
