"""What may be done with a prescription: pure decisions, with every reason at once."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from math import ceil
from uuid import UUID

from portal.prescriptions.states import PrescriptionStatus

# Pharmacies and payers commonly fill again after three quarters of the supply, and after nine
# tenths for controlled substances.
REFILL_AFTER = 0.75
REFILL_AFTER_CONTROLLED = 0.9
RENEWABLE_AFTER_EXPIRY = timedelta(days=120)
# 21 CFR 1306.22: schedules III and IV may be refilled five times within six months.
CONTROLLED_REFILLS = 5
CONTROLLED_MONTHS = 6
# Most US states let a prescription for anything else be filled for a year.
ORDINARY_MONTHS = 12
MAX_REFILLS = 99


class RefillAction(StrEnum):
    """What the patient should do next."""

    REFILL = "refill"
    RENEW = "renew"
    WAIT = "wait"
    CONTACT_PRESCRIBER = "contact_prescriber"


class Reason(StrEnum):
    """Why a prescription can't simply be filled again."""

    STOPPED = "stopped"
    SUPERSEDED = "superseded"
    OPEN_REQUEST = "open_request"
    ON_HOLD = "on_hold"
    SCHEDULE_II = "schedule_ii"
    FIRST_FILL_PENDING = "first_fill_pending"
    EXPIRED = "expired"
    SCHEDULE_III_IV_LIMIT = "schedule_iii_iv_limit"
    NO_REFILLS_REMAINING = "no_refills_remaining"
    TOO_SOON = "too_soon"


# The first reason here that applies decides what the patient should do. An expiry that is too
# long ago to renew is handled before this list is asked.
_ACTIONS = {
    Reason.STOPPED: RefillAction.CONTACT_PRESCRIBER,
    Reason.SUPERSEDED: RefillAction.CONTACT_PRESCRIBER,
    Reason.OPEN_REQUEST: RefillAction.WAIT,
    Reason.ON_HOLD: RefillAction.CONTACT_PRESCRIBER,
    Reason.SCHEDULE_II: RefillAction.CONTACT_PRESCRIBER,
    Reason.FIRST_FILL_PENDING: RefillAction.WAIT,
    Reason.TOO_SOON: RefillAction.WAIT,
    Reason.EXPIRED: RefillAction.RENEW,
    Reason.SCHEDULE_III_IV_LIMIT: RefillAction.RENEW,
    Reason.NO_REFILLS_REMAINING: RefillAction.RENEW,
}
_ALWAYS_FIRST = frozenset(
    {
        Reason.STOPPED,
        Reason.SUPERSEDED,
        Reason.OPEN_REQUEST,
        Reason.ON_HOLD,
        Reason.SCHEDULE_II,
        Reason.FIRST_FILL_PENDING,
    }
)


@dataclass(frozen=True, slots=True)
class PrescriptionFacts:
    """What eligibility depends on. Dates are the patient's local days; `days_supply` of what is
    taken `as_needed` are the fewest days for which a fill lasts."""

    status: str
    schedule: int | None
    written_on: date
    expires_on: date
    days_supply: int
    refills_authorized: int
    refills_used: int
    first_fill_used: int
    last_filled_on: date | None
    early_refill_until: date | None
    open_refill_id: UUID | None
    supply_days: int | None = None
    refills_beyond: int = 0
    first_fills_beyond: int = 0
    as_needed: bool = False


@dataclass(frozen=True, slots=True)
class Eligibility:
    """The answer: one action, and all the reasons for it.

    What is taken regularly `runs_out_on` a day. What is taken as needed does not run out by the
    calendar: `runs_out_not_before` is the day before which there is some left, if never more was
    taken than may be.
    """

    action: RefillAction
    reasons: tuple[Reason, ...]
    refills_remaining: int
    next_eligible_on: date | None
    runs_out_on: date | None
    runs_out_not_before: date | None


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def expires_on(schedule: int | None, written_on: date) -> date:
    """The last day on which the law lets a prescription be filled."""
    controlled = schedule is not None and schedule <= 4
    return add_months(written_on, CONTROLLED_MONTHS if controlled else ORDINARY_MONTHS)


def most_refills(schedule: int | None) -> int:
    """How many refills may be authorised (21 CFR 1306.12 and 1306.22)."""
    if schedule == 2:
        return 0
    return CONTROLLED_REFILLS if schedule in (3, 4) else MAX_REFILLS


@dataclass(frozen=True, slots=True)
class Supply:
    """For how many days the patient has got medicine, and since when; None before any fill."""

    since: date | None
    days: int | None


