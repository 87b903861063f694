"""The promise, checked: each slice says beside its tables what would break it, as queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

# The workers get this long before what they should have done counts as missing.
GRACE = timedelta(minutes=5)

_RULES: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Violation:
    """A loop that is not as it should be."""

    rule: str
    id: UUID


def declare(rules: Mapping[str, str]) -> None:
    """Declare rules: what is wrong, in words, and the SELECT of the `id`s for which it is.

    A statement may use `:settled`, before which the workers should have been done, and `:now`.
    """
    _RULES.update(rules)


def check(session: Session, *, now: datetime) -> Sequence[Violation]:
    """Every loop that breaks a rule; empty is the promise kept."""
    times = {"settled": now - GRACE, "now": now}
    return [
        Violation(rule, row.id)
        for rule, statement in _RULES.items()
        for row in session.execute(text(statement), times)
    ]
