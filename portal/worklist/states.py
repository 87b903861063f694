"""The states of a work item, its kinds and its priorities."""

from enum import StrEnum

from portal.core.actor import PATIENT_SIDE, ActorKind
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
    REQUISITION_REJECTED = "requisition_rejected"
    CANCELLATION_REFUSED = "cancellation_refused"
    REQUISITION_UNCOLLECTED = "requisition_uncollected"
    REQUISITION_EXPIRED = "requisition_expired"
    REQUISITION_UNRESULTED = "requisition_unresulted"
    RESULT_REVIEW = "result_review"
    RESULT_CRITICAL = "result_critical"
    RESULT_COMMUNICATION = "result_communication"
    RESULT_UNSEEN = "result_unseen"
    RESULT_FOLLOW_UP = "result_follow_up"
    RECONCILIATION = "reconciliation"
    PHONE_CALL = "phone_call"
    LETTER_RETURNED = "letter_returned"
    LABORATORY_UNREACHABLE = "laboratory_unreachable"
    FEED_PAUSED = "feed_paused"
    DELIVERY_FAILED = "delivery_failed"
    DEAD_LETTER = "dead_letter"


class Priority(StrEnum):
    ROUTINE = "routine"
    URGENT = "urgent"
    STAT = "stat"


_WORKERS = frozenset({ActorKind.PRACTITIONER, ActorKind.STAFF, ActorKind.WORKER})
_CLOSERS = _WORKERS | PATIENT_SIDE | {ActorKind.PHARMACY, ActorKind.PHONE}

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
