"""Who may act for whom today, by period and by a child's age: pure decisions.

The database decides the same for every row that it shows (`careloop_delegated_categories`); here it
is said to people.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from portal.core.actor import AccessCategory
from portal.patients.delegation_states import DelegationKind, DelegationStatus, Standing

# How long an offer can be accepted.
OFFER_LASTS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ParentalBounds:
    """To which birthdays parents' access to a child's record reaches, and what of it is left in
    between: full until `full_until`, `limited` until `limited_until`, then none (years of age)."""

    full_until: int = 12
    limited_until: int = 18
    # What a minor writes to the care team stays between them.
    limited: frozenset[str] = frozenset(set(AccessCategory) - {AccessCategory.MESSAGES})


class Delegated(Protocol):
    """Of a delegation, what decides whether it gives access."""

    @property
    def kind(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def categories(self) -> Collection[str]: ...
    @property
    def starts_on(self) -> date: ...
    @property
    def ends_on(self) -> date | None: ...
    @property
    def offered_at(self) -> datetime: ...


def age_on(birth_date: date, day: date) -> int:
    """Completed years of age. Who was born on 29 February has the birthday on 1 March in other
    years, as PostgreSQL's age() has it."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def is_minor(birth_date: date, bounds: ParentalBounds, today: date) -> bool:
    return age_on(birth_date, today) < bounds.limited_until


def of_age(
    kind: str, categories: Collection[str], birth_date: date, bounds: ParentalBounds, today: date
) -> frozenset[str]:
    """What is left of a delegation's categories at the patient's age."""
    if kind != DelegationKind.PARENTAL:
        return frozenset(categories)
    age = age_on(birth_date, today)
    if age < bounds.full_until:
        return frozenset(categories)
    return frozenset(categories) & bounds.limited if age < bounds.limited_until else frozenset()


def standing_of(
    delegation: Delegated, birth_date: date, bounds: ParentalBounds, today: date, now: datetime
) -> Standing:
    """What a delegation amounts to; `today` is the clinic's day."""
    status = DelegationStatus(delegation.status)
    if status == DelegationStatus.OFFERED:
        return Standing.LAPSED if has_lapsed(delegation.offered_at, now) else Standing.OFFERED
    if status != DelegationStatus.ACCEPTED:
        return Standing(status.value)
    if delegation.ends_on is not None and delegation.ends_on < today:
        return Standing.ENDED
    if not of_age(delegation.kind, delegation.categories, birth_date, bounds, today):
        return Standing.OUTGROWN
    return Standing.UPCOMING if today < delegation.starts_on else Standing.ACTIVE


def has_lapsed(offered_at: datetime, now: datetime) -> bool:
    """Whether an offer was left unanswered for too long."""
    return now >= offered_at + OFFER_LASTS
