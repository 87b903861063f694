"""Which events reach people by e-mail unless they say otherwise."""

from portal.notifications.states import NotificationEvent

E = NotificationEvent

# The steps in between are in the portal; an e-mail is for what somebody must know or do.
BY_EMAIL = frozenset(
    {
        E.REFILL_APPROVED,
        E.REFILL_DENIED,
        E.REFILL_ON_HOLD,
        E.REFILL_PARTIALLY_READY,
        E.REFILL_READY_FOR_PICKUP,
        E.REFILL_SHIPPED,
        E.REFILL_NOT_DISPENSED,
        E.REFILL_CANCELLED,
        E.REFILL_LATE,
        E.REQUISITION_PLACED,
        E.REQUISITION_UNCOLLECTED,
        E.REQUISITION_EXPIRED,
        E.REQUISITION_CANCELLED,
        E.REQUISITION_REJECTED,
        E.APPOINTMENT_BOOKED,
        E.APPOINTMENT_CANCELLED,
        E.RESULT_AVAILABLE,
        E.RESULT_UPDATED,
        E.RESULT_CORRECTED,
        E.RESULT_COMMENTED,
        E.RESULT_REMINDER,
        E.WORK_URGENT,
        E.WORK_ESCALATED,
        E.ACCOUNT_CHANGED,
        E.RECORD_OPENED,
    }
)


def by_email(event: NotificationEvent) -> bool:
    """Whether an event is sent by e-mail to somebody who has not said what they want."""
    return event in BY_EMAIL
