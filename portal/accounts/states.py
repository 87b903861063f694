"""The statuses of an account and of a client, and who needs a second factor."""

from enum import StrEnum

from portal.core.actor import ActorKind


class AccountStatus(StrEnum):
    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"
    # Its owner has died, as far as is known: it is what it was before once that is revoked.
    SUSPENDED = "suspended"


class ClientStatus(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


# They see other people's records.
NEEDS_SECOND_FACTOR = frozenset({ActorKind.PRACTITIONER, ActorKind.STAFF, ActorKind.ADMINISTRATOR})
