"""Recording that a practitioner leaves, or that a pharmacy or laboratory closes.

What is open is then re-routed by the workers, in batches that may be interrupted and repeated:
each finds what is still with who left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, text, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.core.errors import FieldError, Invalid
from portal.core.ids import new_id
from portal.directory.departure_model import Departure, DepartureKind, DepartureLeft
from portal.directory.errors import AlreadyLeft, DepartureUnknown
from portal.directory.model import Clinic, Laboratory, Pharmacy, Practitioner

LONGEST_NOTICE = timedelta(days=366)
Leaving = Practitioner | Pharmacy | Laboratory
_MODELS: Mapping[DepartureKind, type[Any]] = {
    DepartureKind.PRACTITIONER: Practitioner,
    DepartureKind.PHARMACY: Pharmacy,
    DepartureKind.LABORATORY: Laboratory,
}
# Who covered for others does not any more; and who is gone leads no team.
_END_COVERAGE = text(
    "UPDATE coverage SET cancelled_at = :now WHERE covering_id = :id AND cancelled_at IS NULL "
    "AND ends_at > :now RETURNING id"
)
_LEAD_NO_MORE = text("UPDATE pool_member SET lead = false WHERE member_id = :id AND lead")


@dataclass(frozen=True, slots=True)
class Leave:
    """Who or what leaves, after which day, and who takes over."""

    kind: DepartureKind
    subject_id: UUID
    reason: str
    last_day: date | None = None
    successor_id: UUID | None = None


def record_departure(*, session: Session, actor: Actor, command: Leave, now: datetime) -> Departure:
    """Have what is open go to others once the last day is over, by the time zone of the place; at
    once without one.

    Raises AlreadyLeft, Invalid for whom or what there isn't, a successor that can't be, a day that
    is over or too far ahead.
    """
    leaving = _find(session, command.kind, command.subject_id)
    if leaving is None:
        raise _invalid("/subject_id", f"There is no such {command.kind}.")
    if command.successor_id is not None:
        _check_successor(leaving, _find(session, command.kind, command.successor_id))
    departure = Departure(
        id=new_id(),
        kind=command.kind,
        subject_id=leaving.id,
        successor_id=command.successor_id,
        reason=command.reason,
        effective_at=_moment(session, leaving, command.last_day, now),
        recorded_at=now,
        recorded_by=actor.id,
        moved=0,
        batches=0,
    )
    session.add(departure)
    try:
        session.flush()
    except IntegrityError:
        raise AlreadyLeft() from None
    outbox.emit(
        session,
        "directory.departed",
        now=now,
        due_at=departure.effective_at,
        departure_id=departure.id,
        batch=0,
    )
    audit.record(
        session, actor, "create", "departure", patient_id=None, resource_id=departure.id, at=now
    )
    return departure


def _find(session: Session, kind: DepartureKind, id_: UUID) -> Leaving | None:
    found: Leaving | None = session.get(_MODELS[kind], id_)
    return found


def _check_successor(leaving: Leaving, to: Leaving | None) -> None:
    if to is None or not to.active or to.id == leaving.id:
        raise _invalid("/successor_id", "Nobody of this kind who is there to take over.")
    if isinstance(leaving, Laboratory) and isinstance(to, Laboratory) and leaving.kind != to.kind:
        raise _invalid("/successor_id", f"It takes a {leaving.kind} to take over.")


def _moment(
    session: Session,
    leaving: Leaving,
    last_day: date | None,
    now: datetime,
) -> datetime:
    """When the last day is over."""
    if last_day is None:
        return now
    zone = _zone(session, leaving)
    today = local_day(now, zone)
    if not today <= last_day <= today + LONGEST_NOTICE:
        raise _invalid("/last_day", "Today, or a day within the next year.")
    next_day = last_day + timedelta(days=1)
    return datetime.combine(next_day, time(), tzinfo=ZoneInfo(zone))


def _zone(session: Session, leaving: Leaving) -> str:
    if isinstance(leaving, Practitioner):
        return session.get_one(Clinic, leaving.clinic_id).time_zone
    return leaving.time_zone


def _invalid(pointer: str, message: str) -> Invalid:
    return Invalid(message, errors=[FieldError(pointer, message)])


def get_departure(session: Session, departure_id: UUID) -> Departure:
    """Raises DepartureUnknown."""
    found = session.get(Departure, departure_id)
    if found is None:
        raise DepartureUnknown()
    return found


def listed(
    session: Session, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Departure]:
    """Departures, the newest first, one more than `limit`."""
    query = select(Departure)
    if after is not None:
        query = query.where(tuple_(Departure.recorded_at, Departure.id) < after)
    ordered = query.order_by(Departure.recorded_at.desc(), Departure.id.desc())
    return session.scalars(ordered.limit(limit + 1)).all()


def left_behind(session: Session, departure_id: UUID) -> Sequence[DepartureLeft]:
    """What a person has to look after, in order."""
    return session.scalars(
        select(DepartureLeft)
        .where(DepartureLeft.departure_id == departure_id)
        .order_by(DepartureLeft.resource, DepartureLeft.id)
    ).all()


def for_change(session: Session, departure_id: UUID) -> Departure:
    """A departure, locked until the transaction ends. For the workers."""
    return session.get_one(Departure, departure_id, with_for_update=True, populate_existing=True)


def strike_out(*, session: Session, departure: Departure, now: datetime) -> None:
    """Nothing goes to who left any more. For the workers; twice is the same as once."""
    leaving = _find(session, DepartureKind(departure.kind), departure.subject_id)
    if leaving is not None:
        leaving.active = False
    session.flush()
    if departure.kind == DepartureKind.PRACTITIONER:
        values = {"id": departure.subject_id, "now": now}
        session.execute(_LEAD_NO_MORE, values)
        for row in session.execute(_END_COVERAGE, values).all():
            outbox.emit(session, "coverage.changed", now=now, coverage_id=row.id)


def go_on(*, session: Session, departure: Departure, moved: int, now: datetime) -> None:
    """Keep how much a batch re-routed: another follows until one finds nothing."""
    departure.moved += moved
    departure.batches += 1
    if moved:
        outbox.emit(
            session,
            "directory.departed",
            now=now,
            departure_id=departure.id,
            batch=departure.batches,
        )
    else:
        departure.done_at = departure.done_at or now
    session.flush()


def note_left(
    session: Session,
    departure: Departure,
    resource: str,
    subject_id: UUID,
    why: str,
    now: datetime,
) -> None:
    """Keep that nobody else could be given something."""
    session.add(
        DepartureLeft(
            id=new_id(),
            departure_id=departure.id,
            resource=resource,
            subject_id=subject_id,
            why=why,
            at=now,
        )
    )
