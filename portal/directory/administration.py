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
from portal.core.errors import Conflict, FieldError, Invalid
from portal.core.ids import new_id
from portal.directory.errors import (
    ClinicUnknown,
    ClosureExists,
    LaboratoryTaken,
    NcpdpIdTaken,
)
from portal.directory.model import Clinic, ClinicClosure, Laboratory, Pharmacy, Transport
from portal.directory.service import get_laboratory, get_pharmacy


def add_pharmacy(
    *, session: Session, actor: Actor, command: Mapping[str, Any], now: datetime
) -> Pharmacy:
    """Raises NcpdpIdTaken when another pharmacy has the identifier."""
    pharmacy = Pharmacy(id=new_id(), **command)
    session.add(pharmacy)
    _save(session, actor, "create", pharmacy, NcpdpIdTaken, now)
    return pharmacy


def change_pharmacy(
    *, session: Session, actor: Actor, pharmacy_id: UUID, command: Mapping[str, Any], now: datetime
) -> Pharmacy:
    """Change the named columns. Raises PharmacyUnknown, NcpdpIdTaken."""
    pharmacy = get_pharmacy(session, pharmacy_id)
    _set(pharmacy, command)
    _save(session, actor, "update", pharmacy, NcpdpIdTaken, now)
    return pharmacy


def add_laboratory(
    *, session: Session, actor: Actor, command: Mapping[str, Any], now: datetime
) -> Laboratory:
    """Raises LaboratoryTaken when another has its identifiers, Invalid for MLLP without an
    address."""
    laboratory = Laboratory(id=new_id(), **command)
    check_address(laboratory)
    session.add(laboratory)
    _save(session, actor, "create", laboratory, LaboratoryTaken, now)
    return laboratory


def change_laboratory(
    *,
    session: Session,
    actor: Actor,
    laboratory_id: UUID,
    command: Mapping[str, Any],
    now: datetime,
) -> Laboratory:
    """Change the named columns. Raises LaboratoryUnknown, and what add_laboratory() raises."""
    laboratory = get_laboratory(session, laboratory_id)
    _set(laboratory, command)
    check_address(laboratory)
    _save(session, actor, "update", laboratory, LaboratoryTaken, now)
    return laboratory


def check_address(laboratory: Laboratory) -> None:
    """Raises Invalid for orders that are to be pushed over MLLP to nowhere."""
    if laboratory.transport != Transport.MLLP:
        return
    members = {"/mllp_host": laboratory.mllp_host, "/mllp_port": laboratory.mllp_port}
    missing = [name for name, value in members.items() if value is None]
    if missing:
        raise Invalid(errors=[FieldError(name, "MLLP needs it.") for name in missing])


def _set(place: Pharmacy | Laboratory, command: Mapping[str, Any]) -> None:
    for name, value in command.items():
        setattr(place, name, value)


def _save(
    session: Session,
    actor: Actor,
    action: str,
    place: Pharmacy | Laboratory,
    taken: type[Conflict],
    now: datetime,
) -> None:
    """Write a place and its audit row; raises `taken` where another has its identifiers."""
    try:
        session.flush()
    except IntegrityError as error:
        raise taken() from error
    resource = place.__tablename__
    audit.record(session, actor, action, resource, patient_id=None, resource_id=place.id, at=now)


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
