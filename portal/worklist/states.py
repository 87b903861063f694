"""The states of a work item, its kinds and its priorities."""

from enum import StrEnum

from portal.core.actor import ActorKind
from portal.core.states import Transitions


class WorkItemStatus(StrEnum):
    OPEN = "open"
    CLAIMED = "claimed"
    DONE = "done"
    CANCELLED = "cancelled"


class WorkItemKind(StrEnum):
    REFILL_DECISION = "refill_decision"
    REFILL_OVERDUE = "refill_overdue"
    REFILL_FAILED = "refill_failed"
    QUARANTINED_UPDATE = "quarantined_update"
    FEED_PAUSED = "feed_paused"
    DELIVERY_FAILED = "delivery_failed"
    DEAD_LETTER = "dead_letter"


class Priority(StrEnum):
    ROUTINE = "routine"
    URGENT = "urgent"
    STAT = "stat"


_WORKERS = frozenset({ActorKind.PRACTITIONER, ActorKind.STAFF, ActorKind.WORKER})
_CLOSERS = _WORKERS | {ActorKind.PATIENT, ActorKind.PHARMACY, ActorKind.PHONE}

WORK_ITEM = Transitions(
    "work item",
    {
        WorkItemStatus.OPEN: {
            WorkItemStatus.CLAIMED: _WORKERS,
            WorkItemStatus.DONE: _CLOSERS,
            WorkItemStatus.CANCELLED: _CLOSERS,
        },
        WorkItemStatus.CLAIMED: {
            WorkItemStatus.OPEN: _WORKERS,
            WorkItemStatus.DONE: _CLOSERS,
            WorkItemStatus.CANCELLED: _CLOSERS,
        },
        WorkItemStatus.DONE: {},
        WorkItemStatus.CANCELLED: {},
    },
)

OPEN_STATUSES = (WorkItemStatus.OPEN, WorkItemStatus.CLAIMED)
