"""When an item is due, and whom it goes to: pure decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from portal.directory.rules import Calendar, CoverageStep
from portal.worklist.states import Priority, WorkItemKind

# Business hours until an item must be answered, and until it moves a further step up.
DUE_HOURS: Mapping[Priority, float] = {
    Priority.ROUTINE: 16,
    Priority.URGENT: 4,
    Priority.STAT: 1,
}
STEP_HOURS: Mapping[Priority, float] = {
    Priority.ROUTINE: 8,
    Priority.URGENT: 2,
    Priority.STAT: 0.5,
}


# A critical result and a patient who asked for a nurse don't wait for opening hours: each who is
# asked has so long, day or night.
AROUND_THE_CLOCK: Mapping[WorkItemKind, timedelta] = {
    WorkItemKind.RESULT_CRITICAL: timedelta(minutes=30),
    WorkItemKind.ADVICE_CALL: timedelta(minutes=30),
}


def around_the_clock(kind: WorkItemKind, priority: Priority) -> timedelta | None:
    """How long each who is asked has, where an item doesn't wait for opening hours: also for whose
    a critical value is, which nobody could be told of yet."""
    if (kind, priority) == (WorkItemKind.RECONCILIATION, Priority.STAT):
        return AROUND_THE_CLOCK[WorkItemKind.RESULT_CRITICAL]
    return AROUND_THE_CLOCK.get(kind)


# Why an item went elsewhere than to who prescribed, ordered or referred.
CARE_ENDED = "care of the patient has ended: who answers now"
ASKED_AGAIN = "something else happened meanwhile"


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of an item's way; without an assignee it is with the pool."""

    assignee_id: UUID | None
    reason: str


def due_at(calendar: Calendar, priority: Priority, now: datetime) -> datetime:
    """When an item that is opened at `now` is due, by the clinic's business hours."""
    return calendar.add_business(now, DUE_HOURS[priority])


def step_due_at(
    calendar: Calendar, kind: WorkItemKind, priority: Priority, now: datetime
) -> datetime:
    """When an item that has just moved a step up is due again."""
    if (limit := around_the_clock(kind, priority)) is not None:
        return now + limit
    return calendar.add_business(now, STEP_HOURS[priority])


def route(chain: Sequence[CoverageStep], *, care_ended: bool = False) -> list[Hop]:
    """The hops of an item from who is responsible to who gets it; the last one stands.

    `chain` is the way of coverage from the responsible practitioner; empty where nobody is.
    `care_ended` says that somebody else was, who does not care for the patient any more.
    """
    if not chain:
        return [Hop(None, CARE_ENDED if care_ended else "pool")]
    hops = [Hop(chain[0].practitioner_id, CARE_ENDED if care_ended else "responsible")]
    for before, step in pairwise(chain):
        hops.append(Hop(step.practitioner_id, f"{_absence(before)}: covered by {step.name}"))
    if not chain[-1].answers:
        hops.append(Hop(None, "nobody covers: pool"))
    return hops


def _absence(step: CoverageStep) -> str:
    return "away" if step.active else "no longer active"


def step_up(
    *,
    assignee_id: UUID | None,
    lead_id: UUID | None,
    level: int,
    alternates: Sequence[UUID] = (),
) -> Hop:
    """Where a late item goes: from a person to each alternate, then to the pool, then its lead."""
    if level < len(alternates):
        return Hop(alternates[level], "not answered in time: the next to be asked")
    if level == len(alternates) and assignee_id is not None and assignee_id != lead_id:
        return Hop(None, "not answered in time: pool")
    if lead_id is None:
        return Hop(None, "not answered in time: the pool has no lead")
    if assignee_id == lead_id:
        return Hop(lead_id, "still not answered: reminder to the lead")
    return Hop(lead_id, "not answered in time: the pool's lead")
