"""Use cases of results, a file each."""

from portal.results.service.communicate import (
    Communicated,
    follow_call,
    follow_letter,
    mark_communicated,
)
from portal.results.service.confidential import keep_confidential
from portal.results.service.critical import Acknowledge, acknowledge
from portal.results.service.deceased import close_for_deceased
from portal.results.service.departing import hand_over_results
from portal.results.service.follow import follow_release, follow_review, follow_version
from portal.results.service.follow_ups import WantedFollowUp, note_referral
from portal.results.service.looking import look, look_at_attachment, look_at_version
from portal.results.service.reconcile import Match, discard, match, reread_report
from portal.results.service.releasing import Hold, hold, release, release_due
from portal.results.service.replaying import replay
from portal.results.service.reviewing import (
    Review,
    ReviewItem,
    ReviewOutcome,
    review,
    review_many,
)
from portal.results.service.unmatching import unmatch
from portal.results.service.watch import find_uncommunicated, find_unseen

__all__ = [
    "Acknowledge",
    "Communicated",
    "Hold",
    "Match",
    "Review",
    "ReviewItem",
    "ReviewOutcome",
    "WantedFollowUp",
    "acknowledge",
    "close_for_deceased",
    "discard",
    "find_uncommunicated",
    "find_unseen",
    "follow_call",
    "follow_letter",
    "follow_release",
    "follow_review",
    "follow_version",
    "hand_over_results",
    "hold",
    "keep_confidential",
    "look",
    "look_at_attachment",
    "look_at_version",
    "mark_communicated",
    "match",
    "note_referral",
    "release",
    "release_due",
    "replay",
    "reread_report",
    "review",
    "review_many",
    "unmatch",
]
