"""The states of appointments, of offers and of waits for earlier times: read this first."""

from enum import StrEnum

from portal.core.actor import PATIENT_SIDE, ActorKind
from portal.core.states import Transitions


class AppointmentStatus(StrEnum):
    BOOKED = "booked"
    CANCELLED = "cancelled"
    ATTENDED = "attended"
    NO_SHOW = "no_show"


class AboutKind(StrEnum):
    """What an appointment can be about; one about nothing is a visit by itself."""

    REQUISITION = "requisition"
    REFERRAL = "referral"


# What these wait for is on somebody's worklist by itself: that they have no appointment, and that
# the patient missed it. Appointments about them open no items of their own for it.
SELF_FOLLOWED = frozenset({AboutKind.REFERRAL})


class CancellationReason(StrEnum):
    """Why an appointment ended before its time; in words, where there are any, beside it."""

    CALLED_OFF = "called_off"
    CHANGED = "changed"
    SLOT_WITHDRAWN = "slot_withdrawn"
    # What it was about ended: people are told of that, and not of this.
    NOT_NEEDED = "not_needed"


class OfferStatus(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class WaitingStatus(StrEnum):
    """Of the wait for an earlier time: it goes on, one was found, the patient left, or the
    appointment ended."""

    WAITING = "waiting"
    FOUND = "found"
    LEFT = "left"
    ENDED = "ended"


_PATIENT = PATIENT_SIDE
_WORKER = frozenset({ActorKind.WORKER})
_CARE_TEAM = frozenset({ActorKind.PRACTITIONER, ActorKind.STAFF})
_PLACE = _CARE_TEAM | {ActorKind.LABORATORY} | _WORKER

A = AppointmentStatus
APPOINTMENT = Transitions(
    "appointment",
    {
        A.BOOKED: {A.CANCELLED: _PATIENT | _PLACE, A.ATTENDED: _PLACE, A.NO_SHOW: _PLACE},
        A.CANCELLED: {},
        A.ATTENDED: {},
        A.NO_SHOW: {},
    },
)
F = OfferStatus
OFFER = Transitions(
    "offer",
    {
        F.OPEN: {
            F.ACCEPTED: _PATIENT,
            F.DECLINED: _PATIENT,
            F.EXPIRED: _WORKER,
            F.WITHDRAWN: _CARE_TEAM | _WORKER,
        },
        F.ACCEPTED: {},
        F.DECLINED: {},
        F.EXPIRED: {},
        F.WITHDRAWN: {},
    },
)
W = WaitingStatus
WAITING = Transitions(
    "wait for an earlier time",
    {
        W.WAITING: {W.FOUND: _PATIENT | _WORKER, W.LEFT: _PATIENT, W.ENDED: _WORKER},
        W.FOUND: {},
        W.LEFT: {},
        W.ENDED: {},
    },
)
