"""The states of a prescription. `expired` is not one: it follows from the date."""

from enum import StrEnum

from portal.core.actor import ActorKind
from portal.core.states import Transitions


class PrescriptionStatus(StrEnum):
    """FHIR R4 MedicationRequest: active, on-hold, stopped, completed (here: superseded)."""

    ACTIVE = "active"
    ON_HOLD = "on_hold"
    STOPPED = "stopped"
    SUPERSEDED = "superseded"


# In these the patient is to take it, or will again: as long as it isn't expired.
STANDING = (PrescriptionStatus.ACTIVE, PrescriptionStatus.ON_HOLD)

_PRESCRIBER = frozenset({ActorKind.PRACTITIONER})

PRESCRIPTION = Transitions(
    "prescription",
    {
        PrescriptionStatus.ACTIVE: {
            PrescriptionStatus.ON_HOLD: _PRESCRIBER,
            PrescriptionStatus.STOPPED: _PRESCRIBER,
            PrescriptionStatus.SUPERSEDED: _PRESCRIBER,
        },
        PrescriptionStatus.ON_HOLD: {
            PrescriptionStatus.ACTIVE: _PRESCRIBER,
            PrescriptionStatus.STOPPED: _PRESCRIBER,
        },
        PrescriptionStatus.STOPPED: {},
        PrescriptionStatus.SUPERSEDED: {},
    },
)
