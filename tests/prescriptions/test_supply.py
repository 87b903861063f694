"""For how long an order lasts, and what of it can't be left open when it is changed."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.prescriptions.service import RenewalChanges
from portal.prescriptions.supply import contradictions, days_of, lasts, missing_from


@dataclass(frozen=True)
class Before:
    quantity: Decimal = Decimal(30)
    directions: str = "One a day."
    days_supply: int | None = 30
    max_per_day: Decimal | None = None
    refills_authorized: int = 3


REGULAR = Before()
AS_NEEDED = Before(directions="One if needed.", days_supply=None, max_per_day=Decimal(4))
FOUR, FORTY = Decimal(4), Decimal(40)


@given(st.decimals("0.001", 1000, places=3), st.integers(1, 365))
def test_as_needed_never_lasts_longer_than_the_maximum_allows(most: Decimal, days: int) -> None:
    quantity = most * days
    assert lasts(quantity, days_supply=None, max_per_day=most) == days
    assert lasts(quantity - Decimal("0.001"), days_supply=None, max_per_day=most) == days - 1
    assert days_of(quantity, quantity, days_supply=None, max_per_day=most) == days


def test_neither_is_no_order() -> None:
    with pytest.raises(ValueError, match="maximum per day"):
        lasts(Decimal(1), days_supply=None, max_per_day=None)


@pytest.mark.parametrize(
    ("as_needed", "days", "most", "pointers"),
    [
        (False, 30, None, []),
        (False, None, None, ["/days_supply"]),
        (False, 30, 4, ["/max_per_day"]),
        (False, None, 4, ["/max_per_day", "/days_supply"]),
        (True, None, 4, []),
        (True, None, 30, []),
        (True, None, None, ["/max_per_day"]),
        (True, 30, 4, ["/days_supply"]),
        (True, None, 31, ["/max_per_day"]),
        (True, None, "0.08", ["/quantity"]),
    ],
)
def test_what_contradicts_itself(
    as_needed: bool, days: int | None, most: int | str | None, pointers: list[str]
) -> None:
    found = contradictions(
        as_needed=as_needed,
        quantity=Decimal(30),
        days_supply=days,
        max_per_day=None if most is None else Decimal(most),
    )
    assert [one.pointer for one in found] == pointers


@pytest.mark.parametrize(
    ("before", "changes", "pointers"),
    [
        (REGULAR, RenewalChanges(), []),
        (REGULAR, RenewalChanges(quantity=FORTY), ["/days_supply"]),
        (REGULAR, RenewalChanges(directions="Two."), ["/days_supply"]),
        (REGULAR, RenewalChanges(days_supply=15), ["/quantity"]),
        (REGULAR, RenewalChanges(days_supply=15, directions="Two."), []),
        (REGULAR, RenewalChanges(max_per_day=FOUR), ["/max_per_day"]),
        (REGULAR, RenewalChanges(as_needed=False), []),
        (REGULAR, RenewalChanges(as_needed=True), ["/max_per_day", "/directions"]),
        (REGULAR, RenewalChanges(as_needed=True, max_per_day=FOUR), ["/directions"]),
        (REGULAR, RenewalChanges(as_needed=True, max_per_day=FOUR, directions="If so."), []),
        (AS_NEEDED, RenewalChanges(), []),
        (AS_NEEDED, RenewalChanges(quantity=FORTY), []),
        (AS_NEEDED, RenewalChanges(quantity=Decimal(3)), ["/max_per_day"]),
        (AS_NEEDED, RenewalChanges(directions="Two if needed."), ["/max_per_day"]),
        (AS_NEEDED, RenewalChanges(max_per_day=Decimal(6)), ["/directions"]),
        (AS_NEEDED, RenewalChanges(max_per_day=Decimal(6), directions="Two if needed."), []),
        (AS_NEEDED, RenewalChanges(days_supply=30), ["/days_supply"]),
        (AS_NEEDED, RenewalChanges(as_needed=False), ["/days_supply", "/directions"]),
        (AS_NEEDED, RenewalChanges(as_needed=False, days_supply=30, directions="One a day."), []),
    ],
)
def test_what_a_renewal_leaves_open(
    before: Before, changes: RenewalChanges, pointers: list[str]
) -> None:
    assert [one.pointer for one in missing_from(before, changes)] == pointers