def supply_after(before: Supply, part: Supply, *, goes_on: bool) -> Supply:
    """The supply once a part was handed over.

    A fill counts from its own day; a fill of before the present one changes nothing. A further part
    of a fill (`goes_on`) is taken once what was there is used up.
    """
    if before.since is None or part.since is None:
        return part
    if not goes_on:
        return part if part.since >= before.since else before
    if before.days is None or part.days is None:
        return part
    if part.since > before.since + timedelta(days=before.days):
        return part
    return Supply(before.since, before.days + part.days)


def next_eligible_on(facts: PrescriptionFacts) -> date | None:
    """The first day on which the next fill isn't too soon; None before the first fill."""
    if facts.last_filled_on is None:
        return None
    share = REFILL_AFTER if facts.schedule is None else REFILL_AFTER_CONTROLLED
    return facts.last_filled_on + timedelta(days=ceil(_days_handed_over(facts) * share))


def runs_out_on(facts: PrescriptionFacts) -> date | None:
    """The day on which the patient has none left, taken as directed; of what is taken as needed,
    the first on which that may be."""
    if facts.last_filled_on is None:
        return None
    return facts.last_filled_on + timedelta(days=_days_handed_over(facts))


def _days_handed_over(facts: PrescriptionFacts) -> int:
    return facts.days_supply if facts.supply_days is None else facts.supply_days


def _standing(facts: PrescriptionFacts, today: date) -> list[Reason]:
    """Reasons that lie in the prescription's standing.

    Of schedule II only the first fill may be handed over, and an expired prescription is never
    renewed but written anew (21 CFR 1306.12).
    """
    over = bool(facts.first_fill_used) or today > facts.expires_on
    found = {
        Reason.STOPPED: facts.status == PrescriptionStatus.STOPPED,
        Reason.SUPERSEDED: facts.status == PrescriptionStatus.SUPERSEDED,
        Reason.OPEN_REQUEST: facts.open_refill_id is not None,
        Reason.ON_HOLD: facts.status == PrescriptionStatus.ON_HOLD,
        Reason.SCHEDULE_II: facts.schedule == 2 and over,
        Reason.FIRST_FILL_PENDING: bool(facts.first_fill_used) and facts.last_filled_on is None,
    }
    return [reason for reason, applies in found.items() if applies]


def _limits(facts: PrescriptionFacts, today: date) -> list[Reason]:
    """Reasons that lie in what is left of it, and in the day."""
    controlled = facts.schedule in (3, 4)
    limit = add_months(facts.written_on, CONTROLLED_MONTHS)
    used_up = facts.refills_used >= CONTROLLED_REFILLS or today > limit
    eligible = next_eligible_on(facts)
    override = facts.early_refill_until is not None and today <= facts.early_refill_until
    none_left = facts.first_fill_used and facts.refills_used >= facts.refills_authorized
    found = {
        Reason.EXPIRED: today > facts.expires_on,
        Reason.SCHEDULE_III_IV_LIMIT: controlled and used_up,
        Reason.NO_REFILLS_REMAINING: bool(none_left) and facts.schedule != 2,
        Reason.TOO_SOON: eligible is not None and today < eligible and not override,
    }
    return [reason for reason, applies in found.items() if applies]


def _action(facts: PrescriptionFacts, reasons: list[Reason], today: date) -> RefillAction:
    first = next((reason for reason in reasons if reason in _ALWAYS_FIRST), None)
    if first is not None:
        return _ACTIONS[first]
    if today > facts.expires_on + RENEWABLE_AFTER_EXPIRY:
        return RefillAction.CONTACT_PRESCRIBER
    return next(
        (action for reason, action in _ACTIONS.items() if reason in reasons), RefillAction.REFILL
    )


def eligibility(facts: PrescriptionFacts, today: date) -> Eligibility:
    """What the patient may do with a prescription on the day `today`, and why.

    A first fill that nobody has, since it was cancelled or not dispensed, is asked for as a refill
    is.
    """
    reasons = _standing(facts, today) + _limits(facts, today)
    return Eligibility(
        action=_action(facts, reasons, today),
        reasons=tuple(reasons),
        refills_remaining=max(0, facts.refills_authorized - facts.refills_used),
        next_eligible_on=next_eligible_on(facts),
        runs_out_on=None if facts.as_needed else runs_out_on(facts),
        runs_out_not_before=runs_out_on(facts) if facts.as_needed else None,
    )
