"""Who covers for whom: arranging it, and calling it off."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import Actor, ActorKind
from portal.core.errors import FieldError, Invalid
from portal.core.ids import new_id
from portal.directory import listings, queries
from portal.directory.errors import (
    CoverageEnded,
    CoverageOverlaps,
    CoverageUnknown,
    NotYourCoverage,
)
from portal.directory.model import Coverage, Practitioner
from portal.directory.service import get_practitioner

LONGEST = timedelta(days=366)
FURTHEST = timedelta(days=5 * 366)


@dataclass(frozen=True, slots=True)
class ArrangeCoverage:
    """`covering_id` answers for the practitioner from `starts_at` up to `ends_at`."""

    covering_id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str
    practitioner_id: UUID | None = None


def arrange_coverage(
    *, session: Session, actor: Actor, command: ArrangeCoverage, now: datetime
) -> Coverage:
    """Have somebody cover; the workers then move the items that this concerns.

    Raises Invalid for a period or a person that can't be used, CoverageOverlaps when somebody
    covers already, NotYourCoverage for a practitioner of whom the actor is not in charge.
    """
    away = _who_is_away(session, actor, command)
    queries.lock_coverage(session, away.clinic_id)
    if problems := [*_period_problems(command, now), *_person_problems(session, away, command)]:
        raise Invalid(errors=problems)
    overlapping = listings.overlapping_coverage(
        session, away.id, command.starts_at, command.ends_at
    )
    if overlapping is not None:
        raise CoverageOverlaps(coverage_id=str(overlapping))
    coverage = Coverage(
        id=new_id(),
        practitioner_id=away.id,
        covering_id=command.covering_id,
        starts_at=command.starts_at,
        ends_at=command.ends_at,
        reason=command.reason,
        created_by=actor.id,
        created_at=now,
    )
    session.add(coverage)
    session.flush()
    for moment in (max(now, coverage.starts_at), coverage.ends_at):
        outbox.emit(session, "coverage.changed", now=now, due_at=moment, coverage_id=coverage.id)
    return coverage


def cancel_coverage(
    *, session: Session, actor: Actor, coverage_id: UUID, now: datetime
) -> Coverage:
    """Call coverage off, from now on. Cancelling it again changes nothing.

    Raises CoverageUnknown, NotYourCoverage, or CoverageEnded when it is over already.
    """
    coverage = session.get(Coverage, coverage_id, with_for_update=True)
    if coverage is None:
        raise CoverageUnknown()
    _check_charge(session, actor, get_practitioner(session, coverage.practitioner_id))
    if coverage.cancelled_at is not None:
        return coverage
    if coverage.ends_at <= now:
        raise CoverageEnded()
    coverage.cancelled_at = now
    session.flush()
    outbox.emit(session, "coverage.changed", now=now, coverage_id=coverage.id)
    return coverage


def _who_is_away(session: Session, actor: Actor, command: ArrangeCoverage) -> Practitioner:
    practitioner_id = command.practitioner_id
    if practitioner_id is None and actor.kind is ActorKind.PRACTITIONER:
        practitioner_id = actor.id
    if practitioner_id is None:
        raise Invalid(errors=[FieldError("/practitioner_id", "Say who is away.")])
    away = session.get(Practitioner, practitioner_id)
    if away is None:
        raise Invalid(errors=[FieldError("/practitioner_id", "There is no such practitioner.")])
    _check_charge(session, actor, away)
    return away


def _check_charge(session: Session, actor: Actor, away: Practitioner) -> None:
    if actor.kind is ActorKind.PRACTITIONER and actor.id != away.id:
        raise NotYourCoverage()
    if actor.kind is ActorKind.STAFF:
        clinic_id = queries.staff_clinic(session, actor.id)
        if clinic_id != away.clinic_id:
            raise NotYourCoverage()


def _period_problems(command: ArrangeCoverage, now: datetime) -> list[FieldError]:
    if command.ends_at <= command.starts_at:
        return [FieldError("/ends_at", "Must be after starts_at.")]
    if command.ends_at <= now:
        return [FieldError("/ends_at", "Is over already.")]
    if command.ends_at > now + FURTHEST:
        return [FieldError("/ends_at", "Is too far ahead.")]
    if command.ends_at - command.starts_at > LONGEST:
        return [FieldError("/ends_at", f"At most {LONGEST.days} days after starts_at.")]
    return []


def _person_problems(
    session: Session, away: Practitioner, command: ArrangeCoverage
) -> list[FieldError]:
    where = "/covering_id"
    covering = session.get(Practitioner, command.covering_id)
    if covering is None or covering.clinic_id != away.clinic_id:
        return [FieldError(where, "There is no such practitioner in this clinic.")]
    if covering.id == away.id:
        return [FieldError(where, "Nobody covers for themselves.")]
    if not covering.active:
        return [FieldError(where, "Is no longer active.")]
    if listings.overlapping_coverage(session, covering.id, command.starts_at, command.ends_at):
        return [FieldError(where, "Is away during a part of this period.")]
    return []
