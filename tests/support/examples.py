"""How much a test tries: little by default, much more at night (`make nightly`)."""

from hypothesis import settings

# What the profiles in tests/conftest.py are measured by.
USUAL = 100
PROFILES = {"careloop": USUAL, "nightly": 20 * USUAL}


def at_night() -> bool:
    return settings().max_examples > USUAL


def how_many(few: int) -> int:
    """`few` by default, and as many times more at night as the profile says."""
    return few * settings().max_examples // USUAL


def examples(few: int, *, steps: int = 50) -> settings:
    """For a test or a stateful machine whose examples are dear: `few` of them by default, each of
    at most so many steps; many more at night."""
    return settings(max_examples=how_many(few), stateful_step_count=steps)
