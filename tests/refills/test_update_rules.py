"""What becomes of a pharmacy's update: every pair of statuses, times, corrections, quantities."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.ids import new_id
from portal.prescriptions.rules import Supply, supply_after
from portal.refills.pharmacy_model import UpdateOutcome
from portal.refills.rules import part_days
from portal.refills.states import CORRECTABLE, DERIVED, DISPENSED, REFILL, RefillStatus
from portal.refills.update_rules import (
    EXPECTED_WITHIN,
    Standing,
    StatusUpdate,
    Verdict,
    decide_update,
)
from tests.refills.test_states import DESIGN
from tests.support.clinic import NOW, TODAY

REASONS = {RefillStatus.ON_HOLD: "insurance", RefillStatus.NOT_DISPENSED: "out_of_stock"}
HOUR = timedelta(hours=1)
S = RefillStatus


def stands(status: RefillStatus, **changes: Any) -> Standing:
    """A refill of thirty tablets that is mailed or picked up as the status wants it."""
    values: dict[str, Any] = {
        "occurred_at": None,
        "requested_at": NOW - 3 * HOUR,
        "ordered": Decimal(30),
        "expires_on": TODAY + timedelta(days=200),
        "time_zone": "America/New_York",
        "delivery": "mail",
        **changes,
    }
    return Standing(status, **values)


def update(status: RefillStatus, **changes: Any) -> StatusUpdate:
    values = {"reason_code": REASONS.get(status), "occurred_at": NOW, **changes}
    if status == S.SHIPPED:
        values = {"carrier": "Parcel", **values}
    return StatusUpdate("event", new_id(), status, **values)


def verdict(before: Standing, status: RefillStatus, **changes: Any) -> Verdict:
    return decide_update(before, update(status, **changes), NOW)


def came_to(found: Verdict) -> tuple[int, str]:
    """How much an update handed over, and where the refill stands after it."""
    assert found.standing is not None
    return int(found.handed or 0), found.standing.status


def outcome(before: RefillStatus, sent: StatusUpdate, last: Any = None) -> UpdateOutcome:
    return decide_update(stands(before, occurred_at=last), sent, NOW).outcome


def expected(before: RefillStatus, after: RefillStatus, *, corrects: bool = False) -> str:
    if after in DERIVED:
        return "invalid"
    if before in (S.CANCELLED, S.PARTIALLY_DISPENSED):
        # What was taken back or given up and handed over all the same is never denied.
        return "applied" if after in DISPENSED else "quarantined"
    back = corrects and before in CORRECTABLE and after in CORRECTABLE and before != after
    return "applied" if back or "f" in DESIGN.get(before, {}).get(after, "") else "quarantined"


@pytest.mark.parametrize(("before", "after"), list(product(RefillStatus, RefillStatus)), ids=str)
def test_every_pair(before: RefillStatus, after: RefillStatus) -> None:
    found = verdict(stands(before), after, quantity=Decimal(30) if after in DISPENSED else None)
    assert found.outcome == expected(before, after)
    assert found.standing is not None
    assert found.standing.status == (after if found.outcome == "applied" else before)
    assert (found.problem is None) == (found.outcome == "applied")


@pytest.mark.parametrize(("before", "after"), list(product(RefillStatus, RefillStatus)), ids=str)
def test_a_correction_goes_back_between_what_are_no_ends(
    before: RefillStatus, after: RefillStatus
) -> None:
    corrected = update(after, correction=True, reason_code="typed_wrongly", quantity=Decimal(30))
    assert outcome(before, corrected) == expected(before, after, corrects=True)


def test_a_part_leaves_the_rest_owed_unless_it_was_taken_back() -> None:
    for before, after in product(RefillStatus, DISPENSED):
        found = verdict(stands(before), after, quantity=Decimal(10))
        if found.outcome != "applied" or found.standing is None:
            continue
        assert (found.handed, found.standing.owed) == (Decimal(10), Decimal(20))
        taken_back = before in (S.CANCELLED, S.HELD, S.PARTIALLY_DISPENSED)
        assert found.standing.status == ("partially_dispensed" if taken_back else "rest_owed")
        assert taken_back or REFILL.allows(before, found.standing.status)


def test_more_than_is_owed_is_a_persons_question() -> None:
    for before, after in product(RefillStatus, RefillStatus):
        found = verdict(stands(before, dispensed=Decimal(10)), after, quantity=Decimal(21))
        if after in DISPENSED or after in (S.PARTIALLY_READY, S.READY_FOR_PICKUP, S.SHIPPED):
            assert found.outcome == "quarantined"
        assert found.handed is None


def test_without_a_quantity_it_is_what_was_ready_or_all_that_is_owed() -> None:
    whole = verdict(stands(S.READY_FOR_PICKUP), S.PICKED_UP)
    assert came_to(whole) == (30, "picked_up")
    part = verdict(stands(S.PARTIALLY_READY, ready=Decimal(10)), S.PICKED_UP)
    assert came_to(part) == (10, "rest_owed")
    unknown = verdict(stands(S.PARTIALLY_READY), S.PICKED_UP)
    assert (unknown.outcome, unknown.handed) == ("quarantined", None)
    rest = verdict(stands(S.REST_OWED, dispensed=Decimal(10)), S.PICKED_UP)
    assert came_to(rest) == (20, "picked_up")


def test_what_is_given_up_after_a_part_is_no_refill_that_was_not_dispensed() -> None:
    found = verdict(stands(S.REST_OWED, dispensed=Decimal(10)), S.NOT_DISPENSED)
    assert found.standing is not None
    assert (found.outcome, found.standing.status) == ("applied", "partially_dispensed")


def test_the_rest_of_schedule_ii_follows_within_72_hours() -> None:
    """21 CFR 1306.13(a)."""
    first = verdict(
        stands(S.READY_FOR_PICKUP, schedule=2), S.PICKED_UP, quantity=Decimal(10)
    ).standing
    assert first is not None
    assert first.rest_due_at == NOW + 72 * HOUR
    for after, becomes in ((72 * HOUR, "applied"), (73 * HOUR, "quarantined")):
        then = NOW + after
        late = update(S.PICKED_UP, occurred_at=then)
        assert decide_update(first, late, then).outcome == becomes
    other = verdict(stands(S.READY_FOR_PICKUP, schedule=4), S.PICKED_UP, quantity=Decimal(10))
    assert other.standing is not None
    assert other.standing.rest_due_at is None


def test_times() -> None:
    preparing, ready = S.PREPARING, S.READY_FOR_PICKUP
    drift = timedelta(minutes=5)
    assert outcome(preparing, update(ready, occurred_at=NOW + drift)) == "applied"
    ahead = NOW + drift + timedelta(seconds=1)
    assert outcome(preparing, update(ready, occurred_at=ahead)) == "invalid"
    assert outcome(preparing, update(ready), last=NOW) == "applied"
    assert outcome(preparing, update(ready), last=NOW + timedelta(seconds=1)) == "late"


def test_nothing_happens_before_it_was_asked_for() -> None:
    asked = NOW - 3 * HOUR
    drift = timedelta(minutes=5)
    for occurred_at, becomes in (
        (asked - drift, "applied"),
        (asked - drift - timedelta(seconds=1), "invalid"),
        (NOW.replace(year=2020), "invalid"),
    ):
        sent = update(S.READY_FOR_PICKUP, occurred_at=occurred_at)
        assert outcome(S.PREPARING, sent) == becomes


@pytest.mark.parametrize("status", [S.ON_HOLD, S.PARTIALLY_READY, S.PREPARING], ids=str)
def test_a_day_is_expected_between_today_and_the_prescriptions_end(status: RefillStatus) -> None:
    expires = TODAY + timedelta(days=30)
    before = stands(S.WITH_PHARMACY, expires_on=expires)
    for day, becomes in (
        (TODAY - timedelta(days=1), "invalid"),
        (TODAY, "applied"),
        (expires, "applied"),
        (expires + timedelta(days=1), "invalid"),
        (date(2099, 1, 1), "invalid"),
    ):
        assert verdict(before, status, expected_on=day).outcome == becomes, day
    far = TODAY + EXPECTED_WITHIN
    assert verdict(stands(S.WITH_PHARMACY), status, expected_on=far).outcome == "applied"
    assert (
        verdict(stands(S.WITH_PHARMACY), status, expected_on=far + timedelta(days=1)).outcome
        == "invalid"
    )


def test_today_is_a_local_day() -> None:
    """Four in the afternoon in London is the next day in Auckland."""
    tomorrow = TODAY + timedelta(days=1)
    east = stands(S.WITH_PHARMACY, time_zone="Pacific/Auckland")
    assert verdict(east, S.ON_HOLD, expected_on=tomorrow).outcome == "applied"
    assert verdict(east, S.ON_HOLD, expected_on=TODAY).outcome == "invalid"


def test_what_is_shipped_has_a_carrier_or_says_that_it_has_none() -> None:
    mailed, collected = stands(S.PREPARING), stands(S.PREPARING, delivery="pickup")
    assert verdict(mailed, S.SHIPPED).outcome == "applied"
    assert verdict(mailed, S.SHIPPED, carrier=None).outcome == "invalid"
    assert verdict(mailed, S.SHIPPED, carrier=None, no_carrier=True).outcome == "applied"
    assert verdict(mailed, S.SHIPPED, no_carrier=True).outcome == "invalid"
    assert verdict(collected, S.SHIPPED).outcome == "invalid"


@pytest.mark.parametrize("status", REASONS)
def test_some_statuses_need_a_known_reason(status: RefillStatus) -> None:
    for reason in (None, "because"):
        sent = update(status, reason_code=reason)
        assert outcome(S.PREPARING, sent) == "invalid"


def test_a_correction_needs_a_reason() -> None:
    sent = update(S.PREPARING, correction=True)
    assert outcome(S.READY_FOR_PICKUP, sent) == "invalid"


def test_what_the_pharmacy_does_not_hold() -> None:
    assert decide_update(None, update(S.PREPARING), NOW).outcome == "not_found"


PARTS = st.lists(st.integers(1, 30), min_size=1, max_size=8)


@given(PARTS, st.integers(1, 90))
def test_the_parts_of_a_fill_last_as_long_as_its_whole(parts: list[int], days: int) -> None:
    ordered, before, lasted = Decimal(sum(parts)), Decimal(0), 0
    for part in parts:
        lasted += part_days(ordered, before, Decimal(part), days_supply=days, max_per_day=None)
        before += part
    assert lasted == days


@given(PARTS, st.integers(1, 12))
def test_the_parts_of_what_is_taken_as_needed(parts: list[int], most: int) -> None:
    """As long as what was handed over so far lasts at the maximum per day, after each of them."""
    ordered, before, lasted = Decimal(sum(parts)), Decimal(0), 0
    for part in parts:
        maximum = Decimal(most)
        lasted += part_days(ordered, before, Decimal(part), days_supply=None, max_per_day=maximum)
        before += part
        assert lasted == before // most


def test_a_further_part_is_taken_after_the_first() -> None:
    first = supply_after(Supply(date(2026, 1, 1), 30), Supply(TODAY, 10), goes_on=False)
    assert first == Supply(TODAY, 10)
    soon, late = TODAY + timedelta(days=3), TODAY + timedelta(days=12)
    assert supply_after(first, Supply(soon, 20), goes_on=True) == Supply(TODAY, 30)
    assert supply_after(first, Supply(late, 20), goes_on=True) == Supply(late, 20)
    assert supply_after(first, Supply(date(2026, 1, 2), 30), goes_on=False) == first
