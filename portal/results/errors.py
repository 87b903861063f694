"""What can go wrong with a result."""

from portal.core.errors import Conflict, Invalid, NotFound


class ResultNotFound(NotFound):
    code = "result_not_found"
    detail = "There is no such result that you may see. Check its id."


class VersionNotFound(NotFound):
    code = "version_not_found"
    detail = "This result has no version with that number. GET /api/v1/results/{id} lists them."


class AttachmentNotFound(NotFound):
    code = "attachment_not_found"
    detail = "This result has no such document. GET /api/v1/results/{id} lists them."


class VersionNotCurrent(Conflict):
    """There is a newer version than the one that was looked at; the problem names it."""

    code = "version_not_current"


class NotReviewable(Conflict):
    code = "not_reviewable"
    detail = "Only a final, corrected or amended result is reviewed."


class AlreadyReviewed(Conflict):
    """Another practitioner was first; the problem names who and when."""

    code = "already_reviewed"


class AcknowledgeFirst(Conflict):
    code = "acknowledge_first"
    detail = "A critical value waits: POST /api/v1/results/{id}/acknowledge comes first."


class NotNormal(Conflict):
    """Only what is certainly normal is reviewed many at once: every value, by its flag, its
    reference range or its words."""

    code = "not_normal"
    detail = (
        "Not every value of this result is certainly normal. "
        "Review it with POST /api/v1/results/{id}/review."
    )


class NotSeen(Conflict):
    """A result with notes or documents, which lists don't show, was not opened by its reviewer."""

    code = "not_seen"
    detail = (
        "This version has notes or documents that you have not opened. "
        "GET /api/v1/results/{id} first, then review it."
    )


class ReasonMissing(Invalid):
    code = "reason_missing"
    detail = "An abnormal result without a follow-up needs a reason."


class AlreadyReleased(Conflict):
    """What a patient can see can't be hidden again; the problem names since when."""

    code = "already_released"


class NothingToRelease(Conflict):
    code = "nothing_to_release"
    detail = "Nothing was reported yet that could be shown. It is released when it comes."


class HoldTooLong(Invalid):
    code = "hold_too_long"


class NotCritical(Conflict):
    code = "not_critical"
    detail = "No critical value of this result waits for anybody."


class AlreadyAcknowledged(Conflict):
    """Somebody else was first; the problem names who and when."""

    code = "already_acknowledged"


class ReadBackIncomplete(Invalid):
    """The read-back lacks a critical value as it was reported; `errors` names each."""

    code = "read_back_incomplete"
    detail = "Read back every critical value as it was reported; `errors` names what is missing."


class AlreadyCommunicated(Conflict):
    """The patient was told; the problem names when."""

    code = "already_communicated"
