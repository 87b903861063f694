"""What becomes of a pharmacy's update: every pair of statuses, times and corrections."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from portal.core.ids import new_id
from portal.refills.pharmacy_model import UpdateOutcome
from portal.refills.states import CORRECTABLE, RefillStatus
from portal.refills.update_rules import Standing, StatusUpdate, decide_update
from tests.refills.test_states import DESIGN
from tests.support.clinic import NOW

REASONS = {RefillStatus.ON_HOLD: "insurance", RefillStatus.NOT_DISPENSED: "out_of_stock"}


def update(status: RefillStatus, **changes: Any) -> StatusUpdate:
    values = {"reason_code": REASONS.get(status), "occurred_at": NOW, **changes}
    return StatusUpdate("event", new_id(), status, **values)


def outcome(before: RefillStatus, sent: StatusUpdate, last: Any = None) -> UpdateOutcome:
    return decide_update(Standing(before, last), sent, NOW).outcome


@pytest.mark.parametrize(("before", "after"), list(product(RefillStatus, RefillStatus)), ids=str)
def test_every_pair(before: RefillStatus, after: RefillStatus) -> None:
    allowed = "f" in DESIGN.get(before, {}).get(after, "")
    verdict = decide_update(Standing(before, None), update(after), NOW)
    assert verdict.outcome == ("applied" if allowed else "quarantined")
    assert verdict.standing == Standing(after if allowed else before, NOW if allowed else None)


@pytest.mark.parametrize(("before", "after"), list(product(RefillStatus, RefillStatus)), ids=str)
def test_a_correction_goes_back_between_what_are_no_ends(
    before: RefillStatus, after: RefillStatus
) -> None:
    corrected = update(after, correction=True, reason_code="typed_wrongly")
    back = before in CORRECTABLE and after in CORRECTABLE and before != after
    allowed = "f" in DESIGN.get(before, {}).get(after, "")
    assert outcome(before, corrected) == ("applied" if back or allowed else "quarantined")


def test_times() -> None:
    preparing, ready = RefillStatus.PREPARING, RefillStatus.READY_FOR_PICKUP
    drift = timedelta(minutes=5)
    assert outcome(preparing, update(ready, occurred_at=NOW + drift)) == "applied"
    ahead = NOW + drift + timedelta(seconds=1)
    assert outcome(preparing, update(ready, occurred_at=ahead)) == "invalid"
    assert outcome(preparing, update(ready), last=NOW) == "applied"
    assert outcome(preparing, update(ready), last=NOW + timedelta(seconds=1)) == "late"


@pytest.mark.parametrize("status", REASONS)
def test_some_statuses_need_a_known_reason(status: RefillStatus) -> None:
    for reason in (None, "because"):
        sent = update(status, reason_code=reason)
        assert outcome(RefillStatus.PREPARING, sent) == "invalid"


def test_a_correction_needs_a_reason() -> None:
    sent = update(RefillStatus.PREPARING, correction=True)
    assert outcome(RefillStatus.READY_FOR_PICKUP, sent) == "invalid"


def test_what_the_pharmacy_does_not_hold() -> None:
    assert decide_update(None, update(RefillStatus.PREPARING), NOW).outcome == "not_found"
