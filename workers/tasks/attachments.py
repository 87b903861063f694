"""Having attachments scanned, deleting what was found infected, forgetting what was taken back."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from portal.attachments import gateway, service
from portal.attachments.gateway import Verdict
from portal.attachments.model import Attachment
from portal.attachments.storage import Storage
from portal.core.web import extension
from workers.registry import Event, delivers, handles


@dataclass(frozen=True, slots=True)
class Prepared:
    attachment_id: UUID
    path: Path


class ScanOfAttachment:
    """attachment.scan {attachment_id}"""

    def prepare(self, *, session: Session, event: Event, now: datetime) -> Prepared | None:
        attachment_id = event.uuid("attachment_id")
        digest = service.prepare_scan(session, attachment_id)
        return None if digest is None else Prepared(attachment_id, _storage().path_of(digest))

    def send(self, prepared: Prepared) -> Verdict:
        """Without a scanner, what passed the checks at its upload is clean."""
        url = extension("config").clamav_url
        return gateway.scan(url, prepared.path) if url else Verdict()

    def record(
        self,
        *,
        session: Session,
        event: Event,
        prepared: Prepared,
        outcome: Verdict,
        now: datetime,
    ) -> None:
        service.record_verdict(
            session=session, attachment_id=prepared.attachment_id, verdict=outcome, now=now
        )

    def record_failure(
        self,
        *,
        session: Session,
        event: Event,
        prepared: Prepared,
        error: str,
        final: bool,
        now: datetime,
    ) -> None:
        if final:
            service.give_up(session=session, attachment_id=prepared.attachment_id, now=now)


delivers("attachment.scan", ScanOfAttachment())


@handles("attachment.discard")
def discard_infected(*, session: Session, event: Event, now: datetime) -> None:
    attachment = session.get(Attachment, event.uuid("attachment_id"))
    if attachment is not None:
        service.discard(session=session, storage=_storage(), digest=attachment.digest)


@handles("attachment.withdrawn")
def forget_withdrawn(*, session: Session, event: Event, now: datetime) -> None:
    service.forget(session=session, attachment_id=event.uuid("attachment_id"), now=now)


def _storage() -> Storage:
    return Storage(extension("config").attachments)
