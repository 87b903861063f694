"""Threads, their messages, who has read them, and each thread's history."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import owners, rls
from portal.core.actor import AccessCategory, Actor, ActorKind
from portal.core.db import Base, names_patient, one_of
from portal.core.history import History
from portal.core.rls import INSERT, ME, SELECT, UPDATE, to
from portal.messages.states import (
    THREAD,
    AboutKind,
    Category,
    CloseReason,
    HistoryAction,
    MessageKind,
    Signature,
    ThreadStatus,
)
from portal.patients import death_model


class Thread(Base):
    """A conversation between a patient and a team, or one practitioner of it.

    `reply_due_at` is when the care team's answer is due. The unread counts are of the other side's
    messages that the patient, or nobody of the care team, has opened; they change with the reads,
    in one transaction. What a delegate has not opened is counted from the receipts. `confidential`
    keeps it from delegates, as does what it is about where that is kept.
    """

    __tablename__ = "thread"
    __table_args__ = (
        one_of("category", Category),
        one_of("status", ThreadStatus),
        one_of("about_kind", AboutKind),
        one_of("closed_reason", CloseReason),
        CheckConstraint("(status = 'closed') = (closed_reason IS NOT NULL)", name="end"),
        CheckConstraint(
            "(status = 'awaiting_care_team') = (reply_due_at IS NOT NULL)", name="clock"
        ),
        CheckConstraint("(about_kind IS NULL) = (about_id IS NULL)", name="about"),
        CheckConstraint("unread_by_patient >= 0 AND unread_by_team >= 0", name="unread"),
        Index("ix_thread_patient", "patient_id", "last_message_at", "id"),
        Index(
            "ix_thread_open",
            "patient_id",
            postgresql_where=text("status = 'awaiting_care_team' OR unread_by_team > 0"),
        ),
        Index(
            "ix_thread_practitioner",
            "practitioner_id",
            "patient_id",
            postgresql_where=text("status <> 'closed'"),
        ),
        Index(
            "ix_thread_unread",
            "patient_id",
            "last_message_at",
            postgresql_where=text("unread_by_patient > 0"),
        ),
        Index("ix_thread_search", "search", postgresql_using="gin"),
        {"postgresql_with": {"fillfactor": "80"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    pool_id: Mapped[UUID] = mapped_column(ForeignKey("pool.id"))
    practitioner_id: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"))
    category: Mapped[str]
    subject: Mapped[str]
    about_kind: Mapped[str | None]
    about_id: Mapped[UUID | None]
    status: Mapped[str]
    status_at: Mapped[datetime]
    closed_reason: Mapped[str | None]
    urgent: Mapped[bool] = mapped_column(server_default=text("false"))
    reply_due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    last_message_at: Mapped[datetime]
    unread_by_patient: Mapped[int] = mapped_column(server_default=text("0"))
    unread_by_team: Mapped[int] = mapped_column(server_default=text("0"))
    confidential: Mapped[bool] = mapped_column(server_default=text("false"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    search: Mapped[Any] = mapped_column(
        TSVECTOR,
        Computed(
            "to_tsvector('english'::regconfig, careloop_search_text(subject))", persisted=True
        ),
        deferred=True,
    )

    __mapper_args__ = {"version_id_col": version}

    def move_to(
        self,
        status: ThreadStatus,
        *,
        actor: Actor,
        now: datetime,
        reply_due_at: datetime | None = None,
        reason: CloseReason | None = None,
        note: str | None = None,
    ) -> "ThreadHistory":
        """The history row of the move; `reply_due_at` is when the care team's answer is due (UTC).

        Raises IllegalTransition when the table has no such move for this actor.
        """
        before = ThreadStatus(self.status)
        THREAD.check(before, status, actor.kind)
        self.status = status
        self.status_at = now
        self.closed_reason = reason
        self.reply_due_at = reply_due_at
        return ThreadHistory.of(
            self, HistoryAction.MOVED, before, actor=actor, now=now, reason=reason, note=note
        )


class Message(Base):
    """What was written in a thread: never changed afterwards.

    `read_at` is when the patient, or somebody of the care team, first opened it; a delegate's look
    leaves a receipt alone. The red flags are those that the
    patient was shown guidance about, by which version of the set, before sending it all the same.
    """

    __tablename__ = "message"
    __table_args__ = (
        one_of("kind", MessageKind),
        one_of("signature_kind", Signature),
        CheckConstraint("length(body) BETWEEN 1 AND 20000", name="length"),
        CheckConstraint(
            "(red_flag_version IS NULL) = (red_flags = '{}'::text[])", name="red_flags"
        ),
        Index("ix_message_thread", "thread_id", "sent_at", "id"),
        Index("ix_message_patient", "patient_id"),
        Index(
            "uq_message_notice",
            "thread_id",
            unique=True,
            postgresql_where=text("kind = 'automatic_notice'"),
        ),
        Index("ix_message_search", "search", postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    thread_id: Mapped[UUID] = mapped_column(ForeignKey("thread.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    kind: Mapped[str]
    author_kind: Mapped[str]
    author_id: Mapped[UUID] = mapped_column(
        info=names_patient("author_kind IN ('patient', 'delegate')")
    )
    signature_kind: Mapped[str | None]
    signature: Mapped[str | None]
    body: Mapped[str]
    sent_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    red_flag_version: Mapped[int | None]
    red_flags: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    search: Mapped[Any] = mapped_column(
        TSVECTOR,
        Computed("to_tsvector('english'::regconfig, careloop_search_text(body))", persisted=True),
        deferred=True,
    )


class MessageRead(Base):
    """A receipt: who has really opened which message, and when first."""

    __tablename__ = "message_read"
    __table_args__ = (Index("ix_message_read_patient", "patient_id"),)

    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"), primary_key=True)
    reader_id: Mapped[UUID] = mapped_column(
        primary_key=True, info=names_patient("reader_kind IN ('patient', 'delegate')")
    )
    reader_kind: Mapped[str]
    patient_id: Mapped[UUID]
    at: Mapped[datetime]


class ThreadHistory(History):
    """One step of a thread: who made it, when and why."""

    __tablename__ = "thread_history"
    __table_args__ = (
        one_of("action", HistoryAction),
        Index("ix_thread_history_thread", "thread_id", "at", "id"),
    )

    thread_id: Mapped[UUID] = mapped_column(ForeignKey("thread.id"))
    action: Mapped[str]
    reason_code: Mapped[str | None]
    note: Mapped[str | None]

    @classmethod
    def of(
        cls,
        thread: Thread,
        action: HistoryAction,
        before: ThreadStatus | None,
        *,
        actor: Actor,
        now: datetime,
        reason: str | None = None,
        note: str | None = None,
    ) -> "ThreadHistory":
        return cls.step(
            thread,
            before,
            actor=actor,
            now=now,
            thread_id=thread.id,
            action=action,
            reason_code=reason,
            note=note,
        )


_OF_PATIENT = f"patient_id = {ME}"
_CARED_FOR = "careloop_cares_for(patient_id)"
_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)
# What the care team writes among itself is no row of the patient's, whatever is asked for.
_SHOWN = f"{_OF_PATIENT} AND kind <> 'internal_note'"
_MESSAGES = AccessCategory.MESSAGES
_ABOUT_NOTHING_KEPT = "NOT careloop_confidential(about_id)"
_THREAD_SEEN = "EXISTS (SELECT FROM thread t WHERE t.id = thread_id)"
_MESSAGE_SEEN = "EXISTS (SELECT FROM message m WHERE m.id = message_id)"
_BY_DELEGATE = f"kind = 'message' AND author_kind = 'delegate' AND author_id = {ME}"

rls.protect(
    "thread",
    *to(ActorKind.PATIENT, (SELECT, INSERT, UPDATE), _OF_PATIENT),
    *rls.delegated(
        _MESSAGES,
        (SELECT, INSERT, UPDATE),
        _ABOUT_NOTHING_KEPT,
        confidential="confidential",
    ),
    *to(_CARE_TEAM, (SELECT, INSERT, UPDATE), _CARED_FOR),
    *rls.system_access(),
)
rls.protect(
    "message",
    *to(ActorKind.PATIENT, SELECT, _SHOWN),
    *to(
        ActorKind.PATIENT,
        INSERT,
        f"{_OF_PATIENT} AND kind = 'message' AND author_kind = 'patient'",
    ),
    *to(ActorKind.PATIENT, UPDATE, _SHOWN, columns=("read_at",)),
    *rls.delegated(_MESSAGES, SELECT, f"kind <> 'internal_note' AND {_THREAD_SEEN}"),
    *rls.delegated(_MESSAGES, INSERT, f"{_BY_DELEGATE} AND {_THREAD_SEEN}"),
    *to(_CARE_TEAM, (SELECT, INSERT), _CARED_FOR, check=f"{_CARED_FOR} AND author_id = {ME}"),
    *to(_CARE_TEAM, UPDATE, _CARED_FOR, columns=("read_at",)),
    *rls.system_access(),
)
rls.protect(
    "message_read",
    *to(ActorKind.PATIENT, SELECT, _OF_PATIENT),
    *to(ActorKind.PATIENT, INSERT, f"{_OF_PATIENT} AND reader_kind = 'patient'"),
    *rls.delegated(_MESSAGES, SELECT, _MESSAGE_SEEN),
    *rls.delegated(
        _MESSAGES, INSERT, f"reader_kind = 'delegate' AND reader_id = {ME} AND {_MESSAGE_SEEN}"
    ),
    *to(_CARE_TEAM, (SELECT, INSERT), _CARED_FOR, check=f"{_CARED_FOR} AND reader_id = {ME}"),
    *rls.system_access(),
)
rls.protect(
    "thread_history",
    *to(ActorKind.PATIENT, (SELECT, INSERT), _OF_PATIENT),
    *rls.delegated(_MESSAGES, SELECT, _THREAD_SEEN),
    *rls.delegated(_MESSAGES, INSERT),
    *to(_CARE_TEAM, (SELECT, INSERT), _CARED_FOR),
    *rls.system_access(),
)

# A thread about something that is kept is kept itself, and so are the files in it.
rls.way_in(
    "careloop_confidential",
    "EXISTS (SELECT FROM thread t WHERE t.id = target "
    "AND (t.confidential OR careloop_confidential(t.about_id)))",
)
rls.way_in(
    "careloop_confidential",
    "EXISTS (SELECT FROM attachment a JOIN message m ON m.id = a.to_id "
    "WHERE a.id = target AND careloop_confidential(m.thread_id))",
)

owners.must_have_owner(
    "thread",
    unowned=owners.without_item(
        "SELECT FROM thread WHERE id = waiting AND status = 'awaiting_care_team'", "thread_reply"
    ),
    complaint="thread % awaits the care team without an open work item",
    table="thread",
    column="id",
    waits_when="NEW.status = 'awaiting_care_team'",
    items="NEW.kind = 'thread_reply'",
    trigger="{}_thread_has_owner",
)

death_model.refuse_for_deceased("thread", moves="OLD.status = 'closed' AND NEW.status <> 'closed'")
death_model.refuse_for_deceased("message", when="NEW.kind <> 'internal_note'")
death_model.must_end("thread", THREAD.every - {ThreadStatus.CLOSED})
