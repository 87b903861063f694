"""The states of a refill and who may move it: read this first."""

from collections.abc import Mapping
from enum import StrEnum

from portal.core.actor import PATIENT_SIDE, ActorKind
from portal.core.states import Transitions


class RefillStatus(StrEnum):
    """Where a refill stands. `on_hold` is the pharmacy's, `held` the prescriber's.

    `rest_owed`: a part was handed over, the pharmacy owes the rest. `partially_dispensed`: a part
    was handed over, and the rest was given up.
    """

    AWAITING_PRESCRIBER = "awaiting_prescriber"
    SENDING = "sending"
    WITH_PHARMACY = "with_pharmacy"
    PREPARING = "preparing"
    ON_HOLD = "on_hold"
    PARTIALLY_READY = "partially_ready"
    READY_FOR_PICKUP = "ready_for_pickup"
    SHIPPED = "shipped"
    REST_OWED = "rest_owed"
    HELD = "held"
    PICKED_UP = "picked_up"
    DELIVERED = "delivered"
    PARTIALLY_DISPENSED = "partially_dispensed"
    DENIED = "denied"
    NOT_DISPENSED = "not_dispensed"
    CANCELLED = "cancelled"


class RefillKind(StrEnum):
    """A refill proper, a renewal by the prescriber, or a new prescription's first fill."""

    REFILL = "refill"
    RENEWAL = "renewal"
    FIRST_FILL = "first_fill"


class RefillChannel(StrEnum):
    PORTAL = "portal"
    PHONE = "phone"
    PHARMACY = "pharmacy"
    PRESCRIBER = "prescriber"


class Way(StrEnum):
    """How a fill comes about: asked for by or for the patient, asked for by the pharmacy when no
    refills are left, or sent to a pharmacy without anybody's further decision (a first fill, an
    approved renewal, another pharmacy)."""

    REQUEST = "request"
    RENEWAL_REQUEST = "renewal_request"
    SENDING = "sending"


class Delivery(StrEnum):
    PICKUP = "pickup"
    MAIL = "mail"


class HoldReason(StrEnum):
    OUT_OF_STOCK = "out_of_stock"
    INSURANCE = "insurance"
    PRIOR_AUTHORIZATION = "prior_authorization"
    CLARIFICATION = "clarification"
    OTHER = "other"


class NotDispensedReason(StrEnum):
    OUT_OF_STOCK = "out_of_stock"
    INSURANCE_REJECTED = "insurance_rejected"
    PRESCRIPTION_PROBLEM = "prescription_problem"
    PATIENT_DECLINED = "patient_declined"
    NEVER_COLLECTED = "never_collected"
    OTHER = "other"


class DenialReason(StrEnum):
    VISIT_NEEDED = "visit_needed"
    TEST_NEEDED = "test_needed"
    NO_LONGER_NEEDED = "no_longer_needed"
    CHANGED_TREATMENT = "changed_treatment"
    TOO_EARLY = "too_early"
    NOT_MY_PATIENT = "not_my_patient"
    OTHER = "other"


class CancelAnswer(StrEnum):
    """What a pharmacy says when it is told to leave an order (NCPDP SCRIPT CancelRxResponse)."""

    CANCELLED = "cancelled"
    ALREADY_HANDED_OVER = "already_handed_over"


PHARMACY = frozenset({ActorKind.PHARMACY})
PRESCRIBER = frozenset({ActorKind.PRACTITIONER})
WORKERS = frozenset({ActorKind.WORKER})
# The workers withdraw what a prescriber's stop makes pointless.
REQUESTER = PATIENT_SIDE | {ActorKind.PRACTITIONER, ActorKind.WORKER}

S = RefillStatus


def _by_pharmacy(*nexts: RefillStatus) -> dict[RefillStatus, frozenset[ActorKind]]:
    return dict.fromkeys(nexts, PHARMACY)


# Handed over whole or in part, given up whole or in part: which, the quantities decide.
_COLLECTED = _by_pharmacy(S.PICKED_UP, S.REST_OWED)
_ARRIVED = _by_pharmacy(S.DELIVERED, S.REST_OWED)
_GIVEN_UP = {S.NOT_DISPENSED: PHARMACY, S.PARTIALLY_DISPENSED: PHARMACY | WORKERS}
_PREPARED = _by_pharmacy(S.PARTIALLY_READY, S.READY_FOR_PICKUP, S.SHIPPED)

