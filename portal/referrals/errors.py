"""What can go wrong with a referral."""

from portal.core.errors import Conflict, Forbidden, Invalid, NotFound


class ReferralNotFound(NotFound):
    code = "referral_not_found"
    detail = "There is no such referral that you may see. Check its id."


class ReferralUnusable(Invalid):
    """A referral can't be made as asked; `errors` names each member."""

    code = "referral_unusable"


class NotYours(Forbidden):
    """The step belongs to somebody else."""

    code = "referral_not_yours"


class AlreadyDecided(Conflict):
    """Another was first; the problem names who and when."""

    code = "already_decided"


class NotSendable(Conflict):
    code = "not_sendable"
    detail = "Only a draft, or a referral that was declined, can be sent."


class NothingAsked(Conflict):
    code = "nothing_asked"
    detail = "Nobody waits for information about this referral."


class ReferralNotCancellable(Conflict):
    code = "referral_not_cancellable"
    detail = "The patient has been seen already: close the referral instead."


class NotSchedulable(Conflict):
    code = "not_schedulable"
    detail = "This referral does not wait for an appointment."


class TimeElsewhere(Conflict):
    code = "time_elsewhere"
    detail = (
        "The specialist is elsewhere: write down the appointment that was arranged there with "
        "POST /api/v1/referrals/{id}/appointment."
    )


class NotScheduled(Conflict):
    code = "not_scheduled"
    detail = "This referral has no appointment that could be kept, missed or called off."


class NoteNotExpected(Conflict):
    code = "note_not_expected"
    detail = "No consult note can be written now: the referral must be accepted first."


class NoteMissing(Conflict):
    code = "note_missing"
    detail = "There is no consult note yet."


class NoteAlreadyReleased(Conflict):
    code = "note_already_released"
    detail = "The patient can see this note already."


class NoteHoldTooLong(Invalid):
    code = "note_hold_too_long"


class NotClosable(Conflict):
    code = "referral_not_closable"
    detail = "This referral is still on its way: cancel it, or wait for the consult note."


class NewerNote(Conflict):
    """There is a version of the note that the caller hasn't named as read."""

    code = "newer_note"
    detail = (
        "The specialist wrote a version of the note that you have not named as read: read it, then "
        "repeat the call with its `number` as `last_seen_note`."
    )


class ClosingReasonMissing(Invalid):
    code = "closing_reason_missing"
    detail = "There is no consult note: say in `reason` why the referral is closed without one."
