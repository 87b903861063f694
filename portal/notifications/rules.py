"""Which events reach people by e-mail unless they say otherwise, what is written on an envelope,
and when somebody is called again: pure decisions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from portal.core.actor import AccessCategory
from portal.directory.rules import Calendar
from portal.notifications.outreach_states import CallOutcome, CallStatus
from portal.notifications.states import NotificationEvent

# Business hours until somebody who did not answer is called again: at another time of day.
CALL_AGAIN_HOURS = 4
MOST_UNANSWERED = 3

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
        E.DELEGATION_OFFERED,
        E.DELEGATION_GIVEN,
        E.DELEGATION_ANSWERED,
        E.DELEGATION_ENDED,
    }
)


# Of whose telling delegates have a part, by how the event's name begins. The others are about the
# patient's own account, or for the care team.
_CATEGORIES: Mapping[str, AccessCategory] = {
    "refill_": AccessCategory.MEDICINES,
    "requisition_": AccessCategory.RESULTS,
    "result_": AccessCategory.RESULTS,
    "appointment_": AccessCategory.APPOINTMENTS,
}


def category_of(event: NotificationEvent) -> AccessCategory | None:
    """In which category of access an event is told to delegates; None where it never is."""
    for start, category in _CATEGORIES.items():
        if event.startswith(start):
            return category
    return None


def by_email(event: NotificationEvent) -> bool:
    """Whether an event is sent by e-mail to somebody who has not said what they want."""
    return event in BY_EMAIL


class Addressable(Protocol):
    """Of a patient, what stands on an envelope."""

    @property
    def name(self) -> str: ...
    @property
    def line(self) -> str | None: ...
    @property
    def city(self) -> str | None: ...
    @property
    def state(self) -> str | None: ...
    @property
    def postal_code(self) -> str | None: ...


def addressee(patient: Addressable) -> list[str] | None:
    """The lines of an address; None for one at which no letter arrives: without street or city."""
    if not (patient.line and patient.city):
        return None
    region = " ".join(part for part in (patient.state, patient.postal_code) if part)
    return [patient.name, patient.line, f"{patient.city}, {region}" if region else patient.city]


def after_attempt(outcome: CallOutcome, unanswered_before: int) -> CallStatus:
    """What becomes of a call by an attempt; the third that nobody answers is the last."""
    if outcome is CallOutcome.REACHED:
        return CallStatus.REACHED
    if outcome is CallOutcome.WRONG_NUMBER:
        return CallStatus.GIVEN_UP
    if outcome is CallOutcome.NO_ANSWER and unanswered_before + 1 >= MOST_UNANSWERED:
        return CallStatus.GIVEN_UP
    return CallStatus.OPEN


def call_again_at(calendar: Calendar, now: datetime) -> datetime:
    """When a call that is still to be made is due again, by the clinic's business hours."""
    return calendar.add_business(now, CALL_AGAIN_HOURS)
