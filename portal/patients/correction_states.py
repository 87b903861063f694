"""The states of a patient's request to have their data corrected, and who may move it."""

from enum import StrEnum

from portal.core.actor import ActorKind
from portal.core.states import Transitions


class CorrectionRequestStatus(StrEnum):
    OPEN = "open"
    CORRECTED = "corrected"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


_STAFF = frozenset({ActorKind.STAFF})

S = CorrectionRequestStatus
CORRECTION_REQUEST = Transitions(
    "correction request",
    {
        S.OPEN: {
            S.CORRECTED: _STAFF,
            S.DECLINED: _STAFF,
            S.WITHDRAWN: frozenset({ActorKind.PATIENT}),
        },
        S.CORRECTED: {},
        S.DECLINED: {},
        S.WITHDRAWN: {},
    },
)
