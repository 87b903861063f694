"""What can go wrong with messages and advice calls."""

from portal.core.errors import Conflict, Forbidden, Invalid, NotFound


class ThreadNotFound(NotFound):
    code = "thread_not_found"
    detail = "There is no such thread that you may see. Check its id."


class RecipientUnusable(Invalid):
    """Whom the message is for can't be written to; the remedy names the list of who can."""

    code = "recipient_unusable"


class AboutUnusable(Invalid):
    code = "about_unusable"
    detail = "There is no such record of this patient that you may see. Check `about`."


class RedFlagsFound(Conflict):
    """What was written may be an emergency; the problem carries the guidance to be shown."""

    code = "red_flags_found"
    detail = (
        "This may be an emergency. Show `guidance`; if the patient still wants to send, repeat "
        "the call with `acknowledged_red_flags` set to `version`."
    )


class NewerMessages(Conflict):
    """Somebody wrote since the caller last looked; the problem carries what they wrote."""

    code = "newer_messages"
    detail = (
        "Somebody wrote here since you looked: read `messages`, then repeat the call with the last "
        "one's id as `last_seen_message_id`."
    )


class ThreadClosed(Conflict):
    """The thread was closed for good."""

    code = "thread_closed"
    detail = "This thread was closed for good. Start a new one with POST /api/v1/threads."


class AlreadyClosed(Conflict):
    code = "thread_already_closed"
    detail = "This thread is closed already."


class NotClosed(Conflict):
    code = "thread_not_closed"
    detail = "This thread is open: write in it."


class CareTeamOnly(Forbidden):
    code = "care_team_only"
    detail = "Only those who care for a patient may do this."


class DraftNotFound(NotFound):
    code = "draft_not_found"
    detail = "You have no such draft. GET /api/v1/drafts lists them."


class TooManyDrafts(Conflict):
    code = "too_many_drafts"
    detail = "You keep as many drafts as there can be. Send one, or throw one away."


class VersionInUse(Conflict):
    """A set of red flags must have a version above the one in force; the problem names it."""

    code = "version_in_use"


class QuickReplyNotFound(NotFound):
    code = "quick_reply_not_found"
    detail = "Your teams have no such quick reply. GET /api/v1/quick-replies lists them."


class PoolUnusable(Invalid):
    code = "pool_unusable"
    detail = "You are in no such team. GET /api/v1/pools lists the teams with their members."


class AdviceCallNotFound(NotFound):
    code = "advice_call_not_found"
    detail = "There is no such request for a call that you may see. Check its id."


class AdviceCallEnded(Conflict):
    """The request is over; the problem says how it ended."""

    code = "advice_call_ended"


class AdviceCallOpen(Conflict):
    """The patient waits for a call already."""

    code = "advice_call_open"
    detail = "You are waiting for a call already. Cancel that request to change it."
