"""Use cases of refills, a file each."""

from portal.refills.service import phone, webhooks
from portal.refills.service.cancel import cancel_refill
from portal.refills.service.cancellation import AnswerCancellation
from portal.refills.service.cancellation import answer as answer_cancellation
from portal.refills.service.change_pharmacy import change_pharmacy
from portal.refills.service.correction import follow_correction
from portal.refills.service.deceased import close_for_deceased
from portal.refills.service.decide import Decide, decide
from portal.refills.service.departing import ask_for_other_pharmacies
from portal.refills.service.follow import (
    close_settled,
    find_overdue,
    follow_move,
    give_up_rests,
    look_into_update,
    open_first_fill,
)
from portal.refills.service.orders import acknowledge, read_orders
from portal.refills.service.renewal_requests import RequestRenewal, request_renewal
from portal.refills.service.replay import replay
from portal.refills.service.replay import withdraw as withdraw_update
from portal.refills.service.request import (
    ItemOutcome,
    RefillItem,
    RequestRefills,
    request_refills,
)
from portal.refills.service.standing import follow_prescription
from portal.refills.service.status_updates import Answer, Received, apply_fresh, take_updates

__all__ = [
    "Answer",
    "AnswerCancellation",
    "Decide",
    "ItemOutcome",
    "Received",
    "RefillItem",
    "RequestRefills",
    "RequestRenewal",
    "acknowledge",
    "answer_cancellation",
    "apply_fresh",
    "ask_for_other_pharmacies",
    "cancel_refill",
    "change_pharmacy",
    "close_for_deceased",
    "close_settled",
    "decide",
    "find_overdue",
    "follow_correction",
    "follow_move",
    "follow_prescription",
    "give_up_rests",
    "look_into_update",
    "open_first_fill",
    "phone",
    "read_orders",
    "replay",
    "request_refills",
    "request_renewal",
    "take_updates",
    "webhooks",
    "withdraw_update",
]
