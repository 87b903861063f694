"""Pure decisions about refills: what to do with a request, when the next step is due, with whom."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.core.errors import FieldError
from portal.directory.rules import Calendar
from portal.notifications.errors import MailingAddressMissing
from portal.prescriptions.rules import (
    Eligibility,
    PrescriptionFacts,
    Reason,
    RefillAction,
    eligibility,
)
from portal.prescriptions.supply import days_of
from portal.refills.errors import PharmacyUnusable, RefillNotAllowed
from portal.refills.states import (
    CORRECTABLE,
    REFILL,
    Delivery,
    NotDispensedReason,
    RefillKind,
    RefillStatus,
    Way,
)

S = RefillStatus

# How long each step may take before it is shown as late. A pharmacy returns what nobody collects
# to its stock after about two weeks.
STEP_LIMITS = {
    S.SENDING: timedelta(hours=4),
    S.WITH_PHARMACY: timedelta(hours=24),
    S.PREPARING: timedelta(hours=24),
    S.ON_HOLD: timedelta(hours=72),
    S.PARTIALLY_READY: timedelta(hours=72),
    S.READY_FOR_PICKUP: timedelta(days=14),
    S.SHIPPED: timedelta(days=10),
    S.REST_OWED: timedelta(hours=72),
    # A hold without an end is its prescriber's to decide about.
    S.HELD: timedelta(days=14),
}
# And how many hours the pharmacy must have been open meanwhile.
OPEN_HOURS = {
    S.SENDING: 4,
    S.WITH_PHARMACY: 8,
    S.PREPARING: 8,
    S.ON_HOLD: 24,
    S.PARTIALLY_READY: 24,
    S.REST_OWED: 24,
}
_WITH_PHARMACY = frozenset(STEP_LIMITS) - {S.SENDING, S.READY_FOR_PICKUP, S.SHIPPED, S.HELD}
_BACK_TO_PRESCRIBER = frozenset(
    {NotDispensedReason.PRESCRIPTION_PROBLEM, NotDispensedReason.INSURANCE_REJECTED}
)


# Reason codes of steps that follow from what was done with the prescription.
STOPPED = "prescription_stopped"
HELD = "prescription_on_hold"
RESUMED = "prescription_resumed"
SAID_OTHERWISE = (STOPPED, HELD, RESUMED)
REST_EXPIRED = "rest_expired"
PHARMACY_CHANGED = "pharmacy_changed"


class TakenRefill(Protocol):
    """What a refill has taken of its prescription."""

    @property
    def id(self) -> UUID: ...
    @property
    def kind(self) -> str: ...
    @property
    def reserved(self) -> bool: ...


class PharmacyFacts(Protocol):
    """What a request needs to know of the pharmacy that would fill it."""

    @property
    def active(self) -> bool: ...
    @property
    def mail_order(self) -> bool: ...
    @property
    def mails(self) -> bool: ...


def permit_fill(facts: PrescriptionFacts, today: date, way: Way) -> tuple[RefillKind, Eligibility]:
    """Whether a prescription may be filled on the day `today`: the one decision for every way in.

    Returns the kind of fill and what it follows from. A renewal is no fill yet: it goes to the
    prescriber. Raises RefillNotAllowed with every reason when the way leads nowhere now.
    """
    answer = eligibility(facts, today)
    if answer.action not in _MAY[way]:
        raise RefillNotAllowed(
            _why_not(answer),
            action=answer.action,
            reasons=list(answer.reasons),
            next_eligible_on=answer.next_eligible_on,
            runs_out_not_before=answer.runs_out_not_before,
        )
    if answer.action == RefillAction.RENEW:
        return RefillKind.RENEWAL, answer
    return RefillKind.REFILL if facts.first_fill_used else RefillKind.FIRST_FILL, answer


def _why_not(answer: Eligibility) -> str:
    lasts = answer.runs_out_not_before
    if answer.action == RefillAction.WAIT and Reason.TOO_SOON in answer.reasons and lasts:
        return (
            f"Taken as needed, and never more in a day than the maximum, it lasts until {lasts} at "
            f"least. You can ask again from {answer.next_eligible_on} on."
        )
    return _REFUSALS[answer.action]


def without(facts: PrescriptionFacts, refill: TakenRefill) -> PrescriptionFacts:
    """The facts as they are once a refill has given back what it took."""
    first = refill.kind != RefillKind.REFILL
    beyond = facts.first_fills_beyond if first else facts.refills_beyond
    taken = int(refill.reserved and not beyond)
    return replace(
        facts,
        first_fill_used=facts.first_fill_used - taken * first,
        refills_used=facts.refills_used - taken * (not first),
        open_refill_id=None if facts.open_refill_id == refill.id else facts.open_refill_id,
    )


_MAY = {
    Way.REQUEST: frozenset({RefillAction.REFILL, RefillAction.RENEW}),
    Way.RENEWAL_REQUEST: frozenset({RefillAction.RENEW}),
    Way.SENDING: frozenset({RefillAction.REFILL}),
}
_REFUSALS = {
    RefillAction.REFILL: "Refills are left, so that no renewal is needed: the patient asks for one "
    "in the portal or by phone, and it comes as an order.",
    RefillAction.RENEW: "This needs a renewal: ask for one with POST /api/v1/refills.",
    RefillAction.WAIT: "This can't be refilled yet: see `reasons` and `next_eligible_on`.",
    RefillAction.CONTACT_PRESCRIBER: "Contact the prescriber: this prescription can't be refilled.",
}


def check_pharmacy(pharmacy: PharmacyFacts | None, delivery: str, has_address: bool) -> None:
    """Raises PharmacyUnusable or MailingAddressMissing, with the remedy."""
    problem = None
    if pharmacy is None or not pharmacy.active:
        problem = FieldError("/pharmacy_id", "No such pharmacy: choose one of GET /pharmacies.")
    elif delivery == Delivery.MAIL and not (pharmacy.mails or pharmacy.mail_order):
        problem = FieldError(
            "/delivery", "This pharmacy doesn't mail: choose pickup, or a pharmacy_id that does."
        )
    elif delivery == Delivery.PICKUP and pharmacy.mail_order:
        problem = FieldError(
            "/delivery", "This pharmacy only mails: choose mail, or a pharmacy_id near you."
        )
    if problem:
        raise PharmacyUnusable(problem.message, errors=[problem])
    if delivery == Delivery.MAIL and not has_address:
        raise MailingAddressMissing()


def expected_by(
    status: RefillStatus,
    now: datetime,
    *,
    calendar: Calendar | None = None,
    expected_on: date | None = None,
    time_zone: str = "UTC",
) -> datetime | None:
    """When the next step is due (UTC); None for an end.

    What the pharmacy is to do counts its opening hours: never late because it is closed. A day that
    it named counts to its end where the pharmacy is.
    """
    if status in REFILL.ends:
        return None
    limit = now + STEP_LIMITS[status]
    if expected_on is None:
        if calendar is None or status not in OPEN_HOURS:
            return limit
        return max(limit, calendar.add_business(now, OPEN_HOURS[status]))
    time_zone = time_zone if calendar is None else calendar.time_zone
    end_of_day = datetime.combine(expected_on, time.max, tzinfo=ZoneInfo(time_zone))
    return max(end_of_day, now + timedelta(hours=1))


def part_days(
    ordered: Decimal,
    before: Decimal,
    handed: Decimal,
    *,
    days_supply: int | None,
    max_per_day: Decimal | None,
) -> int:
    """The days for which a part lasts; the parts of a fill make its whole, however they are cut."""
    lasts = partial(days_of, ordered=ordered, days_supply=days_supply, max_per_day=max_per_day)
    return lasts(before + handed) - lasts(before)


def is_urgent(runs_out_on: date | None, due_on: date) -> bool:
    """A patient who would run out before the routine due time, or may, can't wait for it."""
    return runs_out_on is not None and runs_out_on <= due_on


