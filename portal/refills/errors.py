"""What can go wrong with a refill."""

from portal.core.errors import Conflict, Invalid, NotFound


class RefillNotFound(NotFound):
    code = "refill_not_found"
    detail = "There is no such refill that you may see. Check its id."


class RefillNotAllowed(Invalid):
    """The prescription can't be filled again now; `reasons` has every reason."""

    code = "refill_not_allowed"


class RefillAlreadyOpen(Conflict):
    code = "open_request"
    detail = "There is an open request for this prescription already."


class AlreadyDecided(Conflict):
    """Another prescriber was first; the problem names who and when."""

    code = "already_decided"


class NotCancellable(Conflict):
    code = "not_cancellable"
    detail = "The pharmacy is already preparing this. Call the pharmacy to stop it."


class PharmacyNotChangeable(Conflict):
    code = "pharmacy_not_changeable"
    detail = "The pharmacy is already preparing this. Call the pharmacy to have it transferred."


class NothingToCancel(Conflict):
    code = "nothing_to_cancel"
    detail = "This order was not taken back: go on with it, and report its status."


class CancelledOtherwise(Conflict):
    """The pharmacy said before that it had handed it over: what was handed over stays so."""

    code = "cancellation_answered"
    detail = "It was said before that this was handed over already. Call the clinic if it was not."


class CancelAnswerUnusable(Invalid):
    """What is said to have been handed over can't have been."""

    code = "cancellation_answer_unusable"


class AlreadyReplaced(Conflict):
    """A refill has one successor; the problem names it."""

    code = "already_replaced"
    detail = "Another refill has taken this one's place: change that one (`replaced_by_id`)."


class PharmacyUnusable(Invalid):
    """The chosen pharmacy can't serve this request as asked."""

    code = "pharmacy_unusable"


class UpdateInvalid(Invalid):
    code = "update_invalid"
    detail = "This update can't be read, or says what can't be."


class UpdateLate(Conflict):
    code = "update_late"
    detail = "This update is older than the last one that was applied."


class UpdateQuarantined(Conflict):
    code = "update_quarantined"
    detail = "This update can't follow from where the refill stands; somebody asks what happened."


class EventIdReused(Conflict):
    code = "event_id_reused"
    detail = "This event_id came with another content before: use a new one."


class RefillNotHeld(NotFound):
    code = "refill_not_held"
    detail = "You hold no such refill."


class WebhookUnusable(Invalid):
    code = "webhook_unusable"


class WebhookNotFound(NotFound):
    code = "webhook_not_found"
    detail = "No webhook is registered. Register one with PUT /api/v1/pharmacy/webhook."


class FeedNotFound(NotFound):
    code = "feed_not_found"
    detail = "There is no such pharmacy."
