"""What pharmacies were sent and sent back, and how their connections are."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import INSERT, ME, SELECT, UPDATE, to
from portal.core.tables import Xid8


class UpdateOutcome(StrEnum):
    """What became of one status update of a pharmacy."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    LATE = "late"
    QUARANTINED = "quarantined"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    WITHDRAWN = "withdrawn"


class OrderKind(StrEnum):
    """An entry of a pharmacy's feed: fill this, take the patient's corrected data, or leave it."""

    FILL = "fill"
    UPDATE = "update"
    CANCEL = "cancel"


class WebhookStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"


class PharmacyOrder(Base):
    """An entry of a pharmacy's pull feed.

    `xact` orders the feed: an entry is handed out only once every transaction that could still
    put one before it has ended, so that a cursor never passes over an entry.
    """

    __tablename__ = "pharmacy_order"
    __table_args__ = (
        one_of("kind", OrderKind),
        Index("ix_pharmacy_order_refill", "refill_id", "pharmacy_id", "id"),
        Index("ix_pharmacy_order_feed", "pharmacy_id", "xact", "id"),
        Index(
            "uq_pharmacy_order_correction",
            "refill_id",
            "correction_id",
            unique=True,
            postgresql_where=text("correction_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    pharmacy_id: Mapped[UUID] = mapped_column(ForeignKey("pharmacy.id"))
    refill_id: Mapped[UUID] = mapped_column(ForeignKey("refill.id"))
    kind: Mapped[str]
    correction_id: Mapped[UUID | None] = mapped_column(ForeignKey("patient_correction.id"))
    created_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    xact: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))


class PharmacyUpdate(Base):
    """A status update as it was received, and what became of it. Never deleted, replayable."""

    __tablename__ = "pharmacy_update"
    __table_args__ = (
        one_of("outcome", UpdateOutcome),
        Index("ix_pharmacy_update_received", "pharmacy_id", "received_at", "event_id"),
        Index(
            "ix_pharmacy_update_set_aside",
            "pharmacy_id",
            "outcome",
            postgresql_where=text("outcome IN ('late', 'quarantined')"),
        ),
    )

    pharmacy_id: Mapped[UUID] = mapped_column(ForeignKey("pharmacy.id"), primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    refill_id: Mapped[UUID | None]
    content_digest: Mapped[bytes]
    content: Mapped[dict[str, Any]]
    occurred_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    outcome: Mapped[str]
    refill_status: Mapped[str | None]
    problem: Mapped[str | None]


class RenewalRequest(Base):
    """A pharmacy's own request to renew, by its event id: the same id again changes nothing."""

    __tablename__ = "renewal_request"

    pharmacy_id: Mapped[UUID] = mapped_column(ForeignKey("pharmacy.id"), primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    content_digest: Mapped[bytes]
    refill_id: Mapped[UUID | None]
    outcome: Mapped[str]
    received_at: Mapped[datetime]


class PharmacyWebhook(Base):
    """Where a pharmacy wants its orders pushed (Standard Webhooks); paused when it is dead."""

    __tablename__ = "pharmacy_webhook"
    __table_args__ = (one_of("status", WebhookStatus),)

    pharmacy_id: Mapped[UUID] = mapped_column(ForeignKey("pharmacy.id"), primary_key=True)
    url: Mapped[str]
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str]
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    last_success_at: Mapped[datetime | None]
    last_failure_at: Mapped[datetime | None]
    last_failure: Mapped[str | None]
    paused_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]


class WebhookAttempt(Base):
    """The ledger of pushes: each attempt with its outcome."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (
        Index("ix_webhook_attempt_order", "order_id", "at"),
        Index("ix_webhook_attempt_pharmacy", "pharmacy_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("pharmacy_order.id"))
    pharmacy_id: Mapped[UUID]
    at: Mapped[datetime]
    outcome: Mapped[str]
    status_code: Mapped[int | None]
    detail: Mapped[str | None]


class PhoneMiss(Base):
    """Wrong tries on the phone line, by a keyed digest of the refill number that was tried."""

    __tablename__ = "phone_miss"

    number_digest: Mapped[str] = mapped_column(primary_key=True)
    misses: Mapped[int]
    first_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]


class PharmacyFeed(Base):
    """The health of a pharmacy's connection: when it was last heard."""

    __tablename__ = "pharmacy_feed"

    pharmacy_id: Mapped[UUID] = mapped_column(ForeignKey("pharmacy.id"), primary_key=True)
    last_pull_at: Mapped[datetime | None]
    last_update_at: Mapped[datetime | None]


_HERE = f"pharmacy_id = {ME}"
_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)

