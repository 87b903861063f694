"""What laboratories are sent about requisitions, and how their connections are."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import ME, SELECT, UPDATE, to
from portal.core.tables import Xid8
from portal.directory.model import Transport
from portal.requisitions.states import MESSAGE, MessageKind, MessageStatus


class LaboratoryMessage(Base):
    """One message to a laboratory, in its queue. The order of the queue is that of the ids.

    `content` is the HL7 message as it is sent, the same for every try and under the same
    `control_id`; a feed's entries have none. `correction_id` is the correction of the patient's
    data of which it tells. `rejections` counts the answers that asked for another
    try (AR, CR). `xact` orders the feed, as in the pharmacies'.
    """

    __tablename__ = "laboratory_message"
    __table_args__ = (
        one_of("kind", MessageKind),
        one_of("status", MessageStatus),
        one_of("transport", Transport),
        Index(
            "ix_laboratory_message_queue",
            "laboratory_id",
            "id",
            postgresql_where=text("status = 'queued'"),
        ),
        Index("ix_laboratory_message_feed", "laboratory_id", "xact", "id"),
        Index("ix_laboratory_message_requisition", "requisition_id", "id"),
        Index(
            "uq_laboratory_message_correction",
            "requisition_id",
            "correction_id",
            unique=True,
            postgresql_where=text("correction_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    laboratory_id: Mapped[UUID] = mapped_column(ForeignKey("laboratory.id"))
    requisition_id: Mapped[UUID] = mapped_column(ForeignKey("requisition.id"))
    transport: Mapped[str]
    kind: Mapped[str]
    status: Mapped[str]
    control_id: Mapped[str] = mapped_column(unique=True)
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    correction_id: Mapped[UUID | None] = mapped_column(ForeignKey("patient_correction.id"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    rejections: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answer_code: Mapped[str | None]
    answer_text: Mapped[str | None]
    last_error: Mapped[str | None]
    xact: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))

    def move_to(self, status: MessageStatus, *, actor: Actor, now: datetime) -> None:
        """Raises IllegalTransition for a message that was answered."""
        MESSAGE.check(MessageStatus(self.status), status, actor.kind)
        self.status = status
        self.answered_at = now

    def send_again(self, next_try_at: datetime) -> bool:
        """Put a message back into its queue whose commit (CA) was followed by "not now" (AR): it
        was accepted for the moment alone. False for any other."""
        if self.status != MessageStatus.ACCEPTED or self.content is None:
            return False
        self.status = MessageStatus.QUEUED
        self.answered_at = None
        self.next_try_at = next_try_at
        self.rejections += 1
        return True


class LaboratoryConnection(Base):
    """The health of a laboratory's connection, in both directions."""

    __tablename__ = "laboratory_connection"

    laboratory_id: Mapped[UUID] = mapped_column(ForeignKey("laboratory.id"), primary_key=True)
    last_sent_at: Mapped[datetime | None]
    last_answer_at: Mapped[datetime | None]
    last_failure_at: Mapped[datetime | None]
    last_failure: Mapped[str | None]
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    last_heard_at: Mapped[datetime | None]


_HERE = f"laboratory_id = {ME}"

rls.protect(
    "laboratory_message",
    *to(ActorKind.LABORATORY, SELECT, _HERE),
    *to(
        ActorKind.LABORATORY,
        UPDATE,
        _HERE,
        columns=("status", "sent_at", "answered_at", "answer_code", "answer_text"),
    ),
    *rls.system_access(),
)
rls.share(
    "laboratory_connection",
    *to(ActorKind.LABORATORY, (SELECT, UPDATE, rls.INSERT)),
    *to((ActorKind.STAFF, ActorKind.ADMINISTRATOR), SELECT),
    *rls.system_access(),
)
