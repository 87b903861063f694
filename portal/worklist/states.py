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
    PHARMACY_CANCELLATION = "pharmacy_cancellation"
    DISPENSED_AFTER_STOP = "dispensed_after_stop"
    DUPLICATE_THERAPY = "duplicate_therapy"
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
    REFERRAL_DECISION = "referral_decision"
    REFERRAL_INFORMATION = "referral_information"
    REFERRAL_DECLINED = "referral_declined"
    REFERRAL_SCHEDULING = "referral_scheduling"
    REFERRAL_ATTENDANCE = "referral_attendance"
    REFERRAL_NO_SHOW = "referral_no_show"
    REFERRAL_NOTE_MISSING = "referral_note_missing"
    REFERRAL_CLOSING = "referral_closing"
    REFERRAL_AUTHORIZATION = "referral_authorization"
    REFERRAL_EXPIRED = "referral_expired"
    RECONCILIATION = "reconciliation"
    PRIVACY_INCIDENT = "privacy_incident"
    APPOINTMENT_NO_SHOW = "appointment_no_show"
    APPOINTMENT_OUTCOME = "appointment_outcome"
    APPOINTMENT_TO_ARRANGE = "appointment_to_arrange"
    APPOINTMENT_OFFER_UNTAKEN = "appointment_offer_untaken"
    CORRECTION_REQUESTED = "correction_requested"
    CORRECTION_UNTAKEN = "correction_untaken"
    LETTER_OUTDATED = "letter_outdated"
    MERGE_CLASH = "merge_clash"
    MERGE_FINDINGS = "merge_findings"
    PATIENT_MOVED = "patient_moved"
    MERGE_UNDONE = "merge_undone"
    PHONE_CALL = "phone_call"
    THREAD_REPLY = "thread_reply"
    ADVICE_CALL = "advice_call"
    LETTER_RETURNED = "letter_returned"
    LABORATORY_UNREACHABLE = "laboratory_unreachable"
    SUMMARY_MISSING = "summary_missing"
    VISIT_INSTRUCTION_OVERDUE = "visit_instruction_overdue"
    PATIENT_DIED = "patient_died"
    DEATH_REVOKED = "death_revoked"
    REROUTING = "rerouting"
    FEED_PAUSED = "feed_paused"
    ATTACHMENT_INFECTED = "attachment_infected"
    ATTACHMENT_UNSCANNABLE = "attachment_unscannable"
    DELIVERY_FAILED = "delivery_failed"
    DEAD_LETTER = "dead_letter"


# About who a patient is, and nothing clinical: whoever has one needs no more of the record.
ADMINISTRATIVE = frozenset(
    {
        WorkItemKind.CORRECTION_REQUESTED,
        WorkItemKind.MERGE_FINDINGS,
        WorkItemKind.PATIENT_MOVED,
        WorkItemKind.MERGE_UNDONE,
        WorkItemKind.PRIVACY_INCIDENT,
    }
)

# About what a practitioner does with the patient in person, or somebody does in their place: it is
# theirs also where they don't belong to the patient's care team any more.
IN_PERSON = frozenset(
    {
        WorkItemKind.APPOINTMENT_NO_SHOW,
        WorkItemKind.APPOINTMENT_OUTCOME,
        WorkItemKind.APPOINTMENT_TO_ARRANGE,
        WorkItemKind.APPOINTMENT_OFFER_UNTAKEN,
        WorkItemKind.REFERRAL_DECISION,
        WorkItemKind.REFERRAL_SCHEDULING,
        WorkItemKind.REFERRAL_ATTENDANCE,
        WorkItemKind.REFERRAL_NO_SHOW,
        WorkItemKind.REFERRAL_NOTE_MISSING,
        WorkItemKind.SUMMARY_MISSING,
    }
)


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
