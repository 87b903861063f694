"""Deleting what nobody needs: uploads that were never used, and files that no row names.

A file is deleted under its content's lock, after a look at who names it; an upload takes the same
lock before it finds the file there, and holds it until its row is committed. Rows go in one
transaction and their files in a later one: a file without a row is found again, a row without a
file is lost.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal.attachments import queries
from portal.attachments.states import AttachmentStatus
from portal.attachments.storage import Storage
from portal.core import audit
from portal.core.actor import WORKER
from portal.worklist import service as worklist
from portal.worklist.states import WorkItemKind

UNUSED_KEPT_FOR = timedelta(days=1)


def delete_unused(*, session: Session, now: datetime, limit: int) -> list[bytes]:
    """Delete uploads that were not used within a day; returns their contents' digests."""
    rows = queries.delete_unused(session, now - UNUSED_KEPT_FOR, limit)
    for row in rows:
        audit.record(
            session,
            WORKER,
            "delete",
            "attachment",
            patient_id=row.patient_id,
            resource_id=row.id,
            at=now,
        )
        if row.status == AttachmentStatus.UNSCANNABLE:
            worklist.close_item(
                session=session,
                actor=WORKER,
                kind=WorkItemKind.ATTACHMENT_UNSCANNABLE,
                subject_id=row.id,
                outcome="never used and deleted",
                cancelled=True,
                now=now,
            )
    return [bytes(row.digest) for row in rows]


def delete_unnamed(*, session: Session, storage: Storage, digests: Collection[bytes]) -> int:
    """Delete those of the contents that no attachment names; returns how many there were."""
    unnamed = set(digests) - queries.named(session, digests)
    return sum(discard(session=session, storage=storage, digest=one) for one in sorted(unnamed))


def discard(*, session: Session, storage: Storage, digest: bytes) -> bool:
    """Delete a content unless an attachment names it; False where one does, or none is there."""
    queries.lock_content(session, digest)
    if queries.named(session, [digest]):
        return False
    return storage.remove(digest)
