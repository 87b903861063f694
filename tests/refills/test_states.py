"""Every pair of statuses against the design's table, for every kind of mover."""

from itertools import product

import pytest

from portal.core.actor import ActorKind
from portal.core.ids import new_id
from portal.core.states import IllegalTransition
from portal.refills.model import Refill
from portal.refills.states import OPEN, REFILL, RefillStatus
from tests.support.clinic import NOW, actor

# Written out a second time on purpose: status -> (next -> who).
GIVEN_UP = {"not_dispensed": "f", "partially_dispensed": "fw"}
PREPARED = {"partially_ready": "f", "ready_for_pickup": "f", "shipped": "f"}
DESIGN = {
    "awaiting_prescriber": {"sending": "d", "denied": "d", "cancelled": "pedw"},
    "sending": {"with_pharmacy": "f", "not_dispensed": "f", "held": "w", "cancelled": "pedw"},
    "with_pharmacy": {
        "preparing": "f",
        "on_hold": "f",
        **PREPARED,
        **GIVEN_UP,
        "held": "w",
        "cancelled": "pedw",
    },
    "preparing": {"on_hold": "f", **PREPARED, **GIVEN_UP, "held": "w", "cancelled": "w"},
    "on_hold": {
        "preparing": "f",
        "on_hold": "f",
        **PREPARED,
        **GIVEN_UP,
        "held": "w",
        "cancelled": "pedw",
    },
    "partially_ready": {
        **PREPARED,
        "picked_up": "f",
        "rest_owed": "f",
        **GIVEN_UP,
        "cancelled": "w",
    },
    "ready_for_pickup": {"picked_up": "f", "rest_owed": "f", **GIVEN_UP, "cancelled": "w"},
    "shipped": {"delivered": "f", "rest_owed": "f", **GIVEN_UP, "cancelled": "w"},
    "rest_owed": {
        "preparing": "f",
        "on_hold": "f",
        **PREPARED,
        "picked_up": "f",
        "delivered": "f",
        "rest_owed": "f",
        **GIVEN_UP,
        "held": "w",
        "cancelled": "pedw",
    },
    "held": {
        "sending": "w",
        "picked_up": "f",
        "delivered": "f",
        **GIVEN_UP,
        "cancelled": "pedw",
    },
}
LETTERS = {
    "p": ActorKind.PATIENT,
    "e": ActorKind.DELEGATE,
    "d": ActorKind.PRACTITIONER,
    "f": ActorKind.PHARMACY,
    "w": ActorKind.WORKER,
}


@pytest.mark.parametrize(("before", "after"), list(product(RefillStatus, RefillStatus)), ids=str)
def test_every_pair_for_every_mover(before: RefillStatus, after: RefillStatus) -> None:
    movers = {LETTERS[letter] for letter in DESIGN.get(before, {}).get(after, "")}
    for kind in ActorKind:
        refill = Refill(id=new_id(), status=before, patient_id=new_id(), pharmacy_id=new_id())
        mover = actor(kind, new_id())
        if kind in movers:
            history = refill.move_to(after, actor=mover, now=NOW, expected_by=NOW)
            assert (history.from_status, history.to_status) == (before, after)
            assert refill.status == after
            assert (refill.closed_at is not None) == (after in REFILL.ends)
            assert (refill.expected_by is None) == (after in REFILL.ends)
        else:
            with pytest.raises(IllegalTransition):
                refill.move_to(after, actor=mover, now=NOW, expected_by=NOW)
            assert refill.status == before


def test_the_ends() -> None:
    assert {s.value for s in REFILL.ends} == {
        "picked_up",
        "delivered",
        "partially_dispensed",
        "denied",
        "not_dispensed",
        "cancelled",
    }
    assert set(OPEN) | REFILL.ends == set(RefillStatus)
