"""The states of a thread and of an advice call, and who may move them: read this first."""

from enum import StrEnum

from portal.core.actor import PATIENT_SIDE, ActorKind
from portal.core.states import Transitions


class ThreadStatus(StrEnum):
    AWAITING_CARE_TEAM = "awaiting_care_team"
    AWAITING_PATIENT = "awaiting_patient"
    CLOSED = "closed"


class Category(StrEnum):
    MEDICATION = "medication"
    RESULT = "result"
    REFERRAL = "referral"
    APPOINTMENT = "appointment"
    FORM = "form"
    OTHER = "other"


class AboutKind(StrEnum):
    """The records that a thread may be about."""

    PRESCRIPTION = "prescription"
    REFILL = "refill"
    REQUISITION = "requisition"
    RESULT = "result"
    REFERRAL = "referral"
    APPOINTMENT = "appointment"
    VISIT = "visit"


class MessageKind(StrEnum):
    """What was written to the other side, among the care team, or by Careloop itself."""

    MESSAGE = "message"
    INTERNAL_NOTE = "internal_note"
    AUTOMATIC_NOTICE = "automatic_notice"


class CloseReason(StrEnum):
    ANSWERED = "answered"
    NO_REPLY_NEEDED = "no_reply_needed"
    HANDLED_ELSEWHERE = "handled_elsewhere"
    WITHDRAWN = "withdrawn"
    DUPLICATE = "duplicate"
    MISUSE = "misuse"
    PATIENT_DIED = "patient_died"


class Signature(StrEnum):
    """Whether a message is signed by who wrote it, or by the team alone."""

    PERSON = "person"
    TEAM = "team"


class HistoryAction(StrEnum):
    STARTED = "started"
    MOVED = "moved"
    MADE_URGENT = "made_urgent"
    REROUTED = "rerouted"


class AdviceUrgency(StrEnum):
    """How soon the patient needs the nurse: at once, or within hours."""

    STAT = "stat"
    URGENT = "urgent"


class AdviceStatus(StrEnum):
    WAITING = "waiting"
    ADVISED = "advised"
    SENT_TO_EMERGENCY = "sent_to_emergency"
    UNREACHED = "unreached"
    CANCELLED = "cancelled"


class AdviceOutcome(StrEnum):
    """What came of one attempt to call back."""

    ADVICE_GIVEN = "advice_given"
    SENT_TO_EMERGENCY = "sent_to_emergency"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"


class WarnedOf(StrEnum):
    """What the patient was about to send when emergency guidance was shown."""

    MESSAGE = "message"
    ADVICE_CALL = "advice_call"


CARE_TEAM = frozenset({ActorKind.PRACTITIONER, ActorKind.STAFF})
# The workers close what nobody can answer any more: the patient has died.
_CLOSERS = PATIENT_SIDE | CARE_TEAM | {ActorKind.WORKER}

T = ThreadStatus
THREAD = Transitions(
    "thread",
    {
        T.AWAITING_CARE_TEAM: {T.AWAITING_PATIENT: CARE_TEAM, T.CLOSED: _CLOSERS},
        T.AWAITING_PATIENT: {
            T.AWAITING_CARE_TEAM: PATIENT_SIDE,
            T.CLOSED: _CLOSERS,
        },
        T.CLOSED: {T.AWAITING_CARE_TEAM: PATIENT_SIDE, T.AWAITING_PATIENT: CARE_TEAM},
    },
)

A = AdviceStatus
ADVICE_CALL = Transitions(
    "request for a call",
    {
        A.WAITING: {
            A.ADVISED: CARE_TEAM,
            A.SENT_TO_EMERGENCY: CARE_TEAM,
            A.UNREACHED: CARE_TEAM,
            A.CANCELLED: PATIENT_SIDE | {ActorKind.WORKER},
        },
        A.ADVISED: {},
        A.SENT_TO_EMERGENCY: {},
        A.UNREACHED: {},
        A.CANCELLED: {},
    },
)

# After these the patient starts a new thread instead; the care team may reopen any.
FINAL_REASONS = frozenset({CloseReason.DUPLICATE, CloseReason.MISUSE})
# What people may give as theirs: the other is the workers'.
GIVEN_REASONS = [reason for reason in CloseReason if reason != CloseReason.PATIENT_DIED]
# What patients, and who acts for them, may give as their reason.
PATIENTS_REASONS = frozenset({CloseReason.ANSWERED, CloseReason.WITHDRAWN})
