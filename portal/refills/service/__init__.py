"""Use cases of refills, a file each."""

from portal.refills.service.cancel import cancel_refill
from portal.refills.service.change_pharmacy import change_pharmacy
from portal.refills.service.decide import Decide, decide
from portal.refills.service.follow import (
    find_overdue,
    follow_move,
    open_first_fill,
    withdraw_stopped,
)
from portal.refills.service.request import (
    ItemOutcome,
    RefillItem,
    RequestRefills,
    request_refills,
)

__all__ = [
    "Decide",
    "ItemOutcome",
    "RefillItem",
    "RequestRefills",
    "cancel_refill",
    "change_pharmacy",
    "decide",
    "find_overdue",
    "follow_move",
    "open_first_fill",
    "request_refills",
    "withdraw_stopped",
]
