"""The states of a refill and who may move it: read this first."""

from collections.abc import Mapping
from enum import StrEnum

from portal.core.actor import PATIENT_SIDE, ActorKind
from portal.core.states import Transitions


class RefillStatus(StrEnum):
    AWAITING_PRESCRIBER = "awaiting_prescriber"
    SENDING = "sending"
    WITH_PHARMACY = "with_pharmacy"
    PREPARING = "preparing"
    ON_HOLD = "on_hold"
    PARTIALLY_READY = "partially_ready"
    READY_FOR_PICKUP = "ready_for_pickup"
    SHIPPED = "shipped"
    PICKED_UP = "picked_up"
    DELIVERED = "delivered"
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


PHARMACY = frozenset({ActorKind.PHARMACY})
PRESCRIBER = frozenset({ActorKind.PRACTITIONER})
# The workers withdraw what a prescriber's stop makes pointless.
REQUESTER = PATIENT_SIDE | {ActorKind.PRACTITIONER, ActorKind.WORKER}

S = RefillStatus


def _by_pharmacy(*nexts: RefillStatus) -> dict[RefillStatus, frozenset[ActorKind]]:
    return dict.fromkeys(nexts, PHARMACY)


_MOVES: Mapping[RefillStatus, Mapping[RefillStatus, frozenset[ActorKind]]] = {
    S.AWAITING_PRESCRIBER: {S.SENDING: PRESCRIBER, S.DENIED: PRESCRIBER, S.CANCELLED: REQUESTER},
    S.SENDING: {
        **_by_pharmacy(S.WITH_PHARMACY, S.NOT_DISPENSED),
        S.CANCELLED: REQUESTER,
    },
    S.WITH_PHARMACY: {
        **_by_pharmacy(
            S.PREPARING,
            S.ON_HOLD,
            S.PARTIALLY_READY,
            S.READY_FOR_PICKUP,
            S.SHIPPED,
            S.NOT_DISPENSED,
        ),
        S.CANCELLED: REQUESTER,
    },
    S.PREPARING: _by_pharmacy(
        S.ON_HOLD, S.PARTIALLY_READY, S.READY_FOR_PICKUP, S.SHIPPED, S.NOT_DISPENSED
    ),
    S.ON_HOLD: {
        **_by_pharmacy(
            S.PREPARING, S.PARTIALLY_READY, S.READY_FOR_PICKUP, S.SHIPPED, S.NOT_DISPENSED
        ),
        S.CANCELLED: REQUESTER,
    },
    S.PARTIALLY_READY: _by_pharmacy(S.READY_FOR_PICKUP, S.SHIPPED, S.PICKED_UP, S.NOT_DISPENSED),
    S.READY_FOR_PICKUP: _by_pharmacy(S.PICKED_UP, S.NOT_DISPENSED),
    S.SHIPPED: _by_pharmacy(S.DELIVERED, S.NOT_DISPENSED),
    S.PICKED_UP: {},
    S.DELIVERED: {},
    S.DENIED: {},
    S.NOT_DISPENSED: {},
    S.CANCELLED: {},
}

REFILL = Transitions("refill", _MOVES)

DISPENSED = frozenset({S.PICKED_UP, S.DELIVERED})
GIVES_BACK = frozenset({S.CANCELLED, S.NOT_DISPENSED})
OPEN = tuple(status for status in RefillStatus if status not in REFILL.ends)

# Between these a pharmacy may go back with `correction: true` and a reason.
CORRECTABLE = frozenset(
    {S.WITH_PHARMACY, S.PREPARING, S.ON_HOLD, S.PARTIALLY_READY, S.READY_FOR_PICKUP, S.SHIPPED}
)
