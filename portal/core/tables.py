"""The core's own tables: outbox, audit trail and its seals, idempotency keys."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, PrimaryKeyConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from portal.core import rls
from portal.core.actor import ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import INSERT, ME, SELECT, UPDATE, to


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_kwargs: Any) -> str:
        return "xid8"


class OutboxStatus(StrEnum):
    PENDING = "pending"
    PUBLISHED = "published"
    DONE = "done"
    DEAD = "dead"


class OutboxEvent(Base):
    """Something that must happen outside the transaction that wrote this row."""

    __tablename__ = "outbox_event"
    __table_args__ = (
        one_of("status", OutboxStatus),
        Index("ix_outbox_event_pending", "due_at", postgresql_where=text("status = 'pending'")),
        Index(
            "ix_outbox_event_published",
            "published_at",
            postgresql_where=text("status = 'published'"),
        ),
        Index("ix_outbox_event_dead", "created_at", postgresql_where=text("status = 'dead'")),
        Index("ix_outbox_event_done", "done_at", postgresql_where=text("status = 'done'")),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    status: Mapped[str]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    attempts: Mapped[int]
    last_error: Mapped[str | None]
    request_id: Mapped[str]


class AuditEntry(Base):
    """Who did what with whose data; partitioned by month. `xact` tells which rows are closed."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        PrimaryKeyConstraint("id", "at"),
        Index("ix_audit_entry_patient", "patient_id", "at"),
        Index("ix_audit_entry_xact", "xact", "id"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    id: Mapped[UUID]
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID]
    credential_id: Mapped[UUID]
    on_behalf_of: Mapped[UUID | None]
    patient_id: Mapped[UUID | None]
    action: Mapped[str]
    resource: Mapped[str]
    resource_id: Mapped[UUID | None]
    purpose: Mapped[str]
    request_id: Mapped[str]
    xact: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))


class AuditSeal(Base):
    """One closed batch of audit rows: the digest of each row, and the chain's hash over all."""

    __tablename__ = "audit_seal"

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    sealed_at: Mapped[datetime]
    from_xact: Mapped[int] = mapped_column(Xid8)
    to_xact: Mapped[int] = mapped_column(Xid8)
    entry_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    entry_digests: Mapped[list[bytes]] = mapped_column(ARRAY(BYTEA()))
    previous_hash: Mapped[bytes]
    hash: Mapped[bytes]


class IdempotencyKey(Base):
    """The answer already given for a key: the same request again gets the same answer."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_expiry", "expires_at"),)

    actor_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_digest: Mapped[bytes]
    status: Mapped[int | None]
    body: Mapped[bytes | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


ACTING = tuple(kind for kind in ActorKind if kind not in rls.SYSTEM)

rls.share(
    "outbox_event",
    *to(ACTING, INSERT),
    *to(rls.SYSTEM, (SELECT, INSERT, UPDATE, rls.DELETE)),
)
rls.protect(
    "audit_entry",
    *to(tuple(ActorKind), INSERT),
    *to(ActorKind.PATIENT, SELECT, f"patient_id = {ME}"),
    *to(rls.SYSTEM, SELECT),
)
rls.share("audit_seal", *to(ActorKind.WORKER, (SELECT, INSERT)), *to(ActorKind.OPERATOR, SELECT))
rls.protect(
    "idempotency_key",
    *to(ACTING, (SELECT, INSERT, UPDATE), f"actor_id = {ME}"),
    *to(rls.SYSTEM, (SELECT, INSERT, UPDATE, rls.DELETE)),
)