def with_whom(status: RefillStatus) -> str | None:
    """Who has the request now: prescriber, careloop, pharmacy, carrier, patient; None at an end."""
    if status in (S.AWAITING_PRESCRIBER, S.HELD):
        return "prescriber"
    if status in _WITH_PHARMACY:
        return "pharmacy"
    return {S.SENDING: "careloop", S.READY_FOR_PICKUP: "patient", S.SHIPPED: "carrier"}.get(status)


def is_late(expected: datetime | None, now: datetime) -> bool:
    return expected is not None and expected < now


def may_correct(before: RefillStatus, after: RefillStatus) -> bool:
    """Whether a pharmacy's correction may go from one status to another."""
    return before in CORRECTABLE and after in CORRECTABLE and before != after


def returns_to_prescriber(reason: str | None) -> bool:
    """Whether what the pharmacy could not dispense is the prescriber's to solve."""
    return reason in _BACK_TO_PRESCRIBER


def next_step(status: RefillStatus, reason: str | None) -> str | None:
    """What the patient should do after an end that isn't a dispense, in plain words."""
    if status == S.NOT_DISPENSED:
        if returns_to_prescriber(reason):
            return "Your prescriber has been told and will sort this out. You need do nothing now."
        return "Choose another pharmacy for this refill, or call this one."
    if status == S.PARTIALLY_DISPENSED:
        return _AFTER_PART
    if status in (S.CANCELLED, S.HELD):
        return _AFTER_WITHDRAWAL.get(reason or "")
    if status == S.DENIED:
        return _AFTER_DENIAL.get(reason or "", "Message or call your prescriber's office.")
    return None


_AFTER_PART = (
    "Your prescriber has been told that the rest will not follow. Take what you have as directed, "
    "and call your prescriber's office before it is used up."
)
_AFTER_WITHDRAWAL = {
    "prescription_stopped": "Your prescriber stopped this medicine: do not pick it up or take it. "
    "Ask your prescriber's office if unsure.",
    "prescription_on_hold": "Your prescriber has put this medicine on hold: it goes on once that "
    "ends. Ask your prescriber's office if unsure whether to take what you have.",
}
_AFTER_DENIAL = {
    "visit_needed": "Make an appointment: your prescriber wants to see you before renewing.",
    "test_needed": "Have the test done that your prescriber ordered; ask again afterwards.",
    "no_longer_needed": "Stop taking this medicine as your prescriber told you; ask if unsure.",
    "changed_treatment": "Use the new treatment instead; ask your prescriber if unsure.",
    "too_early": "Ask again when less of it is left.",
    "not_my_patient": "Ask the prescriber who treats you for this now.",
}
