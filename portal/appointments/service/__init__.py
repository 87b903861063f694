"""Use cases of appointments, a file each."""

from portal.appointments.service.answers import accept_offer, decline_offer
from portal.appointments.service.book import book, change_appointment
from portal.appointments.service.confidential import keep_confidential
from portal.appointments.service.deceased import close_for_deceased
from portal.appointments.service.departing import leave_times
from portal.appointments.service.earlier import leave_waiting, offer_freed, wish_earlier
from portal.appointments.service.follow import follow_move, follow_offer_end, follow_offered
from portal.appointments.service.look_up import get_appointment, get_offer, is_booked, standing
from portal.appointments.service.moves import place_of
from portal.appointments.service.offers import (
    OfferTimes,
    offer_times,
    withdraw_offer,
    withdraw_offers_about,
)
from portal.appointments.service.outcomes import (
    attended,
    call_off,
    cancel_appointment,
    no_show,
    note_attended,
    settle_about,
)
from portal.appointments.service.overlaps import Other, check_overlaps, tell_elsewhere
from portal.appointments.service.slots import NewSlot, open_slots, withdraw_slot
from portal.appointments.service.watch import expire_offers, find_without_outcome, remind

__all__ = [
    "NewSlot",
    "OfferTimes",
    "Other",
    "accept_offer",
    "attended",
    "book",
    "call_off",
    "cancel_appointment",
    "change_appointment",
    "check_overlaps",
    "close_for_deceased",
    "decline_offer",
    "expire_offers",
    "find_without_outcome",
    "follow_move",
    "follow_offer_end",
    "follow_offered",
    "get_appointment",
    "get_offer",
    "is_booked",
    "keep_confidential",
    "leave_times",
    "leave_waiting",
    "no_show",
    "note_attended",
    "offer_freed",
    "offer_times",
    "open_slots",
    "place_of",
    "remind",
    "settle_about",
    "standing",
    "tell_elsewhere",
    "wish_earlier",
    "withdraw_offer",
    "withdraw_offers_about",
    "withdraw_slot",
]
