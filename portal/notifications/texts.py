"""The words of each notification, chosen when it is read; kept rows hold codes alone."""

from collections.abc import Mapping
from typing import Any

from portal.notifications.rules import category_of
from portal.notifications.states import NotificationEvent

E = NotificationEvent

_COMING = (
    "Your appointment",
    "You have an appointment{when}. See where, and how to prepare.",
)
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
    E.REFILL_REST_OWED: (
        "A part was handed over",
        "You have got a part of your refill. The pharmacy owes you the rest; see when it is due.",
    ),
    E.REFILL_HELD: (
        "Held for now",
        "Your prescriber has paused this medicine, so your refill does not go on for now.",
    ),
    E.REFILL_PICKED_UP: ("Picked up", "Your refill was picked up."),
    E.REFILL_DELIVERED: ("Delivered", "Your refill was delivered."),
    E.REFILL_PARTIALLY_DISPENSED: (
        "The rest will not follow",
        "You have got a part of your refill, and the rest will not follow. Your prescriber is "
        "told. See what to do.",
    ),
    E.REFILL_NOT_DISPENSED: (
        "The pharmacy could not fill it",
        "The pharmacy could not fill this. See what happens next.",
    ),
    E.REFILL_CANCELLED: ("Cancelled", "The refill was cancelled."),
    E.REFILL_LATE: (
        "Later than expected",
        "A step of your refill takes longer than expected. Your clinic has been asked to look into "
        "it in its opening hours.",
    ),
    E.REFILL_PHARMACY_CLOSED: (
        "Your pharmacy closes",
        "A pharmacy of yours fills no medicines any more. Choose another one; your clinic helps "
        "you with what is under way.",
    ),
    E.PRESCRIPTION_STOPPED: (
        "A medicine was stopped",
        "Your prescriber has stopped a medicine, and the pharmacy is told to stop what is under "
        "way. Do not pick it up or take it; if you are unsure, ask your prescriber's office.",
    ),
    E.PRESCRIPTION_ON_HOLD: (
        "A medicine is paused",
        "Your prescriber has put a medicine on hold: it is not filled until this ends. "
        "If you are unsure whether to take what you have, ask your prescriber's office.",
    ),
    E.PRESCRIPTION_RESUMED: (
        "A medicine goes on",
        "Your prescriber has resumed a medicine that was on hold. It can be filled again.",
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
        "Your appointment",
        "Your appointment is booked. See when, where and how to prepare.",
    ),
    E.APPOINTMENT_CANCELLED: (
        "Appointment cancelled",
        "An appointment was cancelled. You can book another one.",
    ),
    E.APPOINTMENT_OFFERED: (
        "Choose a time",
        "There are times for your appointment. Choose one before they go to others.",
    ),
    E.APPOINTMENT_EARLIER: (
        "An earlier time is free",
        "You asked for an earlier appointment. One is held for you: see until when.",
    ),
    # Read at any time, also long after: no text says how long it is until something.
    E.APPOINTMENT_IN_TWO_DAYS: _COMING,
    E.APPOINTMENT_COMING: _COMING,
    E.APPOINTMENT_IN_TWO_HOURS: _COMING,
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
    E.ATTACHMENT_INFECTED: (
        "A file was deleted",
        "A virus was found in a file that you uploaded. It was deleted, and nobody can open it. "
        "Check your device.",
    ),
    E.ATTACHMENT_UNSCANNABLE: (
        "A file is kept back",
        "A file that you uploaded could not be checked for viruses, so nobody can open it. "
        "Somebody is looking into it; or send it again in another form.",
    ),
    E.MESSAGE_RECEIVED: ("A new message", "There is a new message for you."),
    E.MESSAGE_DIGEST: ("Messages wait for you", "There are messages that you have not read yet."),
    E.THREAD_CLOSED: ("A conversation was closed", "Your care team has closed a conversation."),
    E.ADVICE_CALL_UNREACHED: (
        "We could not reach you",
        "A nurse called several times and could not reach you. Ask again, or call the advice "
        "line; in an emergency call 911.",
    ),
    E.VISIT_PLANNED: ("A visit was planned", "A visit is planned for you. See when and where."),
    E.VISIT_CHANGED: ("A visit was changed", "A visit of yours was changed. See when and where."),
    E.VISIT_CANCELLED: ("A visit was cancelled", "A visit that was planned was called off."),
    E.VISIT_SUMMARY_RELEASED: ("A summary of your visit", "The summary of a visit is ready."),
    E.VISIT_SUMMARY_AMENDED: (
        "A summary was changed",
        "The summary of a visit has a new version. See what was changed.",
    ),
    E.VISIT_INSTRUCTION_OVERDUE: (
        "Still to be done",
        "Something that was agreed at a visit is still to be done. Your team is told as well.",
    ),
    E.REFERRAL_REQUESTED: (
        "You were referred",
        "Your practitioner has asked a specialist to see you or to advise.",
    ),
    E.REFERRAL_ACCEPTED: (
        "Your referral was accepted",
        "The specialist has accepted your referral. See what comes next.",
    ),
    E.REFERRAL_DECLINED: (
        "Your referral was not accepted",
        "The specialist could not take it. Your practitioner decides what comes next.",
    ),
    E.REFERRAL_SCHEDULED: (
        "Your appointment with the specialist",
        "An appointment was arranged for you. See when and where.",
    ),
    E.REFERRAL_APPOINTMENT_OFF: (
        "An appointment was called off",
        "Your appointment with the specialist was called off.",
    ),
    E.REFERRAL_NO_SHOW: (
        "You missed an appointment",
        "An appointment was missed. See how to arrange another.",
    ),
    E.REFERRAL_NOTED: (
        "A note from the specialist",
        "The specialist has written about you. You can read it now.",
    ),
    E.REFERRAL_CANCELLED: ("A referral was cancelled", "A referral of yours was cancelled."),
    E.REFERRAL_EXPIRED: (
        "A referral has expired",
        "Its authorization is over. Your practitioner has been told.",
    ),
    E.REFERRAL_AUTHORIZATION: (
        "An authorization ends too early",
        "The authorization of a referral ends before you are seen. The clinic has been told.",
    ),
    E.REFERRAL_RETURNED: (
        "A referral was declined",
        "A referral of yours was declined. Ask somebody else, or close it.",
    ),
    E.REFERRAL_QUESTION: (
        "A specialist asks",
        "A specialist asks for information about a referral of yours.",
    ),
    E.REFERRAL_ANSWERED: (
        "The information that you asked for",
        "What you asked for about a referral has come.",
    ),
    E.REFERRAL_MISSED: (
        "Appointments were missed",
        "A patient whom you referred missed appointments. Decide how to go on.",
    ),
    E.REFERRAL_REPORTED: (
        "A consult note has come",
        "A specialist has reported on a patient whom you referred.",
    ),
    E.REFERRAL_WITHDRAWN: (
        "A referral was withdrawn",
        "A referral was cancelled. There is nothing more to do.",
    ),
    E.REFERRAL_LAPSED: (
        "A referral of yours has expired",
        "Its authorization ended before the patient was seen.",
    ),
    E.WORK_ASSIGNED: ("New on your worklist", "There is a new item on your worklist."),
    E.WORK_ESCALATED: ("Overdue", "An item was not answered in time and has moved up."),
    E.WORK_URGENT: ("Urgent on your worklist", "There is an urgent item on your worklist."),
    E.RECORD_OPENED: (
        "Your record was opened",
        "Somebody outside your care team opened your record in an exceptional case. "
        "Your access log says who and when.",
    ),
    E.RECORD_CORRECTED: (
        "Your record was corrected",
        "The clinic corrected your name, birth date or the like. See what was changed, and why.",
    ),
    E.CORRECTION_DECLINED: (
        "A correction was not made",
        "The clinic did not make a correction that you asked for. See why.",
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
    "prescription_on_hold": "The prescriber put this prescription on hold.",
    "rest_expired": "By law the rest of this medicine needs a new prescription.",
    "pharmacy_changed": "It goes to another pharmacy.",
}


