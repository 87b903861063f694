"""The states of an attachment and who may move it."""

from enum import StrEnum

from portal.core.actor import ActorKind
from portal.core.states import Transitions


class AttachmentStatus(StrEnum):
    """Only what is clean is handed out."""

    QUARANTINED = "quarantined"
    CLEAN = "clean"
    INFECTED = "infected"
    UNSCANNABLE = "unscannable"


class AttachedTo(StrEnum):
    """What an attachment may be part of."""

    MESSAGE = "message"


S = AttachmentStatus

_WORKER = frozenset({ActorKind.WORKER})
_OPERATOR = frozenset({ActorKind.OPERATOR})

ATTACHMENT = Transitions(
    "attachment",
    {
        S.QUARANTINED: {S.CLEAN: _WORKER, S.INFECTED: _WORKER, S.UNSCANNABLE: _WORKER},
        # The same content came again, and by now the scanner knows better.
        S.CLEAN: {S.INFECTED: _WORKER},
        S.UNSCANNABLE: {S.QUARANTINED: _OPERATOR, S.INFECTED: _WORKER},
        S.INFECTED: {},
    },
)

# What may become part of something; what is not clean yet is handed out once it is.
ATTACHABLE = (S.QUARANTINED, S.CLEAN)
# Whose file is kept.
WITH_FILE = (S.QUARANTINED, S.CLEAN, S.UNSCANNABLE)
