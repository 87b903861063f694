"""The states of letters and phone calls, by which people are told who don't read the portal."""

from enum import StrEnum

from portal.core.actor import ActorKind
from portal.core.states import Transitions


class ContactChannel(StrEnum):
    """How somebody wants to be told of results."""

    PORTAL = "portal"
    LETTER = "letter"
    PHONE = "phone"


class ReleaseWish(StrEnum):
    """When somebody wants to see results: at once, or after the doctor's comment."""

    AT_ONCE = "at_once"
    AFTER_COMMENT = "after_comment"


class LetterStatus(StrEnum):
    QUEUED = "queued"
    PRINTED = "printed"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class CallStatus(StrEnum):
    """`reached`: the person was told; `given_up`: another way has to be found."""

    OPEN = "open"
    REACHED = "reached"
    GIVEN_UP = "given_up"
    CANCELLED = "cancelled"


class CallOutcome(StrEnum):
    """What came of one attempt. Nobody is told anything on an answering machine."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    ASKED_TO_CALL_BACK = "asked_to_call_back"
    WRONG_NUMBER = "wrong_number"


_STAFF = frozenset({ActorKind.STAFF})
_CALLERS = frozenset({ActorKind.STAFF, ActorKind.PRACTITIONER})
_WORKER = frozenset({ActorKind.WORKER})

L = LetterStatus
LETTER = Transitions(
    "letter",
    {
        L.QUEUED: {L.PRINTED: _STAFF, L.CANCELLED: _STAFF | _WORKER},
        L.PRINTED: {L.RETURNED: _STAFF},
        L.RETURNED: {},
        L.CANCELLED: {},
    },
)
C = CallStatus
CALL = Transitions(
    "call",
    {
        C.OPEN: {C.REACHED: _CALLERS, C.GIVEN_UP: _CALLERS, C.CANCELLED: _CALLERS | _WORKER},
        C.REACHED: {},
        C.GIVEN_UP: {},
        C.CANCELLED: {},
    },
)
