"""The states of a visit, its summary, what is to be done after it, and problems: read this."""

from collections.abc import Mapping
from enum import StrEnum

from portal.core.actor import PATIENT_SIDE, ActorKind
from portal.core.states import Transitions


class VisitStatus(StrEnum):
    """FHIR R4 Encounter.status: planned, in-progress, finished, cancelled, entered-in-error."""

    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    ENTERED_IN_ERROR = "entered_in_error"


class VisitKind(StrEnum):
    OFFICE = "office"
    TELEHEALTH = "telehealth"
    PHONE = "phone"
    HOME = "home"


class SummaryStatus(StrEnum):
    """Of one version of a visit's summary: still being written, or the patient's to read."""

    DRAFT = "draft"
    RELEASED = "released"


class InstructionKind(StrEnum):
    """What the patient is to do, or have done, after a visit."""

    FILL = "fill"
    TEST = "test"
    REFERRAL = "referral"
    VISIT = "visit"
    MESSAGE = "message"
    OTHER = "other"


class InstructionStatus(StrEnum):
    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class DoneBy(StrEnum):
    """By what an instruction was found to be carried out."""

    DISPENSED = "dispensed"
    RESULTED = "resulted"
    VISITED = "visited"
    REFERRED = "referred"
    ANSWERED = "answered"
    BY_HAND = "by_hand"


class MedicineChange(StrEnum):
    STARTED = "started"
    CHANGED = "changed"
    STOPPED = "stopped"
    UNCHANGED = "unchanged"


class ProblemStatus(StrEnum):
    """Clinical status (FHIR R4 condition-clinical); what never was is entered in error."""

    ACTIVE = "active"
    RECURRENCE = "recurrence"
    REMISSION = "remission"
    RESOLVED = "resolved"
    ENTERED_IN_ERROR = "entered_in_error"


class CodeSystem(StrEnum):
    ICD_10_CM = "icd_10_cm"
    SNOMED_CT = "snomed_ct"


class VitalSource(StrEnum):
    """Who measured: the clinic at a visit, or the patient."""

    CLINIC = "clinic"
    PATIENT = "patient"


class Position(StrEnum):
    """How the patient was held while something was measured."""

    SITTING = "sitting"
    STANDING = "standing"
    LYING = "lying"


S = VisitStatus
_CARE_TEAM = frozenset({ActorKind.PRACTITIONER, ActorKind.STAFF})
_PRACTITIONER = frozenset({ActorKind.PRACTITIONER})
_WORKER = frozenset({ActorKind.WORKER})

VISIT = Transitions(
    "visit",
    {
        S.PLANNED: {
            # An appointment that is kept begins its visit; one that is called off or missed takes
            # it along.
            S.IN_PROGRESS: _CARE_TEAM | _WORKER,
            S.CANCELLED: _CARE_TEAM | _WORKER,
            S.ENTERED_IN_ERROR: _PRACTITIONER,
        },
        S.IN_PROGRESS: {S.FINISHED: _CARE_TEAM, S.ENTERED_IN_ERROR: _PRACTITIONER},
        S.FINISHED: {S.ENTERED_IN_ERROR: _PRACTITIONER},
        S.CANCELLED: {},
        S.ENTERED_IN_ERROR: {},
    },
)
# Still to come or going on; all others are past.
COMING = frozenset({S.PLANNED, S.IN_PROGRESS})
# The patient was seen: there is something to measure, to find and to sum up.
HELD = frozenset({S.IN_PROGRESS, S.FINISHED})

SUMMARY = Transitions(
    "summary",
    {
        SummaryStatus.DRAFT: {SummaryStatus.RELEASED: _PRACTITIONER},
        SummaryStatus.RELEASED: {},
    },
)

INSTRUCTION = Transitions(
    "instruction",
    {
        InstructionStatus.OPEN: {
            InstructionStatus.DONE: _CARE_TEAM | _WORKER | PATIENT_SIDE,
            InstructionStatus.CANCELLED: _PRACTITIONER | _WORKER,
        },
        InstructionStatus.DONE: {},
        InstructionStatus.CANCELLED: {},
    },
)

P = ProblemStatus
_PROBLEM_MOVES: Mapping[ProblemStatus, Mapping[ProblemStatus, frozenset[ActorKind]]] = {
    P.ACTIVE: dict.fromkeys((P.REMISSION, P.RESOLVED, P.ENTERED_IN_ERROR), _PRACTITIONER),
    P.RECURRENCE: dict.fromkeys((P.REMISSION, P.RESOLVED, P.ENTERED_IN_ERROR), _PRACTITIONER),
    P.REMISSION: dict.fromkeys((P.RECURRENCE, P.RESOLVED, P.ENTERED_IN_ERROR), _PRACTITIONER),
    P.RESOLVED: dict.fromkeys((P.RECURRENCE, P.ENTERED_IN_ERROR), _PRACTITIONER),
    P.ENTERED_IN_ERROR: {},
}
PROBLEM = Transitions("problem", _PROBLEM_MOVES)
