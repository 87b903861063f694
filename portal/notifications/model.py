"""Notifications, how each was sent, every attempt to send it, and what people want to be told."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import PEOPLE, Actor, ActorKind
from portal.core.db import Base, names_patient, one_of
from portal.core.rls import INSERT, ME, ON_BEHALF_OF, SELECT, UPDATE, to
from portal.notifications.states import DELIVERY, DeliveryStatus


class Channel(StrEnum):
    """Outside channels; every notification is in the portal in any case."""

    EMAIL = "email"


class Notification(Base):
    """Something that somebody is told. `data` holds ids and codes; words are chosen on reading.

    Of a delegate it says about which patient, and in which category of access.
    """

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("source_id", "recipient_id", "event"),
        Index("ix_notification_recipient", "recipient_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    recipient_kind: Mapped[str]
    recipient_id: Mapped[UUID] = mapped_column(
        info=names_patient("recipient_kind IN ('patient', 'delegate')")
    )
    event: Mapped[str]
    source_id: Mapped[UUID]
    subject_id: Mapped[UUID | None]
    patient_id: Mapped[UUID | None] = mapped_column(ForeignKey("patient.id"))
    category: Mapped[str | None]
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class Delivery(Base):
    """One notification by one outside channel."""

    __tablename__ = "notification_delivery"
    __table_args__ = (
        one_of("channel", Channel),
        one_of("status", DeliveryStatus),
        UniqueConstraint("notification_id", "channel"),
        Index(
            "ix_notification_delivery_open",
            "created_at",
            postgresql_where=text("status = 'pending'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    notification_id: Mapped[UUID] = mapped_column(ForeignKey("notification.id"))
    recipient_id: Mapped[UUID] = mapped_column(info=names_patient())
    channel: Mapped[str]
    status: Mapped[str]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    def move_to(self, status: DeliveryStatus, *, actor: Actor, now: datetime) -> None:
        """Raises IllegalTransition for a delivery that has ended."""
        DELIVERY.check(DeliveryStatus(self.status), status, actor.kind)
        self.status = status
        self.finished_at = now


class DeliveryAttempt(Base):
    """The ledger: each attempt to deliver, with its outcome."""

    __tablename__ = "delivery_attempt"
    __table_args__ = (UniqueConstraint("delivery_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("notification_delivery.id"))
    number: Mapped[int]
    at: Mapped[datetime]
    outcome: Mapped[str]
    detail: Mapped[str | None]


class Preference(Base):
    """Whether a person wants a kind of event by a channel; no row means yes."""

    __tablename__ = "notification_preference"
    __table_args__ = (one_of("channel", Channel),)

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    event: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    enabled: Mapped[bool]


_OWN = f"recipient_id = {ME} AND recipient_kind <> 'delegate'"
# What a delegate was told of a patient is theirs to read while they act for that patient in that
# category; what is about nobody's record, always.
_AS_DELEGATE = (
    f"recipient_id = {ME} AND recipient_kind = 'delegate' AND (category IS NULL "
    f"OR (patient_id = {ON_BEHALF_OF} AND NOT careloop_confidential(subject_id) AND category = ANY("
    f"(SELECT careloop_delegated_categories({ME}, {ON_BEHALF_OF}, now()))::text[])))"
)
_THEMSELVES = PEOPLE - {ActorKind.DELEGATE}

rls.protect(
    "notification",
    *to(_THEMSELVES, SELECT, _OWN),
    *to(_THEMSELVES, UPDATE, _OWN, columns=("read_at",)),
    *to(ActorKind.DELEGATE, SELECT, _AS_DELEGATE),
    *to(ActorKind.DELEGATE, UPDATE, _AS_DELEGATE, columns=("read_at",)),
    *rls.system_access(),
)
rls.protect("notification_delivery", *rls.system_access())
rls.protect("delivery_attempt", *rls.system_access())
rls.protect(
    "notification_preference",
    *to(PEOPLE, (SELECT, INSERT, UPDATE), f"person_id = {ME}"),
    *rls.system_access(),
)
