"""The states of a delegation and who may move it: read this first."""

from collections.abc import Mapping
from enum import StrEnum

from portal.core.actor import ActorKind
from portal.core.states import Transitions


class DelegationStatus(StrEnum):
    """Of the agreement. Whether it gives access today is also a matter of its period, and of a
    child's age."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REVOKED = "revoked"


class DelegationKind(StrEnum):
    """Given by the patient, or had by the parent of a minor."""

    GRANTED = "granted"
    PARENTAL = "parental"


class Relationship(StrEnum):
    """Who the delegate is to the patient (FHIR R4 RelatedPerson.relationship, in plain words)."""

    PARENT = "parent"
    GUARDIAN = "guardian"
    SPOUSE = "spouse"
    PARTNER = "partner"
    CHILD = "child"
    SIBLING = "sibling"
    FRIEND = "friend"
    CAREGIVER = "caregiver"
    OTHER = "other"


class Standing(StrEnum):
    """What a delegation amounts to today."""

    OFFERED = "offered"
    UPCOMING = "upcoming"
    ACTIVE = "active"
    ENDED = "ended"
    OUTGROWN = "outgrown"
    LAPSED = "lapsed"
    DECLINED = "declined"
    REVOKED = "revoked"


S = DelegationStatus
_DELEGATE = frozenset({ActorKind.DELEGATE})
# Who gave it, the staff whom they call, and who has it: each may end it.
_ENDERS = frozenset({ActorKind.PATIENT, ActorKind.STAFF, ActorKind.DELEGATE})
# An offer that nobody has answered ends with the patient's death.
_WITHDRAWERS = _ENDERS | {ActorKind.WORKER}

_MOVES: Mapping[DelegationStatus, Mapping[DelegationStatus, frozenset[ActorKind]]] = {
    S.OFFERED: {S.ACCEPTED: _DELEGATE, S.DECLINED: _DELEGATE, S.REVOKED: _WITHDRAWERS},
    S.ACCEPTED: {S.REVOKED: _ENDERS},
    S.DECLINED: {},
    S.REVOKED: {},
}
DELEGATION = Transitions("delegation", _MOVES)
