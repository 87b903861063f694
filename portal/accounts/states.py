"""The statuses of an account and of a client."""

from enum import StrEnum


class AccountStatus(StrEnum):
    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


class ClientStatus(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"
