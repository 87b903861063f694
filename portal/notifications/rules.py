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
        E.REFILL_REST_OWED,
        E.REFILL_PARTIALLY_DISPENSED,
        E.REFILL_NOT_DISPENSED,
        E.REFILL_CANCELLED,
        E.REFILL_LATE,
        E.PRESCRIPTION_STOPPED,
        E.PRESCRIPTION_ON_HOLD,
        E.PRESCRIPTION_RESUMED,
        E.REFILL_PHARMACY_CLOSED,
        E.REQUISITION_PLACED,
        E.REQUISITION_UNCOLLECTED,
        E.REQUISITION_EXPIRED,
        E.REQUISITION_CANCELLED,
        E.REQUISITION_REJECTED,
        E.APPOINTMENT_BOOKED,
        E.APPOINTMENT_CANCELLED,
        E.APPOINTMENT_OFFERED,
        E.APPOINTMENT_EARLIER,
        E.APPOINTMENT_IN_TWO_DAYS,
        E.APPOINTMENT_COMING,
        E.APPOINTMENT_IN_TWO_HOURS,
        E.RESULT_AVAILABLE,
        E.RESULT_UPDATED,
        E.RESULT_CORRECTED,
        E.RESULT_COMMENTED,
        E.RESULT_REMINDER,
        E.ATTACHMENT_INFECTED,
        E.ATTACHMENT_UNSCANNABLE,
        E.MESSAGE_RECEIVED,
        E.ADVICE_CALL_UNREACHED,
        E.VISIT_PLANNED,
        E.VISIT_CHANGED,
        E.VISIT_CANCELLED,
        E.VISIT_SUMMARY_RELEASED,
        E.VISIT_SUMMARY_AMENDED,
        E.VISIT_INSTRUCTION_OVERDUE,
        E.REFERRAL_REQUESTED,
        E.REFERRAL_ACCEPTED,
        E.REFERRAL_DECLINED,
        E.REFERRAL_SCHEDULED,
        E.REFERRAL_APPOINTMENT_OFF,
        E.REFERRAL_NO_SHOW,
        E.REFERRAL_NOTED,
        E.REFERRAL_CANCELLED,
        E.REFERRAL_EXPIRED,
        E.REFERRAL_AUTHORIZATION,
        E.REFERRAL_RETURNED,
        E.REFERRAL_QUESTION,
        E.REFERRAL_ANSWERED,
        E.REFERRAL_MISSED,
        E.REFERRAL_REPORTED,
        E.REFERRAL_WITHDRAWN,
        E.REFERRAL_LAPSED,
        E.WORK_URGENT,
        E.WORK_ESCALATED,
        E.ACCOUNT_CHANGED,
        E.RECORD_OPENED,
        E.RECORD_CORRECTED,
        E.CORRECTION_DECLINED,
        E.DELEGATION_OFFERED,
        E.DELEGATION_GIVEN,
        E.DELEGATION_ANSWERED,
        E.DELEGATION_ENDED,
    }
)


# They speak of something to come: whoever tells of them says until when that has a sense.
COMING = frozenset(
    {
        E.APPOINTMENT_BOOKED,
        E.APPOINTMENT_OFFERED,
        E.APPOINTMENT_EARLIER,
        E.APPOINTMENT_IN_TWO_DAYS,
        E.APPOINTMENT_COMING,
        E.APPOINTMENT_IN_TWO_HOURS,
        E.REFERRAL_SCHEDULED,
        E.REQUISITION_PLACED,
        E.REQUISITION_UNCOLLECTED,
        E.VISIT_PLANNED,
        E.VISIT_CHANGED,
    }
)

# Of whose telling delegates have a part, by how the event's name begins. The others are about the
# patient's own account, or for the care team.
_CATEGORIES: Mapping[str, AccessCategory] = {
    "refill_": AccessCategory.MEDICINES,
    "prescription_": AccessCategory.MEDICINES,
    "requisition_": AccessCategory.RESULTS,
    "result_": AccessCategory.RESULTS,
    "appointment_": AccessCategory.APPOINTMENTS,
    "message_": AccessCategory.MESSAGES,
    "thread_": AccessCategory.MESSAGES,
    "advice_call_": AccessCategory.MESSAGES,
    "attachment_": AccessCategory.MESSAGES,
    "referral_noted": AccessCategory.VISITS,
    "referral_": AccessCategory.APPOINTMENTS,
    "visit_": AccessCategory.VISITS,
}
# What only whom it is meant for is told: each has their own digest, and their own uploads.
NOT_PASSED_ON = frozenset({E.MESSAGE_DIGEST, E.ATTACHMENT_INFECTED, E.ATTACHMENT_UNSCANNABLE})


def category_of(event: NotificationEvent) -> AccessCategory | None:
    """In which category of access an event is told to delegates; None where it never is."""
    for start, category in _CATEGORIES.items():
        if event.startswith(start):
            return category
    return None


def by_email(event: NotificationEvent) -> bool:
    """Whether an event is sent by e-mail to somebody who has not said what they want."""
    return event in BY_EMAIL


def as_chosen(by_email: Mapping[NotificationEvent, bool]) -> dict[NotificationEvent, bool]:
    """A choice with what follows from it: messages come one by one or in a daily digest."""
    ways = (E.MESSAGE_RECEIVED, E.MESSAGE_DIGEST)
    chosen = [way for way in ways if by_email.get(way)]
    others = {way: False for way in ways if chosen and way not in chosen}
    return {**by_email, **others}


def is_contradictory(by_email: Mapping[NotificationEvent, bool]) -> bool:
    """Whether somebody wants their messages both one by one and in a digest."""
    return bool(by_email.get(E.MESSAGE_RECEIVED) and by_email.get(E.MESSAGE_DIGEST))


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