_MOVES: Mapping[RefillStatus, Mapping[RefillStatus, frozenset[ActorKind]]] = {
    S.AWAITING_PRESCRIBER: {S.SENDING: PRESCRIBER, S.DENIED: PRESCRIBER, S.CANCELLED: REQUESTER},
    S.SENDING: {
        **_by_pharmacy(S.WITH_PHARMACY, S.NOT_DISPENSED),
        S.HELD: WORKERS,
        S.CANCELLED: REQUESTER,
    },
    S.WITH_PHARMACY: {
        **_by_pharmacy(S.PREPARING, S.ON_HOLD),
        **_PREPARED,
        **_GIVEN_UP,
        S.HELD: WORKERS,
        S.CANCELLED: REQUESTER,
    },
    S.PREPARING: {
        **_by_pharmacy(S.ON_HOLD),
        **_PREPARED,
        **_GIVEN_UP,
        S.HELD: WORKERS,
        S.CANCELLED: WORKERS,
    },
    S.ON_HOLD: {
        **_by_pharmacy(S.PREPARING, S.ON_HOLD),  # again: with another reason, or another day
        **_PREPARED,
        **_GIVEN_UP,
        S.HELD: WORKERS,
        S.CANCELLED: REQUESTER,
    },
    S.PARTIALLY_READY: {
        **_by_pharmacy(S.READY_FOR_PICKUP, S.SHIPPED),
        **_by_pharmacy(S.PARTIALLY_READY),  # again: more of it, or another day for the rest
        **_COLLECTED,
        **_GIVEN_UP,
        S.CANCELLED: WORKERS,
    },
    S.READY_FOR_PICKUP: {**_COLLECTED, **_GIVEN_UP, S.CANCELLED: WORKERS},
    S.SHIPPED: {**_ARRIVED, **_GIVEN_UP, S.CANCELLED: WORKERS},
    S.REST_OWED: {
        **_by_pharmacy(S.PREPARING, S.ON_HOLD),
        **_PREPARED,
        **_COLLECTED,
        **_ARRIVED,
        **_GIVEN_UP,
        S.HELD: WORKERS,
        S.CANCELLED: REQUESTER,
    },
    # What a pharmacy hands over all the same is told as it was; nothing is owed then.
    S.HELD: {
        S.SENDING: WORKERS,
        S.CANCELLED: REQUESTER,
        **_by_pharmacy(S.PICKED_UP, S.DELIVERED),
        **_GIVEN_UP,
    },
    S.PICKED_UP: {},
    S.DELIVERED: {},
    S.PARTIALLY_DISPENSED: {},
    S.DENIED: {},
    S.NOT_DISPENSED: {},
    S.CANCELLED: {},
}

REFILL = Transitions("refill", _MOVES)

ENDED = "({})".format(", ".join(f"'{status}'" for status in RefillStatus if status in REFILL.ends))

DISPENSED = frozenset({S.PICKED_UP, S.DELIVERED})
GIVES_BACK = frozenset({S.CANCELLED, S.NOT_DISPENSED})
OPEN = tuple(status for status in RefillStatus if status not in REFILL.ends)
# What a prescriber's hold stops: what isn't prepared yet.
HOLDABLE = frozenset(status for status in OPEN if REFILL.allows(status, S.HELD))
# What was taken back from the pharmacy. It may have handed it over before it heard of that, and
# what was handed over is never denied; nor is a rest that was given up and handed over in time.
WITHDRAWN = frozenset({S.CANCELLED, S.HELD})
AFTER_ALL = frozenset({S.PICKED_UP, S.DELIVERED, S.PARTIALLY_DISPENSED})
HANDED_OVER_AFTER_ALL = frozenset({S.CANCELLED, S.PARTIALLY_DISPENSED})
# What the quantities of a pharmacy's report decide, and it can't report as such.
DERIVED: Mapping[RefillStatus, str] = {
    S.REST_OWED: "picked_up or delivered, with the quantity",
    S.PARTIALLY_DISPENSED: "not_dispensed, with the reason why the rest will not follow",
    S.HELD: "on_hold, or answer the order's cancellation",
}

# Between these a pharmacy may go back with `correction: true` and a reason.
CORRECTABLE = frozenset(
    {S.WITH_PHARMACY, S.PREPARING, S.ON_HOLD, S.PARTIALLY_READY, S.READY_FOR_PICKUP, S.SHIPPED}
)
