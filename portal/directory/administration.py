"""What administrators write into the directory."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.core.errors import FieldError, Invalid
from portal.core.ids import new_id
from portal.directory.errors import ClinicUnknown, ClosureExists, NcpdpIdTaken
from portal.directory.model import Clinic, ClinicClosure, Pharmacy
from portal.directory.service import get_pharmacy


def add_pharmacy(
    *, session: Session, actor: Actor, command: Mapping[str, Any], now: datetime
) -> Pharmacy:
    """Raises NcpdpIdTaken when another pharmacy has the identifier."""
    pharmacy = Pharmacy(id=new_id(), **command)
    session.add(pharmacy)
    _flush_pharmacy(session)
    audit.record(
        session, actor, "create", "pharmacy", patient_id=None, resource_id=pharmacy.id, at=now
    )
    return pharmacy


def change_pharmacy(
    *, session: Session, actor: Actor, pharmacy_id: UUID, command: Mapping[str, Any], now: datetime
) -> Pharmacy:
    """Change the named columns. Raises PharmacyUnknown, NcpdpIdTaken."""
    pharmacy = get_pharmacy(session, pharmacy_id)
    for name, value in command.items():
        setattr(pharmacy, name, value)
    _flush_pharmacy(session)
    audit.record(
        session, actor, "update", "pharmacy", patient_id=None, resource_id=pharmacy.id, at=now
    )
    return pharmacy


def _flush_pharmacy(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        raise NcpdpIdTaken() from error


def close_clinic(
    *, session: Session, actor: Actor, clinic_id: UUID, command: Mapping[str, Any], now: datetime
) -> ClinicClosure:
    """Close a clinic for a day: business hours counted from now on pass over it.

    Raises ClinicUnknown, ClosureExists, Invalid for a day that is over.
    """
    clinic = session.get(Clinic, clinic_id)
    if clinic is None:
        raise ClinicUnknown()
    if command["day"] < local_day(now, clinic.time_zone):
        raise Invalid(errors=[FieldError("/day", "Is over already.")])
    if session.get(ClinicClosure, (clinic_id, command["day"])) is not None:
        raise ClosureExists()
    closure = ClinicClosure(clinic_id=clinic_id, **command)
    session.add(closure)
    try:
        session.flush()
    except IntegrityError as error:
        raise ClosureExists() from error
    audit.record(session, actor, "update", "clinic", patient_id=None, resource_id=clinic_id, at=now)
    return closure
