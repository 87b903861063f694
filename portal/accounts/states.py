"""The statuses of an account and of a client, and who needs a second factor."""

from enum import StrEnum

from portal.core.actor import ActorKind


class AccountStatus(StrEnum):
    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"
    # Its owner has died, as far as is known: it is what it was before once that is revoked.
    SUSPENDED = "suspended"
    # Its owner's record was merged into another, whose account goes on. It has no address any more.
    MERGED = "merged"


class ClientStatus(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


# The constraint by which the record of an account stands (patients/merge_functions.py).
ACCOUNT_OF_MERGED = "account_of_merged"

# They see other people's records.
NEEDS_SECOND_FACTOR = frozenset({ActorKind.PRACTITIONER, ActorKind.STAFF, ActorKind.ADMINISTRATOR})
