"""Parents' access to a child's record: a clinic's bounds, and the day by which they count."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.directory import service as directory
from portal.patients import delegation_queries as queries
from portal.patients.delegation_rules import ParentalBounds


@dataclass(frozen=True, slots=True)
class Day:
    """What a clinic's day is now, and its bounds for parents' access."""

    today: date
    bounds: ParentalBounds


def day_of(session: Session, clinic_id: UUID, now: datetime) -> Day:
    """The clinic's day, by which periods and birthdays count, and its bounds."""
    clinic = directory.get_clinic(session, clinic_id)
    return Day(local_day(now, clinic.time_zone), bounds_of(session, clinic_id))


def bounds_of(session: Session, clinic_id: UUID) -> ParentalBounds:
    """A clinic's bounds for parents' access."""
    row = queries.parental_access(session, clinic_id)
    if row is None:
        return ParentalBounds()
    return ParentalBounds(row.full_until, row.limited_until, frozenset(row.limited))


def set_parental_access(
    *, session: Session, actor: Actor, clinic_id: UUID, bounds: ParentalBounds, now: datetime
) -> None:
    """Set a clinic's bounds for parents' access; they hold at once. Raises ClinicUnknown."""
    clinic = directory.get_clinic(session, clinic_id)
    queries.put_parental_access(
        session,
        {
            "clinic_id": clinic.id,
            "full_until": bounds.full_until,
            "limited_until": bounds.limited_until,
            "limited": sorted(bounds.limited),
            "changed_at": now,
            "changed_by": actor.id,
        },
    )
    audit.record(
        session,
        actor,
        "update",
        "parental_access",
        patient_id=None,
        resource_id=clinic.id,
        at=now,
    )
