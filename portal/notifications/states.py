"""The states of a delivery by an outside channel."""

from enum import StrEnum

from portal.core.actor import ActorKind
from portal.core.states import Transitions


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


_WORKER = frozenset({ActorKind.WORKER})

DELIVERY = Transitions(
    "delivery",
    {
        DeliveryStatus.PENDING: {
            DeliveryStatus.SENT: _WORKER,
            DeliveryStatus.FAILED: _WORKER,
            DeliveryStatus.SUPPRESSED: _WORKER,
        },
        DeliveryStatus.SENT: {},
        DeliveryStatus.FAILED: {},
        DeliveryStatus.SUPPRESSED: {},
    },
)


class NotificationEvent(StrEnum):
    """What people are told of."""

    REFILL_SENT = "refill_sent"
    REFILL_AWAITING_PRESCRIBER = "refill_awaiting_prescriber"
    REFILL_APPROVED = "refill_approved"
    REFILL_DENIED = "refill_denied"
    REFILL_WITH_PHARMACY = "refill_with_pharmacy"
    REFILL_PREPARING = "refill_preparing"
    REFILL_ON_HOLD = "refill_on_hold"
    REFILL_PARTIALLY_READY = "refill_partially_ready"
    REFILL_READY_FOR_PICKUP = "refill_ready_for_pickup"
    REFILL_SHIPPED = "refill_shipped"
    REFILL_PICKED_UP = "refill_picked_up"
    REFILL_DELIVERED = "refill_delivered"
    REFILL_NOT_DISPENSED = "refill_not_dispensed"
    REFILL_CANCELLED = "refill_cancelled"
    REFILL_LATE = "refill_late"
    REQUISITION_PLACED = "requisition_placed"
    REQUISITION_UNCOLLECTED = "requisition_uncollected"
    REQUISITION_EXPIRED = "requisition_expired"
    REQUISITION_CANCELLED = "requisition_cancelled"
    REQUISITION_REJECTED = "requisition_rejected"
    APPOINTMENT_BOOKED = "appointment_booked"
    APPOINTMENT_CANCELLED = "appointment_cancelled"
    RESULT_AVAILABLE = "result_available"
    RESULT_UPDATED = "result_updated"
    RESULT_CORRECTED = "result_corrected"
    RESULT_COMMENTED = "result_commented"
    RESULT_REMINDER = "result_reminder"
    WORK_ASSIGNED = "work_assigned"
    WORK_ESCALATED = "work_escalated"
    WORK_URGENT = "work_urgent"
    ACCOUNT_CHANGED = "account_changed"
    RECORD_OPENED = "record_opened"
    DELEGATION_OFFERED = "delegation_offered"
    DELEGATION_GIVEN = "delegation_given"
    DELEGATION_ANSWERED = "delegation_answered"
    DELEGATION_ENDED = "delegation_ended"
