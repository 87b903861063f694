"""One whole sweep: for the workers' schedule and the command line."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from portal.attachments import service
from portal.attachments.storage import Storage
from portal.core.actor import WORKER
from portal.core.db import transaction

BATCH = 500
# Younger files are left alone: most likely an upload is about to name them.
FILES_KEPT_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Swept:
    """How many uploads that nobody used, and files that no attachment named, were deleted."""

    uploads: int
    files: int


def sweep(storage: Storage, now: datetime) -> Swept:
    """Delete what nobody needs. Safe at any time, twice at once, and while files come in."""
    uploads = files = 0
    while True:
        with transaction(WORKER) as session:
            digests = service.delete_unused(session=session, now=now, limit=BATCH)
        uploads += len(digests)
        files += _delete_unnamed(storage, digests)
        if len(digests) < BATCH:
            break
    before = now - FILES_KEPT_FOR
    found = (digest for folder in storage.kept_before(before) for digest in folder)
    while batch := list(islice(found, BATCH)):
        files += _delete_unnamed(storage, batch)
    return Swept(uploads, files + storage.remove_left_over(before))


def _delete_unnamed(storage: Storage, digests: list[bytes]) -> int:
    if not digests:
        return 0
    with transaction(WORKER) as session:
        return service.delete_unnamed(session=session, storage=storage, digests=digests)