# Where an event's subject is read, by how the event's name begins: the first that fits.
_LINKS: Mapping[str, str] = {
    "refill_": "refills",
    "prescription_": "prescriptions",
    "requisition_": "requisitions",
    "appointment_offered": "appointments/offers",
    "appointment_earlier": "appointments/offers",
    "appointment_": "appointments",
    "result_": "results",
    "attachment_": "attachments",
    "message_": "threads",
    "thread_": "threads",
    "advice_": "advice-calls",
    "visit_": "visits",
    "referral_": "referrals",
    "work_": "worklist",
    "delegation_answered": "delegations",
}


def words_of(event: str, data: Mapping[str, Any], *, as_delegate: bool = False) -> tuple[str, str]:
    """Title and text of a notification; a delegate reads what the patient was told, as such."""
    title, text = (
        _of_a_first_fill(event)
        if data.get("kind") == "first_fill"
        else _TEXTS[NotificationEvent(event)]
    )
    text = text.replace("{when}", data.get("when") or "")
    reason = _REASONS.get(data.get("reason_code") or "")
    text = f"{text} {reason}" if reason else text
    if as_delegate and category_of(NotificationEvent(event)) is not None:
        text = f"The patient for whom you act was told: {text}"
    return title, text


def _of_a_first_fill(event: str) -> tuple[str, str]:
    """Nobody asked for it, and nothing was filled before."""
    if event == E.REFILL_SENT:
        return "A new prescription", "Your new medicine is on its way to the pharmacy."
    title, text = _TEXTS[NotificationEvent(event)]
    return title, of_a_new_medicine(text)


def of_a_new_medicine(text: str) -> str:
    """What is said of a refill, as it is said of a first fill."""
    for refill in ("our last refill", "our last request", "our refill"):
        text = text.replace(refill, "our new medicine")
    return text.replace("The refill", "It")


def link_of(event: str, subject_id: Any) -> str | None:
    """Where in the API the subject is read."""
    if subject_id is None:
        return None
    for start, path in _LINKS.items():
        if event.startswith(start):
            return f"/api/v1/{path}/{subject_id}"
    return None
