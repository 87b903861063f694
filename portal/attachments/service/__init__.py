"""Use cases of attachments, a file each."""

from portal.attachments.service.attach import attach, check_unused, of, unused
from portal.attachments.service.read import content_of, read_attachment
from portal.attachments.service.scan import give_up, prepare_scan, record_verdict, scan_again
from portal.attachments.service.sweep import delete_unnamed, delete_unused, discard
from portal.attachments.service.upload import Upload, keep_upload
from portal.attachments.service.withdraw import forget, withdraw

__all__ = [
    "Upload",
    "attach",
    "check_unused",
    "content_of",
    "delete_unnamed",
    "delete_unused",
    "discard",
    "forget",
    "give_up",
    "keep_upload",
    "of",
    "prepare_scan",
    "read_attachment",
    "record_verdict",
    "scan_again",
    "unused",
    "withdraw",
]
