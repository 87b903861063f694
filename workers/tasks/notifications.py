"""Sending notifications by e-mail, and finding another way where a letter came back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from portal.config import Config
from portal.core.web import extension
from portal.notifications import queries, service
from portal.notifications.errors import AddressRefused
from portal.notifications.gateway import Mail
from portal.notifications.states import DeliveryStatus
from workers.registry import Event, delivers, handles

SUBJECT = "There is something new for you in Careloop"
TEXT = """Hello,

there is something new for you in Careloop. For your privacy this message says no more than that.

Sign in to see it: {base_url}

Nobody reads answers to this address. Choose in the portal which of these messages you get.
"""


@dataclass(frozen=True, slots=True)
class Prepared:
    delivery_id: UUID
    number: int
    mail: Mail


def why_pointless(row: Row[Any], now: datetime) -> str | None:
    """Why a mail is not sent any more: the account was closed, the notification was read in the
    portal, or what it tells of has begun or is over. None where it is sent."""
    if row.email is None:
        return "no_address"
    if row.read_at is not None:
        return "already_read"
    return "too_late" if row.until is not None and row.until <= now else None


class NotificationByMail:
    """notification.deliver {delivery_id}"""

    def prepare(self, *, session: Session, event: Event, now: datetime) -> Prepared | None:
        delivery_id = event.uuid("delivery_id")
        row = queries.address_of(session, delivery_id)
        if row is None or row.status != DeliveryStatus.PENDING:
            return None
        number = row.attempts + 1
        if (pointless := why_pointless(row, now)) is not None:
            service.record_attempt(
                session=session,
                delivery_id=delivery_id,
                number=number,
                outcome=pointless,
                detail=None,
                status=DeliveryStatus.SUPPRESSED,
                now=now,
            )
            return None
        config: Config = extension("config")
        text = TEXT.format(base_url=config.base_url)
        return Prepared(delivery_id, number, Mail(row.email, SUBJECT, text, str(delivery_id)))

    def send(self, prepared: Prepared) -> str | None:
        """None when the server took it, else why it never will."""
        try:
            service.send_mail(extension("config"), prepared.mail)
        except AddressRefused as refusal:
            return str(refusal)
        return None

    def record(
        self,
        *,
        session: Session,
        event: Event,
        prepared: Prepared,
        outcome: str | None,
        now: datetime,
    ) -> None:
        service.record_attempt(
            session=session,
            delivery_id=prepared.delivery_id,
            number=prepared.number,
            outcome="sent" if outcome is None else "refused",
            detail=outcome,
            status=DeliveryStatus.SENT if outcome is None else DeliveryStatus.FAILED,
            now=now,
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
        service.record_attempt(
            session=session,
            delivery_id=prepared.delivery_id,
            number=prepared.number,
            outcome="failed" if final else "try_again",
            detail=error,
            status=DeliveryStatus.FAILED if final else DeliveryStatus.PENDING,
            now=now,
        )


delivers("notification.deliver", NotificationByMail())


@handles("letter.returned")
def find_another_way(*, session: Session, event: Event, now: datetime) -> None:
    service.find_another_way(session=session, letter_id=event.uuid("letter_id"), now=now)
