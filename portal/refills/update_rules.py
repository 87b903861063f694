"""What becomes of one status update of a pharmacy: a pure decision."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from portal.core.actor import ActorKind
from portal.core.clock import local_day
from portal.refills import rules
from portal.refills.pharmacy_model import UpdateOutcome
from portal.refills.states import (
    DERIVED,
    DISPENSED,
    HANDED_OVER_AFTER_ALL,
    REFILL,
    WITHDRAWN,
    Delivery,
    HoldReason,
    NotDispensedReason,
    RefillStatus,
)

S = RefillStatus
# Clocks differ; what lies further ahead than this is a mistake.
CLOCK_DRIFT = timedelta(minutes=5)
# No pharmacy knows when something comes further ahead than this.
EXPECTED_WITHIN = timedelta(days=90)
# 21 CFR 1306.13(a): of what the pharmacy can't supply of schedule II the rest may follow within 72
# hours of the first part; afterwards it needs a new prescription.
REST_OF_SCHEDULE_II = timedelta(hours=72)
_REASONS: dict[RefillStatus, frozenset[str]] = {
    S.ON_HOLD: frozenset(HoldReason),
    S.NOT_DISPENSED: frozenset(NotDispensedReason),
}
_WITH_QUANTITY = DISPENSED | {S.PARTIALLY_READY, S.READY_FOR_PICKUP, S.SHIPPED}


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
    no_carrier: bool = False
    tracking_number: str | None = None
    expected_on: date | None = None
    correction: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a refill stands, as far as an update depends on it.

    Quantities are in the prescription's unit: `ordered` in all, `dispensed` so far, `ready` as the
    pharmacy said last. Days are those of `time_zone`.
    """

    status: RefillStatus
    occurred_at: datetime | None
    requested_at: datetime
    ordered: Decimal
    expires_on: date
    time_zone: str = "UTC"
    delivery: str = Delivery.PICKUP
    schedule: int | None = None
    dispensed: Decimal = Decimal(0)
    ready: Decimal | None = None
    rest_due_at: datetime | None = None

    @property
    def owed(self) -> Decimal:
        return self.ordered - self.dispensed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an update, where the refill stands after it, and how much it handed over."""

    outcome: UpdateOutcome
    standing: Standing | None
    problem: str | None = None
    handed: Decimal | None = None


def decide_update(standing: Standing | None, update: StatusUpdate, now: datetime) -> Verdict:
    """Apply, keep aside or refuse an update of a refill that stands as given.

    `standing` is None for a refill that the pharmacy doesn't hold.
    """
    if standing is None:
        return Verdict(UpdateOutcome.NOT_FOUND, None, "You hold no such refill.")
    if problem := _invalid(update, now):
        return Verdict(UpdateOutcome.INVALID, standing, problem)
    for outcome, check in _CHECKS:
        if problem := check(standing, update):
            return Verdict(outcome, standing, problem)
    handed = _handed(standing, update)
    return Verdict(UpdateOutcome.APPLIED, _after(standing, update, handed), handed=handed)


def _invalid(update: StatusUpdate, now: datetime) -> str | None:
    """What is wrong with an update whatever refill it is about."""
    if update.occurred_at > now + CLOCK_DRIFT:
        return "occurred_at lies in the future: check your clock and its time zone."
    if update.status in DERIVED:
        return f"{update.status.value} follows from the quantities: send {DERIVED[update.status]}."
    known = _REASONS.get(update.status)
    if known is not None and update.reason_code not in known and not update.correction:
        return f"reason_code must be one of {', '.join(sorted(known))}."
    if update.correction and not update.reason_code:
        return "A correction needs a reason_code."
    return None


def _late(standing: Standing, update: StatusUpdate) -> str | None:
    if standing.occurred_at is not None and update.occurred_at < standing.occurred_at:
        return f"Older than the last one applied, of {standing.occurred_at.isoformat()}."
    return None


def _unfit_time(standing: Standing, update: StatusUpdate) -> str | None:
    if update.occurred_at < standing.requested_at - CLOCK_DRIFT:
        requested = standing.requested_at.isoformat()
        return f"occurred_at lies before the request, of {requested}: check its date."
    return None


def _unfit_day(standing: Standing, update: StatusUpdate) -> str | None:
    if update.expected_on is None:
        return None
    first = local_day(update.occurred_at, standing.time_zone)
    last = first + EXPECTED_WITHIN
    if first <= standing.expires_on:
        last = min(last, standing.expires_on)
    if first <= update.expected_on <= last:
        return None
    return (
        f"expected_on must lie between {first} and {last}: not before this happened, within "
        f"{EXPECTED_WITHIN.days} days, and before the prescription expires."
    )


def _unfit_shipment(standing: Standing, update: StatusUpdate) -> str | None:
    if update.status != S.SHIPPED:
        return None
    if standing.delivery == Delivery.PICKUP:
        return "This is to be picked up: send ready_for_pickup, or have the patient change it."
    if update.carrier is None and not update.no_carrier:
        return "shipped needs a carrier; without one (your own courier) send no_carrier: true."
    if update.carrier is not None and update.no_carrier:
        return "Either a carrier or no_carrier, not both."
    return None


def _impossible(standing: Standing, update: StatusUpdate) -> str | None:
    """Why an update can't be true of a refill that stands as given: a person has to ask."""
    if not _possible(standing, update):
        before, after = standing.status.value, update.status.value
        return f"A refill that is {before} can't become {after}."
    if update.status in _WITH_QUANTITY and update.quantity and update.quantity > standing.owed:
        return f"More than is owed: {_plain(update.quantity)} of {_plain(standing.owed)}."
    return _impossible_to_hand_over(standing, update) if update.status in DISPENSED else None


