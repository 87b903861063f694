"""What can go wrong with what laboratories send, and with matching it."""

from portal.core.errors import Conflict, Invalid, NotFound, Unavailable


class BundleChanged(Conflict):
    code = "bundle_changed"
    detail = "Another bundle came under this identifier before: use a new one."


class TakenMeanwhile(Unavailable):
    """The same message came beside, and was taken in first."""


class CaseNotFound(NotFound):
    code = "case_not_found"
    detail = "There is no such case of your clinic. GET /reconciliation lists the open ones."


class CaseClosed(Conflict):
    code = "case_closed"
    detail = "Somebody was first: this case is closed."


class CaseNotReplayable(Conflict):
    code = "case_not_replayable"
    detail = "This case waits for a decision: match it, or discard it."


class ReplayFirst(Conflict):
    code = "replay_first"
    detail = (
        "This message failed on our side. POST …/replay takes it in once that is mended; "
        "what matches nobody then is a case of its own."
    )


class StillFailing(Conflict):
    code = "still_failing"
    detail = "It fails still: have it mended first. The message stays kept, and this case open."


class Unmatchable(Invalid):
    code = "unmatchable"
    detail = "The report can't go there; `errors` says why."


class MatchedElsewhere(Conflict):
    code = "matched_elsewhere"
    detail = "This report is on another patient's chart already. Have it corrected there first."


class ChartMovedOn(Conflict):
    """What the report would replace is newer than the question whether it should; `result_id` and
    `version_now` name it."""

    code = "chart_moved_on"
    detail = (
        "Another version came since this was asked. Read what stands on the chart now; if this "
        "report is to replace it all the same, send that version as `replaces_version`."
    )


class IdentityDiffers(Conflict):
    """The report says that it is about somebody else than who was chosen; `errors` and `differs`
    name each mark."""

    code = "identity_differs"
    detail = (
        "The report says that it is about somebody else. Compare it with the record; if it is this "
        "patient's all the same, send what differs as `confirmed`, with a `reason`."
    )


class NotMatched(Conflict):
    code = "not_matched"
    detail = "Only a case that was matched can be unmatched; `status_now` says where this one is."
