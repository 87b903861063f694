"""For how long what is ordered lasts: what is taken regularly, and what is taken as needed.

The first has a days' supply. The second (PRN; FHIR R4 Dosage.asNeeded and maxDosePerPeriod) has a
maximum per day, in the prescription's unit: it lasts at least for as many days as that allows.
"""

from decimal import Decimal
from typing import Any

from portal.core.errors import FieldError

MOST_DAYS = 365
_ROUNDING = Decimal("0.1")
NOT_AS_NEEDED = "Only of what is taken as needed: say `as_needed`, or leave it out."


def lasts(quantity: Decimal, *, days_supply: int | None, max_per_day: Decimal | None) -> int:
    """For how many days what is ordered lasts: of what is taken as needed, the fewest, when as much
    is taken each day as may be. Raises ValueError where neither is said."""
    if days_supply is not None:
        return days_supply
    if max_per_day is None:
        raise ValueError("an order has a days' supply or a maximum per day")
    return int(quantity / max_per_day)


def days_of(
    quantity: Decimal,
    ordered: Decimal,
    *,
    days_supply: int | None,
    max_per_day: Decimal | None,
) -> int:
    """For how many days a quantity lasts, of what is ordered: as needed, the fewest."""
    if days_supply is None:
        return lasts(quantity, days_supply=None, max_per_day=max_per_day)
    return int(days_supply * quantity / ordered)


def contradictions(
    *,
    as_needed: bool,
    quantity: Decimal,
    days_supply: int | None,
    max_per_day: Decimal | None,
) -> list[FieldError]:
    """What is missing from, or too much in, what is said of how long an order lasts."""
    if as_needed:
        return _of_as_needed(quantity, days_supply, max_per_day)
    found = []
    if max_per_day is not None:
        found.append(FieldError("/max_per_day", NOT_AS_NEEDED))
    if days_supply is None:
        message = "How many days does it last? Or say `as_needed`, with `max_per_day`."
        found.append(FieldError("/days_supply", message))
    return found


def _of_as_needed(
    quantity: Decimal, days_supply: int | None, max_per_day: Decimal | None
) -> list[FieldError]:
    found = []
    if days_supply is not None:
        message = "What is taken as needed has none: say `max_per_day`, or take `as_needed` back."
        found.append(FieldError("/days_supply", message))
    if max_per_day is None:
        found.append(FieldError("/max_per_day", "How much may be taken in a day, in the unit?"))
    elif max_per_day > quantity:
        found.append(FieldError("/max_per_day", f"Not more than the quantity, {quantity:f}."))
    elif quantity > MOST_DAYS * max_per_day:
        message = f"At this maximum per day it lasts more than {MOST_DAYS} days: order less."
        found.append(FieldError("/quantity", message))
    return found


def missing_from(before: Any, changes: Any) -> list[FieldError]:
    """What a renewal's changes of a prescription leave open or contradict: how much there is, how
    it is taken and how long it lasts hang together, and none is kept in silence when another
    changes. What is None stays.
    """
    was_as_needed = before.max_per_day is not None
    as_needed = was_as_needed if changes.as_needed is None else changes.as_needed
    if as_needed != was_as_needed:
        return _otherwise(before, changes, as_needed=as_needed)
    return _still_as_needed(before, changes) if as_needed else _still_regular(before, changes)


def _changed(before: Any, changes: Any, name: str) -> bool:
    value = getattr(changes, name)
    return value is not None and value != getattr(before, name)


def _otherwise(before: Any, changes: Any, *, as_needed: bool) -> list[FieldError]:
    """Taken as needed from now on, or no longer: everything is said anew but the quantity."""
    found = contradictions(
        as_needed=as_needed,
        quantity=changes.quantity or before.quantity,
        days_supply=changes.days_supply,
        max_per_day=changes.max_per_day,
    )
    if not _changed(before, changes, "directions"):
        found.append(FieldError("/directions", "It is taken otherwise from now on: how?"))
    return found


def _still_regular(before: Any, changes: Any) -> list[FieldError]:
    found = []
    if changes.max_per_day is not None:
        found.append(FieldError("/max_per_day", NOT_AS_NEEDED))
    other = [name for name in ("quantity", "directions") if _changed(before, changes, name)]
    if other and changes.days_supply is None:
        message = f"The {other[0]} change: how many days does it last?"
        found.append(FieldError("/days_supply", message))
    directed = "directions" in other
    if _changed(before, changes, "days_supply") and changes.quantity is None and not directed:
        message = "The days' supply changes: how much is handed over for it?"
        found.append(FieldError("/quantity", message))
    if not found and changes.directions is None and _other_dose(before, changes):
        message = "How much is taken a day changes: what do the directions say?"
        found.append(FieldError("/directions", message))
    return found


def _other_dose(before: Any, changes: Any) -> bool:
    """Whether another quantity a day is handed over, beyond what days rounded to whole ones
    explain."""
    was = before.quantity / before.days_supply
    now = (changes.quantity or before.quantity) / (changes.days_supply or before.days_supply)
    return bool(abs(now - was) > was * _ROUNDING)


def _still_as_needed(before: Any, changes: Any) -> list[FieldError]:
    found = contradictions(
        as_needed=True,
        quantity=changes.quantity or before.quantity,
        days_supply=changes.days_supply,
        max_per_day=changes.max_per_day or before.max_per_day,
    )
    directed = _changed(before, changes, "directions")
    if directed and changes.max_per_day is None:
        found.append(FieldError("/max_per_day", "The directions change: how much a day at most?"))
    elif not directed and _changed(before, changes, "max_per_day"):
        found.append(FieldError("/directions", "The maximum changes: what do they say of it?"))
    return found
