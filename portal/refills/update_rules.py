"""What becomes of one status update of a pharmacy: a pure decision."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from portal.core.actor import ActorKind
from portal.refills import rules
from portal.refills.pharmacy_model import UpdateOutcome
from portal.refills.states import REFILL, HoldReason, NotDispensedReason, RefillStatus

# Clocks differ; what lies further ahead than this is a mistake.
CLOCK_DRIFT = timedelta(minutes=5)
_REASONS: dict[RefillStatus, frozenset[str]] = {
    RefillStatus.ON_HOLD: frozenset(HoldReason),
    RefillStatus.NOT_DISPENSED: frozenset(NotDispensedReason),
}


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """One update as it was sent, well-formed."""

    event_id: str
    refill_id: UUID
    status: RefillStatus
    occurred_at: datetime
    reason_code: str | None = None
    note: str | None = None
    quantity: Decimal | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    expected_on: date | None = None
    correction: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a refill stands, as far as an update depends on it."""

    status: RefillStatus
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an update, and where the refill stands after it."""

    outcome: UpdateOutcome
    standing: Standing | None
    problem: str | None = None


def decide_update(standing: Standing | None, update: StatusUpdate, now: datetime) -> Verdict:
    """Apply, keep aside or refuse an update of a refill that stands as given.

    `standing` is None for a refill that the pharmacy doesn't hold.
    """
    if standing is None:
        return Verdict(UpdateOutcome.NOT_FOUND, None, "You hold no such refill.")
    if problem := _invalid(update, now):
        return Verdict(UpdateOutcome.INVALID, standing, problem)
    if standing.occurred_at is not None and update.occurred_at < standing.occurred_at:
        problem = f"Older than the last one applied, of {standing.occurred_at.isoformat()}."
        return Verdict(UpdateOutcome.LATE, standing, problem)
    if not _possible(standing.status, update):
        problem = f"A refill that is {standing.status.value} can't become {update.status.value}."
        return Verdict(UpdateOutcome.QUARANTINED, standing, problem)
    after = replace(standing, status=update.status, occurred_at=update.occurred_at)
    return Verdict(UpdateOutcome.APPLIED, after)


def _invalid(update: StatusUpdate, now: datetime) -> str | None:
    if update.occurred_at > now + CLOCK_DRIFT:
        return "occurred_at lies in the future: check your clock and its time zone."
    known = _REASONS.get(update.status)
    if known is not None and update.reason_code not in known and not update.correction:
        return f"reason_code must be one of {', '.join(sorted(known))}."
    if update.correction and not update.reason_code:
        return "A correction needs a reason_code."
    return None


def _possible(before: RefillStatus, update: StatusUpdate) -> bool:
    if REFILL.allows(before, update.status, ActorKind.PHARMACY):
        return True
    return update.correction and rules.may_correct(before, update.status)
