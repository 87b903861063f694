"""The states of a referral and who may move it: read this first."""

from collections.abc import Mapping
from enum import StrEnum

from portal.core.actor import PATIENT_SIDE, ActorKind
from portal.core.states import Transitions


class ReferralStatus(StrEnum):
    DRAFT = "draft"
    REQUESTED = "requested"
    NEEDS_INFORMATION = "needs_information"
    DECLINED = "declined"
    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    NO_SHOW = "no_show"
    ATTENDED = "attended"
    REPORT_RECEIVED = "report_received"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class ReferralKind(StrEnum):
    """To be seen by a specialist, or a colleague's question that needs no visit of its own."""

    REFERRAL = "referral"
    CONSULTATION = "consultation"


class Urgency(StrEnum):
    ROUTINE = "routine"
    URGENT = "urgent"
    STAT = "stat"


class DeclineReason(StrEnum):
    """Why a specialist does not take a patient; who referred sees what to do instead."""

    NOT_MY_FIELD = "not_my_field"
    NO_CAPACITY = "no_capacity"
    NOT_NEEDED = "not_needed"
    OTHER_CARE_FIRST = "other_care_first"
    INSURANCE = "insurance"
    KNOWN_ELSEWHERE = "known_elsewhere"
    OTHER = "other"


class TimeReason(StrEnum):
    """Why a referral has an appointment, or has it no more, where it is one of our own times: the
    patient is told of it as an appointment."""

    BOOKED = "booked"
    CALLED_OFF = "called_off"
    SLOT_WITHDRAWN = "slot_withdrawn"


class NoShowReason(StrEnum):
    UNKNOWN = "unknown"
    FORGOT = "forgot"
    TRANSPORT = "transport"
    ILLNESS = "illness"
    COST = "cost"
    NOT_WANTED = "not_wanted"
    OTHER = "other"


class AboutKind(StrEnum):
    """What a referral can point to in the patient's record."""

    RESULT = "result"
    REQUISITION = "requisition"
    PRESCRIPTION = "prescription"
    ATTACHMENT = "attachment"
    VISIT = "visit"


class MessageKind(StrEnum):
    """What colleagues write to each other about a referral."""

    QUESTION = "question"
    ANSWER = "answer"
    DECLINE = "decline"


class NoteFollowUp(StrEnum):
    """Who sees the patient further, as the consult note wants it."""

    NONE = "none"
    REFERRER = "referrer"
    SPECIALIST = "specialist"


class NoteRelease(StrEnum):
    RELEASED = "released"
    HELD = "held"


class NoteReleaseRule(StrEnum):
    """By which rule a consult note became visible to the patient."""

    AT_ONCE = "at_once"
    BY_PRACTITIONER = "by_practitioner"
    HOLD_EXPIRED = "hold_expired"


class NoteHoldException(StrEnum):
    """The exceptions by which a person may hold a note (45 CFR 171.201, 171.202)."""

    PREVENTING_HARM = "preventing_harm"
    PRIVACY = "privacy"
    PATIENT_REQUEST = "patient_request"


S = ReferralStatus
_REFERRER = frozenset({ActorKind.PRACTITIONER})
# For a specialist elsewhere the staff record what that office says.
_SPECIALIST = frozenset({ActorKind.PRACTITIONER, ActorKind.STAFF})
_ARRANGERS = PATIENT_SIDE | {ActorKind.PRACTITIONER, ActorKind.STAFF, ActorKind.WORKER}
_WITNESSES = frozenset({ActorKind.PRACTITIONER, ActorKind.STAFF, ActorKind.WORKER})
_WORKER = frozenset({ActorKind.WORKER})
# The workers, where the patient has died.
_WITHDRAWERS = PATIENT_SIDE | {ActorKind.PRACTITIONER} | _WORKER

_OPEN: Mapping[ReferralStatus, frozenset[ActorKind]] = {
    S.CANCELLED: _WITHDRAWERS,
    S.EXPIRED: _WORKER,
}

_MOVES: Mapping[ReferralStatus, Mapping[ReferralStatus, frozenset[ActorKind]]] = {
    S.DRAFT: {S.REQUESTED: _REFERRER, S.CANCELLED: _REFERRER | _WORKER, S.EXPIRED: _WORKER},
    S.REQUESTED: {
        S.ACCEPTED: _SPECIALIST,
        S.DECLINED: _SPECIALIST,
        S.NEEDS_INFORMATION: _SPECIALIST,
        S.REPORT_RECEIVED: _SPECIALIST,
        **_OPEN,
    },
    S.NEEDS_INFORMATION: {S.REQUESTED: _REFERRER, S.DECLINED: _SPECIALIST, **_OPEN},
    # Who referred asks somebody else, or gives it up.
    S.DECLINED: {S.REQUESTED: _REFERRER, S.CLOSED: _REFERRER, **_OPEN},
    # A consultation may take place during a visit that is going on, without an appointment.
    S.ACCEPTED: {
        S.SCHEDULED: _ARRANGERS,
        S.ATTENDED: _WITNESSES,
        S.REPORT_RECEIVED: _SPECIALIST,
        **_OPEN,
    },
    # To itself: another time. An appointment that is called off leaves an accepted referral.
    S.SCHEDULED: {
        S.SCHEDULED: _ARRANGERS,
        S.ACCEPTED: _ARRANGERS,
        S.ATTENDED: _WITNESSES,
        S.NO_SHOW: _WITNESSES,
        **_OPEN,
    },
    S.NO_SHOW: {S.SCHEDULED: _ARRANGERS, S.CLOSED: _REFERRER, **_OPEN},
    S.ATTENDED: {S.REPORT_RECEIVED: _SPECIALIST, S.CLOSED: _REFERRER},
    S.REPORT_RECEIVED: {S.CLOSED: _REFERRER},
    S.CLOSED: {},
    S.CANCELLED: {},
    S.EXPIRED: {},
}

REFERRAL = Transitions("referral", _MOVES)

# What may get an appointment, or another one.
BOOKABLE = frozenset({S.ACCEPTED, S.SCHEDULED, S.NO_SHOW})
# Sent, and the patient was not seen yet: what an authorisation that ends puts an end to.
UNSEEN = frozenset(
    {S.REQUESTED, S.NEEDS_INFORMATION, S.DECLINED, S.ACCEPTED, S.SCHEDULED, S.NO_SHOW}
)
# There is a consult note; later versions of it are added.
REPORTED = frozenset({S.REPORT_RECEIVED, S.CLOSED})

NOTE_RELEASE = Transitions(
    "consult note",
    {
        NoteRelease.HELD: {NoteRelease.RELEASED: _REFERRER | _WORKER},
        NoteRelease.RELEASED: {},
    },
)
