"""Use cases of messages and of the advice line, a file each."""

from portal.messages.service.advice import (
    RequestCall,
    cancel_call,
    follow_ending,
    record_outcome,
    request_call,
)
from portal.messages.service.closing import close_thread, reopen_thread
from portal.messages.service.confidential import keep_call_confidential, keep_thread_confidential
from portal.messages.service.deceased import close_for_deceased
from portal.messages.service.departing import leave_threads
from portal.messages.service.digest import send_digests
from portal.messages.service.drafts import (
    Kept,
    SaveDraft,
    add_draft,
    change_draft,
    discard_draft,
    read_draft,
    read_drafts,
)
from portal.messages.service.following import (
    Wrote,
    follow_closing,
    follow_message,
    follow_reopening,
    written_by_patient,
)
from portal.messages.service.quick_replies import (
    add_quick_reply,
    change_quick_reply,
    remove_quick_reply,
)
from portal.messages.service.reading import Opened, open_thread
from portal.messages.service.rerouting import follow_care_team
from portal.messages.service.sending import Write, write_message
from portal.messages.service.sent_drafts import SentDraft
from portal.messages.service.starting import (
    About,
    Outcome,
    Recipient,
    Started,
    StartThread,
    WriteToPatients,
    start_thread,
    write_to_patients,
)
from portal.messages.service.warning import Guidance, check, keep_warning

__all__ = [
    "About",
    "Guidance",
    "Kept",
    "Opened",
    "Outcome",
    "Recipient",
    "RequestCall",
    "SaveDraft",
    "SentDraft",
    "StartThread",
    "Started",
    "Write",
    "WriteToPatients",
    "Wrote",
    "add_draft",
    "add_quick_reply",
    "cancel_call",
    "change_draft",
    "change_quick_reply",
    "check",
    "close_for_deceased",
    "close_thread",
    "discard_draft",
    "follow_care_team",
    "follow_closing",
    "follow_ending",
    "follow_message",
    "follow_reopening",
    "keep_call_confidential",
    "keep_thread_confidential",
    "keep_warning",
    "leave_threads",
    "open_thread",
    "read_draft",
    "read_drafts",
    "record_outcome",
    "remove_quick_reply",
    "reopen_thread",
    "request_call",
    "send_digests",
    "start_thread",
    "write_message",
    "write_to_patients",
    "written_by_patient",
]
