"""Use cases of referrals, a file each."""

from portal.referrals.service.appointments import follow_offer, free_times
from portal.referrals.service.arrange import (
    Arrange,
    attended,
    authorize,
    call_off,
    no_show,
    schedule,
)
from portal.referrals.service.close import cancel_referral, close_referral
from portal.referrals.service.confidential import keep_confidential
from portal.referrals.service.deceased import close_for_deceased
from portal.referrals.service.decide import accept, ask, decline, give_information
from portal.referrals.service.departing import hand_over_referrals
from portal.referrals.service.follow import follow_move, follow_note
from portal.referrals.service.refer import (
    Addressee,
    Authorization,
    Outside,
    Refer,
    refer,
    send_referral,
)
from portal.referrals.service.report import NoteHold, WriteNote, answer, release_note, write_note
from portal.referrals.service.standing import Standing, sent_about, standing
from portal.referrals.service.watch import (
    expire_referrals,
    find_unattended,
    release_held,
    warn_of_expiry,
)

__all__ = [
    "Addressee",
    "Arrange",
    "Authorization",
    "NoteHold",
    "Outside",
    "Refer",
    "Standing",
    "WriteNote",
    "accept",
    "answer",
    "ask",
    "attended",
    "authorize",
    "call_off",
    "cancel_referral",
    "close_for_deceased",
    "close_referral",
    "decline",
    "expire_referrals",
    "find_unattended",
    "follow_move",
    "follow_note",
    "follow_offer",
    "free_times",
    "give_information",
    "hand_over_referrals",
    "keep_confidential",
    "no_show",
    "refer",
    "release_held",
    "release_note",
    "schedule",
    "send_referral",
    "sent_about",
    "standing",
    "warn_of_expiry",
    "write_note",
]
