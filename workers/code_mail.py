"""Mails that are no notifications, such as those with a code: their event is their record."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.core.web import extension
from portal.notifications import service as notifications
from portal.notifications.errors import AddressRefused
from portal.notifications.gateway import Mail
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind
from workers.registry import Event


class CodeMail:
    """Sends what `prepare` of a kind of event has written: Deliverer[Mail, None]."""

    def send(self, prepared: Mail) -> None:
        """An address that nobody has is nobody's work: whoever asked asks again, or calls."""
        try:
            notifications.send_mail(extension("config"), prepared)
        except AddressRefused:
            return

    def record(self, **_outcome: object) -> None:
        """The event itself is the record."""

    def record_failure(
        self,
        *,
        session: Session,
        event: Event,
        prepared: Mail,
        error: str,
        final: bool,
        now: datetime,
    ) -> None:
        """The event itself is the record; after the last try somebody may have to call."""
        if final:
            worklist.open_for_operations(
                session=session,
                kind=WorkItemKind.DELIVERY_FAILED,
                subject_id=event.id,
                priority=Priority.ROUTINE,
                now=now,
            )
