"""How prescriptions stand: which share is refillable, too soon, used up, expired, and so on."""

from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from random import Random

from portal.demo.drugs import CONTROLLED, ORDINARY, Drug
from portal.prescriptions.rules import REFILL_AFTER, REFILL_AFTER_CONTROLLED

CONTROLLED_SHARE = 0.06


@dataclass(frozen=True, slots=True)
class Standing:
    """Days are counted from `as_of`; `open_refill` is the status of the open one, if any."""

    drug: Drug
    written: int
    filled: int | None
    authorized: int
    used: int
    status: str = "active"
    reason: str | None = None
    open_refill: str | None = None


def _too_soon_for(drug: Drug) -> int:
    share = REFILL_AFTER if drug.schedule is None else REFILL_AFTER_CONTROLLED
    return ceil(drug.lasts * share)


def refillable(rng: Random, drug: Drug) -> Standing:
    filled = -_too_soon_for(drug) - rng.randrange(12)
    used = rng.randrange(1, 3)
    return Standing(drug, filled - rng.randrange(30), filled, used + rng.randrange(1, 3), used)


def asked_for(rng: Random, drug: Drug) -> Standing:
    ready = refillable(rng, drug)
    status = rng.choice(("with_pharmacy", "preparing", "ready_for_pickup", "on_hold"))
    return Standing(
        drug, ready.written, ready.filled, ready.authorized, ready.used + 1, open_refill=status
    )


def too_soon(rng: Random, drug: Drug) -> Standing:
    filled = -rng.randrange(_too_soon_for(drug))
    used = rng.randrange(0, 3)
    return Standing(drug, filled - rng.randrange(60), filled, used + 1, used)


def used_up(rng: Random, drug: Drug) -> Standing:
    filled = -_too_soon_for(drug) - rng.randrange(20)
    refills = rng.randrange(1, 4)
    return Standing(drug, filled - rng.randrange(30), filled, refills, refills)


def at_the_prescriber(rng: Random, drug: Drug) -> Standing:
    end = used_up(rng, drug)
    return Standing(
        drug,
        end.written,
        end.filled,
        end.authorized,
        end.used,
        open_refill="awaiting_prescriber",
    )


def expired(rng: Random, drug: Drug) -> Standing:
    written = -370 - rng.randrange(100)
    return Standing(drug, written, written + rng.randrange(100, 200), 5, rng.randrange(1, 4))


def long_expired(rng: Random, drug: Drug) -> Standing:
    written = -500 - rng.randrange(200)
    return Standing(drug, written, written + rng.randrange(100, 200), 5, rng.randrange(1, 4))


def new(rng: Random, drug: Drug) -> Standing:
    return Standing(drug, -rng.randrange(2), None, 3, 0, open_refill="with_pharmacy")


def on_hold(rng: Random, drug: Drug) -> Standing:
    filled = -20 - rng.randrange(60)
    return Standing(drug, filled - 30, filled, 5, 1, "on_hold", "waiting for a laboratory test")


def stopped(rng: Random, drug: Drug) -> Standing:
    filled = -20 - rng.randrange(200)
    return Standing(drug, filled - 30, filled, 5, 2, "stopped", "changed treatment")


def never_refillable(rng: Random, drug: Drug) -> Standing:
    filled = -rng.randrange(40)
    return Standing(drug, filled, filled, 0, 0)


_SHARES: tuple[tuple[float, Callable[[Random, Drug], Standing]], ...] = (
    (0.44, refillable),
    (0.26, too_soon),
    (0.12, used_up),
    (0.05, expired),
    (0.02, long_expired),
    (0.06, stopped),
    (0.01, on_hold),
    (0.01, new),
    (0.025, asked_for),
    (0.005, at_the_prescriber),
)
_BOUNDS = list(accumulate(share for share, _ in _SHARES))
_WAYS = [way for _, way in _SHARES]
_CONTROLLED_WAYS = (refillable, too_soon, used_up, stopped)


def draw(rng: Random, count: int) -> Iterator[Standing]:
    """How so many prescriptions of a patient stand, by the shares above; each of another drug."""
    taken: set[str] = set()
    while len(taken) < count:
        standing = _draw(rng)
        if standing.drug.rxnorm_code not in taken:
            taken.add(standing.drug.rxnorm_code)
            yield standing


def _draw(rng: Random) -> Standing:
    if rng.random() < CONTROLLED_SHARE:
        drug = CONTROLLED[int(rng.random() * len(CONTROLLED))]
        if drug.schedule == 2:
            return never_refillable(rng, drug)
        return _CONTROLLED_WAYS[int(rng.random() * len(_CONTROLLED_WAYS))](rng, drug)
    drug = ORDINARY[int(rng.random() * len(ORDINARY))]
    way = _WAYS[min(bisect(_BOUNDS, rng.random()), len(_WAYS) - 1)]
    return way(rng, drug)
