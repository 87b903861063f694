"""The demo's clinic, teams, people, pharmacies and coverage as rows."""

from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID

from holidays import country_holidays
from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.core.actor import Actor, ActorKind
from portal.core.clock import local_day
from portal.core.ids import new_id
from portal.demo import cast
from portal.directory.arrangements import ArrangeCoverage, arrange_coverage
from portal.directory.model import (
    Clinic,
    ClinicClosure,
    ClinicHours,
    Laboratory,
    Pharmacy,
    Pool,
    PoolMember,
    Practitioner,
    StaffMember,
    Transport,
)

CLINIC_ID = UUID("0192d000-0000-7000-8000-00000c11d1c0")


@dataclass(frozen=True, slots=True)
class Places:
    """The ids of what was written, by name; pools by their kind."""

    pools: dict[str, UUID] = field(default_factory=dict)
    practitioners: dict[str, UUID] = field(default_factory=dict)
    staff: dict[str, UUID] = field(default_factory=dict)
    pharmacies: dict[str, UUID] = field(default_factory=dict)
    laboratories: dict[str, UUID] = field(default_factory=dict)

    def practitioner(self, name: str) -> Actor:
        return Actor(ActorKind.PRACTITIONER, self.practitioners[name], name=name)

    def staff_member(self, name: str) -> Actor:
        return Actor(ActorKind.STAFF, self.staff[name], name=name)

    def pharmacy(self, name: str) -> Actor:
        return Actor(ActorKind.PHARMACY, self.pharmacies[name], name=name)


def is_loaded(session: Session) -> bool:
    return session.get(Clinic, CLINIC_ID) is not None


def write(session: Session, address: tuple[str, int], now: datetime) -> Places:
    """Write the directory as it stands today; `address` is where the demo's laboratory listens."""
    places = Places()
    _clinic(session, local_day(now, cast.ZONE))
    for kind, name in cast.POOLS.items():
        places.pools[kind] = new_id()
        session.add(Pool(id=places.pools[kind], clinic_id=CLINIC_ID, kind=kind, name=name))
    session.flush()
    for person in cast.PRACTITIONERS:
        places.practitioners[person.name] = _practitioner(session, person, places)
    for person in cast.STAFF:
        places.staff[person.name] = _staff_member(session, person, places)
    for shop in cast.PHARMACIES:
        row = Pharmacy(id=new_id(), state="NY", time_zone=cast.ZONE, **asdict(shop))
        session.add(row)
        places.pharmacies[shop.name] = row.id
    session.flush()
    _laboratories(session, places, address)
    session.flush()
    _coverage(session, places, now)
    return places


def _laboratories(session: Session, places: Places, address: tuple[str, int]) -> None:
    for bench in cast.LABORATORIES:
        values = asdict(bench)
        pushed = values.pop("pushed")
        row = Laboratory(
            id=new_id(),
            state="NY",
            time_zone=cast.ZONE,
            transport=Transport.MLLP if pushed else Transport.FEED,
            mllp_host=address[0] if pushed else None,
            mllp_port=address[1] if pushed else None,
            **values,
        )
        session.add(row)
        places.laboratories[bench.name] = row.id


def move_laboratory(session: Session, address: tuple[str, int]) -> None:
    """The demo's laboratory listens at another port each time."""
    session.execute(
        update(Laboratory)
        .where(Laboratory.name == cast.CAPITAL.name)
        .values(mllp_host=address[0], mllp_port=address[1])
    )


def _clinic(session: Session, today: date) -> None:
    session.add(Clinic(id=CLINIC_ID, name=cast.CLINIC, time_zone=cast.ZONE, phone="518-555-0100"))
    session.flush()
    for weekday in range(5):
        closes = time(17, 30) if weekday < 4 else time(16)
        session.add(ClinicHours(clinic_id=CLINIC_ID, weekday=weekday, opens=time(8), closes=closes))
    for day, reason in country_holidays("US", years=[today.year, today.year + 1]).items():
        session.add(ClinicClosure(clinic_id=CLINIC_ID, day=day, reason=reason))


def _practitioner(session: Session, person: cast.Person, places: Places) -> UUID:
    row = Practitioner(
        id=new_id(),
        clinic_id=CLINIC_ID,
        pool_id=places.pools[person.pool],
        name=person.name,
        specialty=person.job,
        active=person.active,
    )
    session.add(row)
    if person.active:
        _join(session, person, places, row.id, "practitioner")
    return row.id


def _staff_member(session: Session, person: cast.Person, places: Places) -> UUID:
    row = StaffMember(id=new_id(), clinic_id=CLINIC_ID, name=person.name, title=person.job)
    session.add(row)
    _join(session, person, places, row.id, "staff")
    return row.id


def _join(
    session: Session, person: cast.Person, places: Places, member_id: UUID, kind: str
) -> None:
    session.add(
        PoolMember(
            pool_id=places.pools[person.pool],
            member_id=member_id,
            member_kind=kind,
            lead=person.lead,
        )
    )


def _coverage(session: Session, places: Places, now: datetime) -> None:
    """One is away now and covered, another will be."""
    for away, covering, starts, days, reason in (
        (cast.LINDQVIST, cast.OKAFOR, -3, 12, "Parental leave"),
        (cast.RAMAN, cast.CHEN, 14, 5, "Cardiology congress"),
    ):
        start = now + timedelta(days=starts)
        command = ArrangeCoverage(
            covering_id=places.practitioners[covering.name],
            starts_at=start,
            ends_at=start + timedelta(days=days),
            reason=reason,
        )
        arrange_coverage(
            session=session,
            actor=places.practitioner(away.name),
            command=command,
            now=now - timedelta(days=7),
        )
