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
