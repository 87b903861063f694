"""The words of each notification, chosen when it is read; kept rows hold codes alone."""

from collections.abc import Mapping
from typing import Any

from portal.notifications.rules import category_of
from portal.notifications.states import NotificationEvent

E = NotificationEvent

_TEXTS: Mapping[NotificationEvent, tuple[str, str]] = {
    E.REFILL_SENT: ("Refill requested", "Your refill is on its way to the pharmacy."),
    E.REFILL_AWAITING_PRESCRIBER: (
        "Your prescriber was asked",
        "No refills were left, so your prescriber has been asked to renew.",
    ),
    E.REFILL_APPROVED: ("Renewal approved", "Your prescriber approved; the pharmacy is told now."),
    E.REFILL_DENIED: ("Renewal not approved", "Your prescriber did not approve. See what to do."),
    E.REFILL_WITH_PHARMACY: ("The pharmacy has it", "The pharmacy has received your refill."),
    E.REFILL_PREPARING: ("Being prepared", "The pharmacy is preparing your refill."),
    E.REFILL_ON_HOLD: ("On hold at the pharmacy", "The pharmacy had to put your refill on hold."),
    E.REFILL_PARTIALLY_READY: ("Partly ready", "A part of your refill is ready, the rest follows."),
    E.REFILL_READY_FOR_PICKUP: ("Ready to pick up", "Your refill is ready to be picked up."),
    E.REFILL_SHIPPED: ("Shipped", "Your refill is on its way to you."),
    E.REFILL_PICKED_UP: ("Picked up", "Your refill was picked up."),
    E.REFILL_DELIVERED: ("Delivered", "Your refill was delivered."),
    E.REFILL_NOT_DISPENSED: (
        "The pharmacy could not fill it",
        "The pharmacy could not fill this. See what happens next.",
    ),
    E.REFILL_CANCELLED: ("Cancelled", "The refill was cancelled."),
    E.REFILL_LATE: (
        "Later than expected",
        "A step of your refill takes longer than expected. Somebody is looking into it.",
    ),
    E.REQUISITION_PLACED: (
        "A test was ordered for you",
        "Your practitioner ordered a test. See where to go and how to prepare.",
    ),
    E.REQUISITION_UNCOLLECTED: (
        "A test is still waiting",
        "A test that was ordered for you has not been done yet. See where to go.",
    ),
    E.REQUISITION_EXPIRED: (
        "A test order has expired",
        "A test that was ordered was not done in time. Your practitioner has been told.",
    ),
    E.REQUISITION_CANCELLED: ("A test was cancelled", "A test that was ordered is not needed now."),
    E.REQUISITION_REJECTED: (
        "A test could not be done",
        "The laboratory could not do a test. Your practitioner has been told.",
    ),
    E.APPOINTMENT_BOOKED: (
        "Your imaging appointment",
        "Your appointment is booked. See when, where and how to prepare.",
    ),
    E.APPOINTMENT_CANCELLED: (
        "Imaging appointment cancelled",
        "An imaging appointment was cancelled. You can book another one.",
    ),
    E.RESULT_AVAILABLE: ("A new result", "There is a new result for you."),
    E.RESULT_UPDATED: ("A result was completed", "A result that you could see already has more."),
    E.RESULT_CORRECTED: (
        "A result was corrected",
        "A result that was seen before has been corrected. See what changed.",
    ),
    E.RESULT_COMMENTED: (
        "A comment on your result",
        "Your practitioner has commented on a result of yours.",
    ),
    E.RESULT_REMINDER: ("A result waits for you", "There is a result that you have not seen yet."),
    E.WORK_ASSIGNED: ("New on your worklist", "There is a new item on your worklist."),
    E.WORK_ESCALATED: ("Overdue", "An item was not answered in time and has moved up."),
    E.WORK_URGENT: ("Urgent on your worklist", "There is an urgent item on your worklist."),
    E.RECORD_OPENED: (
        "Your record was opened",
        "Somebody outside your care team opened your record in an exceptional case. "
        "Your access log says who and when.",
    ),
    E.DELEGATION_OFFERED: (
        "Somebody asks you to act for them",
        "A patient wants you to have access to their record. See whose, and accept or decline.",
    ),
    E.DELEGATION_GIVEN: (
        "You may act for somebody",
        "The clinic gave you access to the record of somebody in your care. See whose.",
    ),
    E.DELEGATION_ANSWERED: (
        "Your offer of access was answered",
        "Somebody to whom you offered access to your record has answered. See how.",
    ),
    E.DELEGATION_ENDED: (
        "Access to a record has ended",
        "Somebody may no longer act for a patient. See who may.",
    ),
    E.ACCOUNT_CHANGED: ("Your account", "How you sign in was changed. If this wasn't you, call."),
}

_REASONS: Mapping[str, str] = {
    "out_of_stock": "It is out of stock.",
    "insurance": "The insurance has a question.",
    "prior_authorization": "The insurance wants an authorization first.",
    "clarification": "The pharmacy has a question to the prescriber.",
    "prescription_stopped": "The prescriber stopped this prescription.",
    "pharmacy_changed": "It goes to another pharmacy.",
}


# Where an event's subject is read, by how the event's name begins.
_LINKS: Mapping[str, str] = {
    "refill_": "refills",
    "requisition_": "requisitions",
    "appointment_": "requisitions",
    "result_": "results",
    "work_": "worklist",
    "delegation_answered": "delegations",
}


def words_of(event: str, data: Mapping[str, Any], *, as_delegate: bool = False) -> tuple[str, str]:
    """Title and text of a notification; a delegate reads what the patient was told, as such."""
    title, text = _TEXTS[NotificationEvent(event)]
    reason = _REASONS.get(data.get("reason_code") or "")
    text = f"{text} {reason}" if reason else text
    if as_delegate and category_of(NotificationEvent(event)) is not None:
        text = f"The patient for whom you act was told: {text}"
    return title, text


def link_of(event: str, subject_id: Any) -> str | None:
    """Where in the API the subject is read."""
    if subject_id is None:
        return None
    for start, path in _LINKS.items():
        if event.startswith(start):
            return f"/api/v1/{path}/{subject_id}"
    return None