rls.protect(
    "pharmacy_order",
    *to(ActorKind.PHARMACY, SELECT, _HERE),
    *to(ActorKind.PHARMACY, UPDATE, _HERE, columns=("acknowledged_at",)),
    *rls.system_access(),
)
rls.protect(
    "pharmacy_update",
    *to(ActorKind.PHARMACY, (SELECT, INSERT, UPDATE), _HERE),
    *to(_CARE_TEAM, SELECT, "EXISTS (SELECT FROM refill r WHERE r.id = refill_id)"),
    *rls.system_access(),
)
rls.protect(
    "renewal_request",
    *to(ActorKind.PHARMACY, (SELECT, INSERT, UPDATE), _HERE),
    *rls.system_access(),
)
rls.protect(
    "pharmacy_webhook",
    *to(ActorKind.PHARMACY, (SELECT, INSERT, UPDATE, rls.DELETE), _HERE),
    *rls.system_access(),
)
rls.protect(
    "webhook_attempt",
    *to(ActorKind.PHARMACY, SELECT, _HERE),
    *rls.system_access(),
)
rls.protect(
    "pharmacy_feed",
    *to(ActorKind.PHARMACY, (SELECT, INSERT, UPDATE), _HERE),
    *to(ActorKind.STAFF, SELECT),
    *rls.system_access(),
)

rls.share(
    "phone_miss",
    *to(ActorKind.PHONE, (SELECT, INSERT, UPDATE)),
    *to(rls.SYSTEM, (SELECT, INSERT, UPDATE, rls.DELETE)),
)

# The phone line proves whom it speaks for by what stands on the label and the date of birth.
rls.owned_function(
    "careloop_label_holder(number text, born date)",
    "TABLE (patient_id uuid, prescription_id uuid)",
    """
    SELECT p.patient_id, p.id FROM prescription p JOIN patient ON patient.id = p.patient_id
    WHERE p.refill_number = number AND patient.birth_date = born
      AND NOT careloop_deceased(patient.id)
    """,
)

# How a pharmacy's connection is: counts and times, for the pharmacy and for those who call it.
rls.owned_function(
    "careloop_feed_health(pharmacy uuid)",
    "TABLE (last_pull_at timestamptz, last_update_at timestamptz, late bigint, quarantined bigint, "
    "unacknowledged bigint, oldest_unacknowledged_at timestamptz, webhook_status text, "
    "webhook_url text, failures int, last_success_at timestamptz, last_failure_at timestamptz, "
    "last_failure text)",
    """
    SELECT f.last_pull_at, f.last_update_at,
           (SELECT count(*) FROM pharmacy_update u WHERE u.pharmacy_id = pharmacy
             AND u.outcome = 'late'),
           (SELECT count(*) FROM pharmacy_update u WHERE u.pharmacy_id = pharmacy
             AND u.outcome = 'quarantined'),
           waiting.orders, waiting.oldest,
           w.status, w.url, w.failures, w.last_success_at, w.last_failure_at, w.last_failure
    FROM pharmacy ph
    LEFT JOIN pharmacy_feed f ON f.pharmacy_id = ph.id
    LEFT JOIN pharmacy_webhook w ON w.pharmacy_id = ph.id
    CROSS JOIN LATERAL (
        SELECT count(*) AS orders, min(o.created_at) AS oldest FROM pharmacy_order o
        WHERE o.pharmacy_id = ph.id AND o.acknowledged_at IS NULL) waiting
    WHERE ph.id = pharmacy
    """,
)
