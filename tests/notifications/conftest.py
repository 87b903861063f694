"""A mail server on this machine, and what came to it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from flask import Flask
from sqlalchemy import select

from portal.accounts.model import Account
from portal.config import Config
from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.notifications import service
from portal.notifications.model import Delivery, DeliveryAttempt, Notification
from portal.notifications.states import NotificationEvent
from portal.supervisor.ports import free_port
from tests.refills.conftest import acknowledged, pharmacy, refillable, requested
from tests.support.clinic import SmallClinic

__all__ = ["acknowledged", "pharmacy", "refillable", "requested"]

READY = NotificationEvent.REFILL_READY_FOR_PICKUP
Tell = Callable[..., UUID]


class Mailbox:
    """Takes messages, or answers what it is told to."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.answers: list[str] = []

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the library's name
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        assert envelope.rcpt_tos == [message["To"].addresses[0].addr_spec]
        self.messages.append(message)
        return "250 OK"


@pytest.fixture
def mailbox(app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A mail server that the application sends to."""
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings = replace(config, smtp_url=f"smtp://127.0.0.1:{port}")
    monkeypatch.setitem(app.extensions, "careloop.config", settings)
    yield box
    controller.stop()


@pytest.fixture
def no_mail_server(app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(config, smtp_url=f"smtp://127.0.0.1:{free_port()}")
    monkeypatch.setitem(app.extensions, "careloop.config", settings)


@pytest.fixture
def tell(clinic: SmallClinic) -> Tell:
    """Tells the first patient of an event; returns what the source of it was."""

    def notify(
        source_id: UUID,
        event: NotificationEvent = READY,
        recipient_id: UUID = clinic.patient.id,
        **data: Any,
    ) -> UUID:
        with transaction(OPERATOR) as session:
            service.notify(
                session=session,
                recipient_kind=ActorKind.PATIENT,
                recipient_ids=[recipient_id],
                event=event,
                source_id=source_id,
                subject_id=source_id,
                patient_id=recipient_id,
                data=data,
                now=utcnow(),
            )
        return source_id

    return notify


def email_of(person_id: UUID) -> str:
    with transaction(OPERATOR) as session:
        return session.scalars(select(Account.email).filter_by(person_id=person_id)).one()


def deliveries(event: str = READY) -> list[Delivery]:
    """The ways out of the notifications of an event."""
    query = select(Delivery).join(Notification, Notification.id == Delivery.notification_id)
    with transaction(OPERATOR) as session:
        return list(session.scalars(query.where(Notification.event == event)))


def ledger(delivery: Delivery) -> list[tuple[int, str, str | None]]:
    """Each attempt of a delivery: its number, outcome and detail."""
    query = select(DeliveryAttempt).filter_by(delivery_id=delivery.id)
    with transaction(OPERATOR) as session:
        rows = session.scalars(query.order_by(DeliveryAttempt.number))
        return [(row.number, row.outcome, row.detail) for row in rows]