def _impossible_to_hand_over(standing: Standing, update: StatusUpdate) -> str | None:
    if _handed(standing, update) is None:
        return "A part was ready: say by quantity how much of it was handed over."
    if standing.rest_due_at is not None and update.occurred_at > standing.rest_due_at:
        return (
            "The rest of schedule II must be handed over within 72 hours of the first part "
            "(21 CFR 1306.13): it needs a new prescription."
        )
    return None


# What speaks against an update that is well-formed, in this order.
_CHECKS: tuple[tuple[UpdateOutcome, Callable[[Standing, StatusUpdate], str | None]], ...] = (
    (UpdateOutcome.LATE, _late),
    (UpdateOutcome.INVALID, _unfit_time),
    (UpdateOutcome.INVALID, _unfit_day),
    (UpdateOutcome.QUARANTINED, _impossible),
    (UpdateOutcome.INVALID, _unfit_shipment),
)


def _possible(standing: Standing, update: StatusUpdate) -> bool:
    before = standing.status
    if before in HANDED_OVER_AFTER_ALL:
        return update.status in DISPENSED and standing.owed > 0
    if REFILL.allows(before, update.status, ActorKind.PHARMACY):
        return True
    return update.correction and rules.may_correct(before, update.status)


def _handed(standing: Standing, update: StatusUpdate) -> Decimal | None:
    """How much was handed over: what is said, what was ready, or all that is owed. None where only
    a part was ready and nobody said how much, and where nothing is handed over."""
    if update.status not in DISPENSED:
        return None
    if update.quantity is not None:
        return update.quantity
    if standing.ready is not None:
        return min(standing.ready, standing.owed)
    return None if standing.status == S.PARTIALLY_READY else standing.owed


def _after(standing: Standing, update: StatusUpdate, handed: Decimal | None) -> Standing:
    status, dispensed = update.status, standing.dispensed + (handed or 0)
    rest_due_at = standing.rest_due_at
    if handed is not None and dispensed < standing.ordered:
        # What was taken back is owed no more.
        taken_back = standing.status in WITHDRAWN | HANDED_OVER_AFTER_ALL
        status = S.PARTIALLY_DISPENSED if taken_back else S.REST_OWED
        if standing.schedule == 2:
            rest_due_at = rest_due_at or update.occurred_at + REST_OF_SCHEDULE_II
    elif status == S.NOT_DISPENSED and standing.dispensed > 0:
        status = S.PARTIALLY_DISPENSED
    return replace(
        standing,
        status=status,
        occurred_at=update.occurred_at,
        dispensed=dispensed,
        ready=_ready(standing, update),
        rest_due_at=rest_due_at,
    )


def _ready(standing: Standing, update: StatusUpdate) -> Decimal | None:
    """How much waits for the patient, or is on its way to them."""
    if update.status in DISPENSED:
        return None
    if update.quantity is not None or update.status == S.PARTIALLY_READY:
        return update.quantity
    return standing.owed if update.status in _WITH_QUANTITY else standing.ready


def _plain(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"
