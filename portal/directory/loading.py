"""A clinic's directory from one document: what is there by its name is changed, the rest added."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from marshmallow import fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import OPERATOR
from portal.core.db import Base
from portal.core.ids import new_id
from portal.core.schemas import ZONES, Strict, phone_field, text_field
from portal.directory.administration import check_address
from portal.directory.laboratory_schemas import WriteLaboratorySchema
from portal.directory.model import (
    Clinic,
    ClinicClosure,
    ClinicHours,
    Laboratory,
    MemberKind,
    Pharmacy,
    Pool,
    PoolKind,
    PoolMember,
    Practitioner,
    StaffMember,
)
from portal.directory.schemas import WriteClosureSchema, WritePharmacySchema

RowT = TypeVar("RowT", bound=Base)
POOLS = validate.OneOf([kind.value for kind in PoolKind])

EXAMPLE: dict[str, Any] = {
    "clinics": [
        {
            "name": "Elm Street Clinic",
            "time_zone": "America/New_York",
            "phone": "+1 555 0100",
            "hours": [{"weekday": day, "opens": "08:00", "closes": "17:00"} for day in range(5)],
            "closures": [{"day": "2027-07-05", "reason": "Independence Day"}],
            "pools": [
                {"kind": "nurses", "name": "Nurses"},
                {"kind": "clinic_staff", "name": "Front desk"},
                {"kind": "pharmacy_liaison", "name": "Pharmacy liaison"},
            ],
            "practitioners": [
                {
                    "name": "Dr. Ines Okafor",
                    "specialty": "Family medicine",
                    "npi": "1234567893",
                    "pool": "nurses",
                }
            ],
            "staff": [
                {"name": "Nora Bell", "title": "RN", "pools": ["nurses"], "leads": ["nurses"]},
                {
                    "name": "Lee Park",
                    "title": "Coordinator",
                    "pools": ["clinic_staff", "pharmacy_liaison"],
                    "leads": ["clinic_staff", "pharmacy_liaison"],
                },
            ],
        }
    ],
    "pharmacies": [
        {
            "name": "Corner Pharmacy",
            "ncpdp_id": "3912345",
            "phone": "+1 555 0142",
            "line": "1 High Street",
            "city": "Springfield",
            "state": "NY",
            "postal_code": "12345",
            "hours": "Mon-Fri 9-18",
            "time_zone": "America/New_York",
        }
    ],
    "laboratories": [
        {
            "name": "Acme Laboratory",
            "kind": "laboratory",
            "clia": "33D0000001",
            "phone": "+1 555 0177",
            "line": "3 Mill Street",
            "city": "Springfield",
            "state": "NY",
            "postal_code": "12345",
            "hours": "Mon-Fri 7-16",
            "time_zone": "America/New_York",
            "application": "ACMELAB",
            "facility": "ACME LAB",
            "transport": "mllp",
            "mllp_host": "hl7.acme.example",
            "mllp_port": 2575,
            "mllp_tls": True,
        }
    ],
}


class _HoursSchema(Strict):
    weekday = fields.Integer(required=True, validate=validate.Range(0, 6))
    opens = fields.Time(required=True)
    closes = fields.Time(required=True)


class _PoolSchema(Strict):
    kind = fields.String(required=True, validate=POOLS)
    name = text_field(200)


class _PractitionerSchema(Strict):
    name = text_field(200)
    specialty = text_field(200)
    npi = fields.String(load_default=None, validate=validate.Regexp(r"^\d{10}\Z"))
    pool = fields.String(required=True, validate=POOLS)
    active = fields.Boolean(load_default=True)


class _StaffSchema(Strict):
    name = text_field(200)
    title = text_field(200)
    pools = fields.List(fields.String(validate=POOLS), required=True)
    leads = fields.List(fields.String(validate=POOLS), load_default=list)
    active = fields.Boolean(load_default=True)


class _ClinicSchema(Strict):
    name = text_field(200)
    time_zone = fields.String(required=True, validate=ZONES)
    phone = phone_field()
    hours = fields.List(fields.Nested(_HoursSchema), required=True)
    closures = fields.List(fields.Nested(WriteClosureSchema), load_default=list)
    pools = fields.List(fields.Nested(_PoolSchema), required=True, validate=validate.Length(1))
    practitioners = fields.List(fields.Nested(_PractitionerSchema), load_default=list)
    staff = fields.List(fields.Nested(_StaffSchema), load_default=list)


class DirectorySchema(Strict):
    """The whole document."""

    clinics = fields.List(fields.Nested(_ClinicSchema), load_default=list)
    pharmacies = fields.List(fields.Nested(WritePharmacySchema), load_default=list)
    laboratories = fields.List(fields.Nested(WriteLaboratorySchema), load_default=list)


def load_directory(
    session: Session, document: Mapping[str, Any], now: datetime
) -> Iterator[tuple[str, str, UUID]]:
    """Write a loaded DirectorySchema; gives (kind, name, id) of all that has an id.

    Raises KeyError naming a pool that a clinic's people belong to and that it doesn't have, and
    Invalid for a laboratory whose orders can't be pushed.
    """
    for one in document["clinics"]:
        yield from _clinic(session, one)
    for one in document["pharmacies"]:
        pharmacy = _put(session, Pharmacy, {"name": one["name"]}, one)
        yield "pharmacy", pharmacy.name, pharmacy.id
    for one in document["laboratories"]:
        check_address(Laboratory(**one))
        laboratory = _put(session, Laboratory, {"name": one["name"]}, one)
        yield "laboratory", laboratory.name, laboratory.id
    audit.record(session, OPERATOR, "load", "directory", patient_id=None, at=now)


def _clinic(session: Session, one: Mapping[str, Any]) -> Iterator[tuple[str, str, UUID]]:
    own = {name: one[name] for name in ("name", "time_zone", "phone")}
    clinic = _put(session, Clinic, {"name": one["name"]}, own)
    yield "clinic", clinic.name, clinic.id
    for hours in one["hours"]:
        session.merge(ClinicHours(clinic_id=clinic.id, **hours))
    for closure in one["closures"]:
        session.merge(ClinicClosure(clinic_id=clinic.id, **closure))
    pools = {pool["kind"]: _pool(session, clinic.id, pool) for pool in one["pools"]}
    for kind, pool in pools.items():
        yield f"pool {kind}", pool.name, pool.id
    for person in one["practitioners"]:
        yield _practitioner(session, clinic.id, pools, person)
    for person in one["staff"]:
        yield _staff_member(session, clinic.id, pools, person)


def _pool(session: Session, clinic_id: UUID, pool: Mapping[str, Any]) -> Pool:
    return _put(session, Pool, {"clinic_id": clinic_id, "kind": pool["kind"]}, pool)


def _practitioner(
    session: Session, clinic_id: UUID, pools: Mapping[str, Pool], person: Mapping[str, Any]
) -> tuple[str, str, UUID]:
    values = {name: person[name] for name in ("name", "specialty", "npi", "active")}
    pool = pools[person["pool"]]
    key = {"clinic_id": clinic_id, "name": person["name"]}
    row = _put(session, Practitioner, key, {**values, "pool_id": pool.id})
    _join(session, pool, row.id, MemberKind.PRACTITIONER, lead=False)
    return "practitioner", row.name, row.id


def _staff_member(
    session: Session, clinic_id: UUID, pools: Mapping[str, Pool], person: Mapping[str, Any]
) -> tuple[str, str, UUID]:
    values = {name: person[name] for name in ("name", "title", "active")}
    row = _put(session, StaffMember, {"clinic_id": clinic_id, "name": person["name"]}, values)
    for kind in person["pools"]:
        _join(session, pools[kind], row.id, MemberKind.STAFF, lead=kind in person["leads"])
    return "staff", row.name, row.id


def _join(session: Session, pool: Pool, member_id: UUID, kind: MemberKind, *, lead: bool) -> None:
    session.merge(PoolMember(pool_id=pool.id, member_id=member_id, member_kind=kind, lead=lead))
    session.flush()


def _put(
    session: Session, model: type[RowT], key: Mapping[str, Any], values: Mapping[str, Any]
) -> RowT:
    """The row with this key, made where it is missing, with these values."""
    row = session.scalars(select(model).filter_by(**key)).first()
    if row is None:
        row = model(id=new_id(), **key)
        session.add(row)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    return row
