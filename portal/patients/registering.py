"""Registering a patient, and the rules that hold for whoever somebody is said to be."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.core.errors import FieldError, Invalid
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.directory.errors import PractitionerUnknown
from portal.directory.model import Practitioner
from portal.patients import service
from portal.patients.duplicates import check_new_person
from portal.patients.errors import MrnTaken, UnusableReference
from portal.patients.model import CareRole, Patient

OLDEST = 130


def register_patient(
    *,
    session: Session,
    actor: Actor,
    command: Mapping[str, Any],
    confirmed: bool = False,
    now: datetime,
) -> Patient:
    """A new patient with a primary practitioner, in that practitioner's clinic.

    Raises UnusableReference, Invalid for a birth date that can't be, MrnTaken, and
    PossibleDuplicate unless it was `confirmed` that this is somebody else.
    """
    values = dict(command)
    primary = _practitioner(session, values.pop("primary_practitioner_id"))
    check_names(values["given_name"], values["family_name"])
    check_birth(session, primary.clinic_id, values["birth_date"], now)
    service.check_preferred(session, values)
    if not confirmed:
        check_new_person(
            session,
            given_name=values["given_name"],
            family_name=values["family_name"],
            birth_date=values["birth_date"],
            mrn=values["mrn"],
        )
    patient = Patient(
        id=new_id(),
        clinic_id=primary.clinic_id,
        registered_by=actor.id,
        created_at=now,
        version=1,
        **values,
    )
    session.add(patient)
    try:
        session.flush()
    except IntegrityError:
        raise MrnTaken() from None
    service.add_member(session, patient, primary.id, CareRole.PRIMARY, now)
    audit.record(
        session, actor, "create", "patient", patient_id=patient.id, resource_id=patient.id, at=now
    )
    return patient


def _practitioner(session: Session, id_: UUID) -> Practitioner:
    try:
        return directory.get_practitioner(session, id_)
    except PractitionerUnknown:
        raise UnusableReference(
            "/primary_practitioner_id", "No such practitioner: choose one of GET /practitioners."
        ) from None


def check_birth(session: Session, clinic_id: UUID, born: date, now: datetime) -> None:
    """A birth date lies in the past as the clinic's calendar has it. Raises Invalid."""
    today = local_day(now, directory.get_clinic(session, clinic_id).time_zone)
    if born > today or born.year < today.year - OLDEST:
        message = f"A day within the last {OLDEST} years, please."
        raise Invalid(message, errors=[FieldError("/birth_date", message)])


def check_names(given_name: str, family_name: str) -> None:
    """One name alone is a name; none is not. Raises Invalid."""
    if not (given_name or family_name):
        message = "Give a family name or a given name; one name alone is enough."
        raise Invalid(message, errors=[FieldError("/family_name", message)])
