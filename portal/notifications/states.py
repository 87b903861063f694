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
    REFILL_REST_OWED = "refill_rest_owed"
    REFILL_HELD = "refill_held"
    REFILL_PICKED_UP = "refill_picked_up"
    REFILL_DELIVERED = "refill_delivered"
    REFILL_PARTIALLY_DISPENSED = "refill_partially_dispensed"
    REFILL_NOT_DISPENSED = "refill_not_dispensed"
    REFILL_CANCELLED = "refill_cancelled"
    REFILL_LATE = "refill_late"
    PRESCRIPTION_STOPPED = "prescription_stopped"
    PRESCRIPTION_ON_HOLD = "prescription_on_hold"
    PRESCRIPTION_RESUMED = "prescription_resumed"
    REFILL_PHARMACY_CLOSED = "refill_pharmacy_closed"
    REQUISITION_PLACED = "requisition_placed"
    REQUISITION_UNCOLLECTED = "requisition_uncollected"
    REQUISITION_EXPIRED = "requisition_expired"
    REQUISITION_CANCELLED = "requisition_cancelled"
    REQUISITION_REJECTED = "requisition_rejected"
    APPOINTMENT_BOOKED = "appointment_booked"
    APPOINTMENT_CANCELLED = "appointment_cancelled"
    APPOINTMENT_OFFERED = "appointment_offered"
    APPOINTMENT_EARLIER = "appointment_earlier"
    APPOINTMENT_IN_TWO_DAYS = "appointment_in_two_days"
    APPOINTMENT_COMING = "appointment_coming"
    APPOINTMENT_IN_TWO_HOURS = "appointment_in_two_hours"
    RESULT_AVAILABLE = "result_available"
    RESULT_UPDATED = "result_updated"
    RESULT_CORRECTED = "result_corrected"
    RESULT_COMMENTED = "result_commented"
    RESULT_REMINDER = "result_reminder"
    ATTACHMENT_INFECTED = "attachment_infected"
    ATTACHMENT_UNSCANNABLE = "attachment_unscannable"
    MESSAGE_RECEIVED = "message_received"
    MESSAGE_DIGEST = "message_digest"
    THREAD_CLOSED = "thread_closed"
    ADVICE_CALL_UNREACHED = "advice_call_unreached"
    VISIT_PLANNED = "visit_planned"
    VISIT_CHANGED = "visit_changed"
    VISIT_CANCELLED = "visit_cancelled"
    VISIT_SUMMARY_RELEASED = "visit_summary_released"
    VISIT_SUMMARY_AMENDED = "visit_summary_amended"
    VISIT_INSTRUCTION_OVERDUE = "visit_instruction_overdue"
    REFERRAL_REQUESTED = "referral_requested"
    REFERRAL_ACCEPTED = "referral_accepted"
    REFERRAL_DECLINED = "referral_declined"
    REFERRAL_SCHEDULED = "referral_scheduled"
    REFERRAL_APPOINTMENT_OFF = "referral_appointment_off"
    REFERRAL_NO_SHOW = "referral_no_show"
    REFERRAL_NOTED = "referral_noted"
    REFERRAL_CANCELLED = "referral_cancelled"
    REFERRAL_EXPIRED = "referral_expired"
    REFERRAL_AUTHORIZATION = "referral_authorization"
    REFERRAL_RETURNED = "referral_returned"
    REFERRAL_QUESTION = "referral_question"
    REFERRAL_ANSWERED = "referral_answered"
    REFERRAL_MISSED = "referral_missed"
    REFERRAL_REPORTED = "referral_reported"
    REFERRAL_WITHDRAWN = "referral_withdrawn"
    REFERRAL_LAPSED = "referral_lapsed"
    WORK_ASSIGNED = "work_assigned"
    WORK_ESCALATED = "work_escalated"
    WORK_URGENT = "work_urgent"
    ACCOUNT_CHANGED = "account_changed"
    RECORD_OPENED = "record_opened"
    RECORD_CORRECTED = "record_corrected"
    CORRECTION_DECLINED = "correction_declined"
    DELEGATION_OFFERED = "delegation_offered"
    DELEGATION_GIVEN = "delegation_given"
    DELEGATION_ANSWERED = "delegation_answered"
    DELEGATION_ENDED = "delegation_ended"
