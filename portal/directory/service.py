"""What the other slices ask of the directory: hours, who answers for whom, teams, pharmacies."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.directory import queries
from portal.directory.errors import (
    ClinicUnknown,
    CoverageUnknown,
    LaboratoryUnknown,
    NoPool,
    PharmacyUnknown,
    PractitionerUnknown,
)
from portal.directory.model import (
    Clinic,
    Coverage,
    Laboratory,
    Pharmacy,
    Pool,
    PoolKind,
    Practitioner,
)
from portal.directory.rules import Calendar, CoverageStep, who_answers


def calendar_of(session: Session, clinic_id: UUID) -> Calendar:
    """The clinic's business calendar. Raises ClinicUnknown."""
    calendar = queries.calendars(session, [clinic_id]).get(clinic_id)
    if calendar is None:
        raise ClinicUnknown()
    return calendar


def calendars_of(session: Session, clinic_ids: Collection[UUID]) -> Mapping[UUID, Calendar]:
    """The calendars of several clinics, in one query."""
    return queries.calendars(session, clinic_ids)


def covering(session: Session, practitioner_id: UUID, now: datetime) -> UUID | None:
    """Who answers at `now` for a practitioner who is away.

    None when the practitioner is there, and when nobody who is there covers.
    """
    answers = who_answers(coverage_chain(session, practitioner_id, now))
    return None if answers == practitioner_id else answers


def coverage_chain(session: Session, practitioner_id: UUID, now: datetime) -> list[CoverageStep]:
    """The way from a practitioner to who answers for them at `now`, themselves first."""
    return queries.coverage_chains(session, [practitioner_id], now).get(practitioner_id, [])


def coverage_chains(
    session: Session, practitioner_ids: Collection[UUID], now: datetime
) -> Mapping[UUID, list[CoverageStep]]:
    """The ways from several practitioners to who answers for each, in one query."""
    return queries.coverage_chains(session, practitioner_ids, now)


def pool_of(session: Session, clinic_id: UUID, kind: PoolKind) -> UUID:
    """The clinic's pool of this kind; a clinic without one falls back to another of its teams.

    Raises NoPool when there is no team at all.
    """
    return _some_pool(queries.pool_id(session, clinic_id, kind))


def operations_pool(session: Session) -> UUID:
    """The pool for what belongs to no patient: a clinic's staff, else any team. Raises NoPool."""
    return _some_pool(queries.pool_id(session, None, PoolKind.CLINIC_STAFF))


def _some_pool(pool_id: UUID | None) -> UUID:
    if pool_id is None:
        raise NoPool()
    return pool_id


def get_pharmacy(session: Session, id_: UUID) -> Pharmacy:
    """Raises PharmacyUnknown."""
    found = session.get(Pharmacy, id_)
    if found is None:
        raise PharmacyUnknown()
    return found


def pharmacies_by_id(session: Session, ids: Collection[UUID]) -> Mapping[UUID, Pharmacy]:
    """Those of the pharmacies that exist, in one query."""
    return queries.pharmacies(session, ids)


def get_laboratory(session: Session, id_: UUID) -> Laboratory:
    """Raises LaboratoryUnknown."""
    found = session.get(Laboratory, id_)
    if found is None:
        raise LaboratoryUnknown()
    return found


def laboratory_of_sender(session: Session, application: str, facility: str) -> Laboratory | None:
    """The active laboratory that names itself so in MSH-3 and MSH-4."""
    return queries.laboratory_of_sender(session, application, facility)


def get_practitioner(session: Session, id_: UUID) -> Practitioner:
    """Raises PractitionerUnknown."""
    found = session.get(Practitioner, id_)
    if found is None:
        raise PractitionerUnknown()
    return found


def get_clinic(session: Session, id_: UUID) -> Clinic:
    """Raises ClinicUnknown."""
    found = session.get(Clinic, id_)
    if found is None:
        raise ClinicUnknown()
    return found


def clinic_of_person(session: Session, person_id: UUID) -> UUID | None:
    """The clinic of an active practitioner or member of staff; None for anybody else."""
    return queries.clinic_of_person(session, person_id)


def get_coverage(session: Session, id_: UUID) -> Coverage:
    """Raises CoverageUnknown."""
    found = session.get(Coverage, id_)
    if found is None:
        raise CoverageUnknown()
    return found


def calendar_of_pool(session: Session, pool_id: UUID) -> Calendar:
    """The business calendar of a pool's clinic. Raises NoPool."""
    pool = session.get(Pool, pool_id)
    if pool is None:
        raise NoPool()
    return calendar_of(session, pool.clinic_id)
