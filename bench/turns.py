"""Measuring the scales in turns, and what a series of measurements says."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import TypeVar

from bench.client import Load

Measured = TypeVar("Measured")
Scale = TypeVar("Scale")


def in_turns(
    sides: Sequence[Scale], rounds: int, measure: Callable[[Scale], Measured]
) -> list[list[Measured]]:
    """Measure the sides in turns, so that what else the machine does falls on all alike."""
    found: list[list[Measured]] = [[] for _ in sides]
    for number in range(rounds):
        places = range(len(sides)) if number % 2 == 0 else reversed(range(len(sides)))
        for place in places:
            found[place].append(measure(sides[place]))
    return found


def rates(found: Sequence[Sequence[Load]], each: int = 1) -> list[float]:
    """The median of each side, so many a second."""
    return [median(load.rate for load in loads) * each for loads in found]


def p95s(found: Sequence[Sequence[Load]]) -> list[float]:
    """The median of each side's 95th percentiles, in milliseconds."""
    return [median(load.p95_ms for load in loads) for loads in found]


def slower(found: Sequence[Sequence[Load]]) -> float:
    """How many times slower the last side is than the first: the median of the turns, each of which
    both sides took at about the same time."""
    return median(first.rate / last.rate for first, last in zip(found[0], found[-1], strict=True))
