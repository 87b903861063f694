"""kill -9 in the middle of a burst of orders: each reaches its laboratory, under one control id."""

import pytest

from tests.chaos.crowd import during
from tests.chaos.evidence import Evidence
from tests.chaos.orders import (
    Orders,
    answered,
    astray,
    messages_of,
    orders_of,
    out_of_turn,
    placed_since,
    sign_in,
)
from tests.chaos.recovery import (
    Disaster,
    check_promises,
    kill_part,
    kill_postmaster,
    pids_of,
    say,
    settle,
    wait_for_others,
)
from tests.support.processes import wait_for
from tests.support.supervised import Supervised

pytestmark = pytest.mark.chaos

ORDERS = 150
DISASTERS: dict[str, tuple[str, Disaster]] = {
    "sender": ("laboratories", kill_part("laboratories")),
    "laboratory": ("laboratory", kill_part("laboratory")),
    "database": ("postgres", kill_postmaster),
}


@pytest.fixture(scope="module")
def token(careloop: Supervised) -> str:
    return sign_in(careloop.base_url, careloop.var)


@pytest.mark.parametrize("name", DISASTERS)
def test_every_order_reaches_its_laboratory_once(
    careloop: Supervised, evidence: Evidence, token: str, name: str
) -> None:
    part, disaster = DISASTERS[name]
    since = evidence.now()
    orders = orders_of(evidence, token, ORDERS)
    before = pids_of(careloop, part)
    struck: list[int] = []

    def strike() -> None:
        wait_for(lambda: answered(evidence, since), "an order was answered", 60)
        disaster(careloop)
        struck.append(len(orders.answers))

    during(orders, careloop.base_url, ORDERS // 3, strike)
    wait_for_others(careloop, before)
    settled = settle(evidence, lambda: answered(evidence, since) == ORDERS)
    report(name, orders, struck[0], evidence, settled)
    check_orders(orders, evidence)
    assert placed_since(evidence, since) == set(orders.ids)
    check_promises(evidence)


def check_orders(orders: Orders, evidence: Evidence) -> None:
    """Each was placed once, sent under one control id in its turn, and accepted once."""
    ids = orders.ids
    assert len(ids) == len(set(ids)) == ORDERS
    assert astray(evidence, ids) == []
    assert out_of_turn(messages_of(evidence, ids)) == []


def report(name: str, orders: Orders, struck: int, evidence: Evidence, settled: float) -> None:
    again = sum(row["attempts"] - 1 for row in messages_of(evidence, orders.ids))
    say(
        f"\n{name}: killed after {struck} of {ORDERS} orders; {orders.retried} ordered again, "
        f"{again} sent to the laboratory again; {orders.seconds:.0f} s of ordering, "
        f"settled {settled:.0f} s later"
    )
