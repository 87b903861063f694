"""The states of a result and of its release, and who may move them: read this first."""

from collections.abc import Mapping
from enum import StrEnum

from portal.core.actor import ActorKind
from portal.core.states import Transitions


class ReportStatus(StrEnum):
    """What a report says of itself (HL7 table 0123, FHIR R4 DiagnosticReport.status)."""

    REGISTERED = "registered"
    PARTIAL = "partial"
    PRELIMINARY = "preliminary"
    FINAL = "final"
    CORRECTED = "corrected"
    AMENDED = "amended"
    CANCELLED = "cancelled"
    ENTERED_IN_ERROR = "entered_in_error"


class ObservationStatus(StrEnum):
    """What one observation says of itself (HL7 table 0085, FHIR R4 Observation.status).

    `not_asked`: the order would have it measured, and nobody sought it (HL7's N).
    """

    REGISTERED = "registered"
    PARTIAL = "partial"
    PRELIMINARY = "preliminary"
    FINAL = "final"
    CORRECTED = "corrected"
    AMENDED = "amended"
    CANCELLED = "cancelled"
    ENTERED_IN_ERROR = "entered_in_error"
    NOT_ASKED = "not_asked"


class Abnormality(StrEnum):
    """How far from what is expected, by the laboratory's own flags (HL7 table 0078)."""

    UNKNOWN = "unknown"
    NORMAL = "normal"
    ABNORMAL = "abnormal"
    CRITICAL = "critical"


class ValueKind(StrEnum):
    """What sort of value an observation has."""

    QUANTITY = "quantity"
    RANGE = "range"
    RATIO = "ratio"
    TEXT = "text"
    CODED = "coded"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    ATTACHMENT = "attachment"
    NONE = "none"


class ReleaseStatus(StrEnum):
    """Whether the patient sees a result.

    `pending`: nothing to release yet, or waiting for the workers; `deferred`: the patient chose to
    wait for the doctor's comment; `held`: a person holds it for a reason; `released`: visible.
    """

    PENDING = "pending"
    DEFERRED = "deferred"
    HELD = "held"
    RELEASED = "released"


S = ReportStatus
_REPORTER = frozenset({ActorKind.LABORATORY, ActorKind.WORKER})
_WITH_VALUES = (S.FINAL, S.CORRECTED, S.AMENDED)
_ENDS = dict.fromkeys((S.CANCELLED, S.ENTERED_IN_ERROR), _REPORTER)


def _by_reporter(*nexts: ReportStatus) -> dict[ReportStatus, frozenset[ActorKind]]:
    return {**dict.fromkeys(nexts, _REPORTER), **_ENDS}


# A report may become what it is already: a second partial one, another correction. Nothing leads
# from a final report back to a preliminary one: an older status never overwrites a newer.
_REPORT: Mapping[ReportStatus, Mapping[ReportStatus, frozenset[ActorKind]]] = {
    S.REGISTERED: _by_reporter(S.REGISTERED, S.PARTIAL, S.PRELIMINARY, *_WITH_VALUES),
    S.PARTIAL: _by_reporter(S.PARTIAL, S.PRELIMINARY, *_WITH_VALUES),
    S.PRELIMINARY: _by_reporter(S.PARTIAL, S.PRELIMINARY, *_WITH_VALUES),
    S.FINAL: _by_reporter(*_WITH_VALUES),
    S.CORRECTED: _by_reporter(S.CORRECTED, S.AMENDED),
    S.AMENDED: _by_reporter(S.CORRECTED, S.AMENDED),
    # A laboratory that reports after all is believed.
    S.CANCELLED: _by_reporter(S.PARTIAL, S.PRELIMINARY, *_WITH_VALUES),
    S.ENTERED_IN_ERROR: _by_reporter(*_WITH_VALUES),
}
REPORT = Transitions("result", _REPORT)

# A report that takes back everything that it said before, and what becomes of its observations.
TAKES_BACK: Mapping[ReportStatus, ObservationStatus] = {
    S.CANCELLED: ObservationStatus.CANCELLED,
    S.ENTERED_IN_ERROR: ObservationStatus.ENTERED_IN_ERROR,
}
# Final in the sense of being complete: to be reviewed, released and told.
FINALS = frozenset(_WITH_VALUES)
# What a patient can be shown something of.
WITH_VALUES = FINALS | {S.PARTIAL, S.PRELIMINARY}

