"""The SELECTs behind the directory's own pages."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, literal, or_, select, tuple_, union_all
from sqlalchemy.orm import Session, aliased

from portal.core.folding import name_key
from portal.directory.model import (
    Clinic,
    ClinicClosure,
    ClinicHours,
    Coverage,
    Laboratory,
    Pharmacy,
    Pool,
    PoolMember,
    Practitioner,
    StaffMember,
)

PlaceT = TypeVar("PlaceT", Pharmacy, Laboratory)
# By what names are found and sorted, whoever types them: see portal.core.folding.name_key.
_key = func.careloop_name_key
_Away = aliased(Practitioner)
_Covering = aliased(Practitioner)


def pharmacies_like(
    session: Session,
    *,
    q: str | None,
    mail_order: bool | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Pharmacy]:
    """Active pharmacies by name, one more than `limit`."""
    query = _places(Pharmacy, q, after, limit)
    if mail_order is not None:
        query = query.where(Pharmacy.mail_order.is_(mail_order))
    return session.execute(query).scalars().all()


def laboratories_like(
    session: Session,
    *,
    q: str | None,
    kind: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Laboratory]:
    """Active laboratories and radiologies by name, one more than `limit`."""
    query = _places(Laboratory, q, after, limit)
    if kind is not None:
        query = query.where(Laboratory.kind == kind)
    return session.execute(query).scalars().all()


def _places(
    place: type[PlaceT], q: str | None, after: tuple[Any, ...] | None, limit: int
) -> Select[PlaceT]:
    """Active places by name, one more than `limit`, found by name, city or postal code."""
    query = select(place).where(place.active).order_by(_key(place.name), place.id)
    if q is not None:
        wanted = name_key(q)
        query = query.where(
            or_(
                _key(place.name).contains(wanted, autoescape=True),
                _key(place.city).contains(wanted, autoescape=True),
                place.postal_code.istartswith(q, autoescape=True),
            )
        )
    if after is not None:
        query = query.where(_comes_after(place, after))
    return query.limit(limit + 1)


def _comes_after(model: type[Any], after: tuple[Any, ...]) -> ColumnElement[bool]:
    """Of those after the last of a page, whose name and id these are."""
    name, id_ = after
    return tuple_(_key(model.name), model.id) > tuple_(_key(name), id_)


def practitioners(
    session: Session, *, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Practitioner]:
    """Active practitioners by name, one more than `limit`."""
    query = select(Practitioner).where(Practitioner.active)
    if after is not None:
        query = query.where(_comes_after(Practitioner, after))
    ordered = query.order_by(_key(Practitioner.name), Practitioner.id).limit(limit + 1)
    return session.execute(ordered).scalars().all()


def clinic_page(session: Session, clinic: Clinic) -> dict[str, Any]:
    """A clinic with its hours and the days on which it is closed."""
    hours = select(ClinicHours).where(ClinicHours.clinic_id == clinic.id)
    closures = select(ClinicClosure).where(ClinicClosure.clinic_id == clinic.id)
    return {
        "id": clinic.id,
        "name": clinic.name,
        "phone": clinic.phone,
        "time_zone": clinic.time_zone,
        "hours": session.execute(hours.order_by(ClinicHours.weekday)).scalars().all(),
        "closures": session.execute(closures.order_by(ClinicClosure.day)).scalars().all(),
    }


def pools(session: Session) -> list[dict[str, Any]]:
    """Every pool with its members, in two queries."""
    members: dict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in session.execute(_members()):
        members[row.pool_id].append(row)
    found = session.execute(select(Pool).order_by(Pool.clinic_id, _key(Pool.name))).scalars()
    return [
        {
            "id": pool.id,
            "clinic_id": pool.clinic_id,
            "kind": pool.kind,
            "name": pool.name,
            "members": members[pool.id],
        }
        for pool in found
    ]


def _members() -> Select[Any]:
    everybody = union_all(
        select(
            Practitioner.id,
            Practitioner.name,
            Practitioner.active,
            literal("practitioner").label("kind"),
        ),
        select(StaffMember.id, StaffMember.name, StaffMember.active, literal("staff")),
    ).subquery()
    return (
        select(PoolMember.pool_id, PoolMember.lead, everybody)
        .join(everybody, PoolMember.member_id == everybody.c.id)
        .order_by(PoolMember.lead.desc(), _key(everybody.c.name))
    )


def _coverage() -> Select[Any]:
    return (
        select(
            *Coverage.__table__.c,
            _Away.name.label("practitioner_name"),
            _Covering.name.label("covering_name"),
        )
        .join(_Away, _Away.id == Coverage.practitioner_id)
        .join(_Covering, _Covering.id == Coverage.covering_id)
    )


def coverage_list(
    session: Session,
    *,
    practitioner_id: UUID | None,
    since: datetime,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Coverage that stands and ends after `since`, one more than `limit`."""
    query = _coverage().where(Coverage.cancelled_at.is_(None), Coverage.ends_at > since)
    if practitioner_id is not None:
        query = query.where(Coverage.practitioner_id == practitioner_id)
    if after is not None:
        query = query.where(tuple_(Coverage.starts_at, Coverage.id) > after)
    return session.execute(query.order_by(Coverage.starts_at, Coverage.id).limit(limit + 1)).all()


def coverage_row(session: Session, coverage_id: UUID) -> Row[Any]:
    return session.execute(_coverage().where(Coverage.id == coverage_id)).one()


def overlapping_coverage(
    session: Session, practitioner_id: UUID, starts_at: datetime, ends_at: datetime
) -> UUID | None:
    """Coverage of this practitioner that stands and shares a moment with the period."""
    query = select(Coverage.id).where(
        Coverage.practitioner_id == practitioner_id,
        Coverage.cancelled_at.is_(None),
        Coverage.starts_at < ends_at,
        Coverage.ends_at > starts_at,
    )
    return session.execute(query.limit(1)).scalar()
