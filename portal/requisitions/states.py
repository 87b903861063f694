"""The states of a requisition and who may move it: read this first."""

from collections.abc import Mapping
from enum import StrEnum

from portal.core.actor import PATIENT_SIDE, ActorKind
from portal.core.states import Transitions


class RequisitionStatus(StrEnum):
    DRAFT = "draft"
    PLACED = "placed"
    SENT = "sent"
    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    COLLECTED = "collected"
    IN_PROGRESS = "in_progress"
    RESULTED = "resulted"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class RequisitionKind(StrEnum):
    LABORATORY = "laboratory"
    IMAGING = "imaging"


class RequisitionPriority(StrEnum):
    """How soon (HL7 table 0485: R, A, S)."""

    ROUTINE = "routine"
    URGENT = "urgent"
    STAT = "stat"


class RejectionReason(StrEnum):
    """Why a laboratory could not do a test."""

    NOT_PERFORMED_HERE = "not_performed_here"
    SPECIMEN_UNUSABLE = "specimen_unusable"
    ORDER_UNCLEAR = "order_unclear"
    MESSAGE_REFUSED = "message_refused"
    CANCELLED_BY_LABORATORY = "cancelled_by_laboratory"
    OTHER = "other"


class StandingStatus(StrEnum):
    """Of a standing order: it goes on, or all its requisitions were made, or it was called off."""

    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class MessageStatus(StrEnum):
    """Of a message to a laboratory. In a feed `queued` means not acknowledged yet."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class MessageKind(StrEnum):
    """A new order (ORC-1 NW), the same with a patient's corrected data (XO), or its cancellation
    (CA)."""

    NEW = "new"
    UPDATE = "update"
    CANCEL = "cancel"


S = RequisitionStatus
_WORKER = frozenset({ActorKind.WORKER})
_ORDERER = frozenset({ActorKind.PRACTITIONER})
# The workers cancel what a patient who has died can't have done any more.
_CANCELLERS = _ORDERER | _WORKER
_LABORATORY = frozenset({ActorKind.LABORATORY, ActorKind.WORKER})
_CHOOSERS = PATIENT_SIDE | {ActorKind.PRACTITIONER, ActorKind.STAFF}
_BOOKERS = _CHOOSERS | _LABORATORY
# The workers, where a laboratory has closed and another takes over.
_SENDERS = _CHOOSERS | _WORKER
# Specimens are also taken at the clinic.
_COLLECTORS = frozenset({ActorKind.PRACTITIONER, ActorKind.STAFF}) | _LABORATORY

_DONE: Mapping[RequisitionStatus, frozenset[ActorKind]] = {
    S.IN_PROGRESS: _LABORATORY,
    S.RESULTED: _LABORATORY,
    S.REJECTED: _LABORATORY,
}
# A laboratory's messages overtake each other: a result may come before the word that the order
# was accepted.
_OPEN: Mapping[RequisitionStatus, frozenset[ActorKind]] = {
    S.COLLECTED: _COLLECTORS,
    **_DONE,
    S.CANCELLED: _CANCELLERS,
    S.EXPIRED: _WORKER,
}

_MOVES: Mapping[RequisitionStatus, Mapping[RequisitionStatus, frozenset[ActorKind]]] = {
    S.DRAFT: {S.PLACED: _ORDERER, S.CANCELLED: _CANCELLERS, S.EXPIRED: _WORKER},
    S.PLACED: {
        S.SENT: _LABORATORY,
        S.ACCEPTED: _LABORATORY,
        S.SCHEDULED: _BOOKERS,
        **_OPEN,
    },
    # What goes to another place begins there anew.
    S.SENT: {S.PLACED: _SENDERS, S.ACCEPTED: _LABORATORY, S.SCHEDULED: _BOOKERS, **_OPEN},
    S.ACCEPTED: {S.PLACED: _SENDERS, S.SCHEDULED: _BOOKERS, **_OPEN},
    # An appointment that is called off leaves an accepted order.
    S.SCHEDULED: {S.ACCEPTED: _BOOKERS, **_OPEN},
    S.COLLECTED: dict(_DONE),
    S.IN_PROGRESS: {S.RESULTED: _LABORATORY, S.REJECTED: _LABORATORY},
    S.RESULTED: {},
    S.REJECTED: {},
    S.CANCELLED: {},
    S.EXPIRED: {},
}
REQUISITION = Transitions("requisition", _MOVES)

# What ended an order was another patient's result: the order waits for its own again. Apart from
# the table, since nobody reports such a step.
REOPENING = Transitions(
    "requisition",
    {
        S.RESULTED: {S.IN_PROGRESS: frozenset({ActorKind.STAFF})},
        S.REJECTED: {S.IN_PROGRESS: frozenset({ActorKind.STAFF})},
        S.IN_PROGRESS: {},
    },
)

# Ordered, and nothing was collected yet.
UNCOLLECTED = frozenset({S.PLACED, S.SENT, S.ACCEPTED, S.SCHEDULED})
# Collected, and nothing has come back yet.
UNRESULTED = frozenset({S.COLLECTED, S.IN_PROGRESS})

M = MessageStatus
MESSAGE = Transitions(
    "message",
    {
        M.QUEUED: {
            M.ACCEPTED: _LABORATORY,
            M.REFUSED: _LABORATORY,
            M.WITHDRAWN: _ORDERER | _WORKER,
        },
        M.ACCEPTED: {},
        M.REFUSED: {},
        M.WITHDRAWN: {},
    },
)
STANDING = Transitions(
    "standing order",
    {
        StandingStatus.ACTIVE: {
            StandingStatus.COMPLETED: _WORKER | _ORDERER,
            StandingStatus.CANCELLED: _WORKER | _ORDERER,
        },
        StandingStatus.COMPLETED: {},
        StandingStatus.CANCELLED: {},
    },
)