R = ReleaseStatus
_WORKER = frozenset({ActorKind.WORKER})
_CLINICIAN = frozenset({ActorKind.PRACTITIONER})
_EITHER = _WORKER | _CLINICIAN
_PATIENTS_CHOICE = _EITHER | {ActorKind.PATIENT}

# What a patient has seen can't be hidden again: nothing leads out of `released`. Of what was taken
# back from the chart before that there is nothing to release.
_RECONCILER = frozenset({ActorKind.STAFF})
_RELEASE: Mapping[ReleaseStatus, Mapping[ReleaseStatus, frozenset[ActorKind]]] = {
    R.PENDING: {R.RELEASED: _EITHER, R.DEFERRED: _WORKER, R.HELD: _CLINICIAN},
    R.DEFERRED: {R.RELEASED: _PATIENTS_CHOICE, R.HELD: _CLINICIAN, R.PENDING: _RECONCILER},
    R.HELD: {R.RELEASED: _EITHER, R.DEFERRED: _EITHER, R.PENDING: _RECONCILER},
    R.RELEASED: {},
}
RELEASE = Transitions("release", _RELEASE)


class MessageOutcome(StrEnum):
    """What became of a received message: taken in, waiting in whole or part for somebody to match
    it, refused for its content, or failed by our fault."""

    TAKEN_IN = "taken_in"
    RECONCILING = "reconciling"
    REFUSED = "refused"
    FAILED = "failed"


class IntakeTransport(StrEnum):
    """How a message came."""

    MLLP = "mllp"
    HTTP = "http"
    FHIR = "fhir"


class CaseReason(StrEnum):
    """Why a report could not be put on a chart by itself.

    `out_of_order`: whose it is, is known; it differs from what stands, and nothing says that it
    comes after. `not_taken_in`: the whole message, which failed on our side again and again.
    """

    SENDER_UNKNOWN = "sender_unknown"
    PATIENT_UNKNOWN = "patient_unknown"
    PATIENT_MISMATCH = "patient_mismatch"
    ORDER_UNKNOWN = "order_unknown"
    ORDER_ELSEWHERE = "order_elsewhere"
    NOBODY_RESPONSIBLE = "nobody_responsible"
    OUT_OF_ORDER = "out_of_order"
    NOT_TAKEN_IN = "not_taken_in"
    TAKEN_BACK = "taken_back"


class CaseStatus(StrEnum):
    OPEN = "open"
    MATCHED = "matched"
    DISCARDED = "discarded"
    TAKEN_IN = "taken_in"


class FollowUpKind(StrEnum):
    """What a review asks for next; each but `none` opens a loop of its own."""

    NONE = "none"
    REPEAT_TEST = "repeat_test"
    VISIT = "visit"
    REFERRAL = "referral"
    MESSAGE = "message"


class HoldException(StrEnum):
    """The exceptions by which a person may hold a result (45 CFR 171.201, 171.202)."""

    PREVENTING_HARM = "preventing_harm"
    PRIVACY = "privacy"
    PATIENT_REQUEST = "patient_request"


class ReleaseAction(StrEnum):
    """An entry of the release ledger."""

    RELEASED = "released"
    DEFERRED = "deferred"
    HELD = "held"
    WITHDRAWN = "withdrawn"


class ReleaseRule(StrEnum):
    """By which rule the entry was made."""

    AT_ONCE = "at_once"
    PATIENT_PREFERENCE = "patient_preference"
    COMMENTED = "commented"
    WAITED_LONG_ENOUGH = "waited_long_enough"
    HOLD_EXPIRED = "hold_expired"
    BY_PRACTITIONER = "by_practitioner"
    BY_PATIENT = "by_patient"
    NOT_THIS_PATIENTS = "not_this_patients"


C = CaseStatus
_RECONCILERS = frozenset({ActorKind.STAFF})
_REPLAYERS = frozenset({ActorKind.STAFF, ActorKind.WORKER})
CASE = Transitions(
    "reconciliation",
    {
        C.OPEN: {
            C.MATCHED: _RECONCILERS,
            C.DISCARDED: _RECONCILERS,
            C.TAKEN_IN: _REPLAYERS,
        },
        C.MATCHED: {C.OPEN: _RECONCILERS},  # the match was a mistake
        C.DISCARDED: {},
        C.TAKEN_IN: {},
    },
)
