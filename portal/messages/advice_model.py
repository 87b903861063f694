"""The advice line: patients who want a nurse to call, and what came of each attempt."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import AccessCategory, Actor, ActorKind
from portal.core.db import Base, names_patient, one_of
from portal.core.rls import INSERT, ME, SELECT, UPDATE, to
from portal.messages.states import ADVICE_CALL, AdviceOutcome, AdviceStatus, AdviceUrgency
from portal.patients import death_model


class AdviceCall(Base):
    """A patient's request to be called by a nurse, day or night: one at a time.

    `due_at` is when the next call is due. The requester is the patient or a delegate, who is to be
    expected at the number. `confidential` keeps it from delegates. The red flags are those that
    guidance was shown about.
    """

    __tablename__ = "advice_call"
    __table_args__ = (
        one_of("urgency", AdviceUrgency),
        one_of("status", AdviceStatus),
        CheckConstraint("(status = 'waiting') = (ended_at IS NULL)", name="end"),
        CheckConstraint("(status = 'waiting') = (due_at IS NOT NULL)", name="clock"),
        CheckConstraint(
            "(red_flag_version IS NULL) = (red_flags = '{}'::text[])", name="red_flags"
        ),
        Index("ix_advice_call_patient", "patient_id", "requested_at", "id"),
        Index(
            "ix_advice_call_waiting",
            "patient_id",
            postgresql_where=text("status = 'waiting'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    pool_id: Mapped[UUID] = mapped_column(ForeignKey("pool.id"))
    requester_kind: Mapped[str]
    requester_id: Mapped[UUID] = mapped_column(
        info=names_patient("requester_kind IN ('patient', 'delegate')")
    )
    reason: Mapped[str]
    callback_number: Mapped[str]
    urgency: Mapped[str]
    status: Mapped[str]
    red_flag_version: Mapped[int | None]
    red_flags: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    requested_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    confidential: Mapped[bool] = mapped_column(server_default=text("false"))

    def move_to(self, status: AdviceStatus, *, actor: Actor, now: datetime) -> None:
        """Raises IllegalTransition for a request that has ended."""
        ADVICE_CALL.check(AdviceStatus(self.status), status, actor.kind)
        self.status = status
        self.due_at = None
        self.ended_at = now


class AdviceAttempt(Base):
    """The ledger of the advice line: each attempt to call back, with its outcome."""

    __tablename__ = "advice_attempt"
    __table_args__ = (one_of("outcome", AdviceOutcome), UniqueConstraint("call_id", "number"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("advice_call.id"))
    patient_id: Mapped[UUID]
    number: Mapped[int]
    at: Mapped[datetime]
    caller_kind: Mapped[str]
    caller_id: Mapped[UUID]
    outcome: Mapped[str]
    note: Mapped[str | None]


_OF_PATIENT = f"patient_id = {ME}"
_CARED_FOR = "careloop_cares_for(patient_id)"
_CARE_TEAM = (ActorKind.PRACTITIONER, ActorKind.STAFF)
_MESSAGES = AccessCategory.MESSAGES
_CALL_SEEN = "EXISTS (SELECT FROM advice_call c WHERE c.id = call_id)"

rls.protect(
    "advice_call",
    *to(ActorKind.PATIENT, (SELECT, INSERT, UPDATE), _OF_PATIENT),
    *rls.delegated(_MESSAGES, (SELECT, INSERT, UPDATE), confidential="confidential"),
    *to(_CARE_TEAM, (SELECT, UPDATE), _CARED_FOR),
    *rls.system_access(),
)
rls.protect(
    "advice_attempt",
    *to(ActorKind.PATIENT, SELECT, _OF_PATIENT),
    *rls.delegated(_MESSAGES, SELECT, _CALL_SEEN),
    *to(_CARE_TEAM, (SELECT, INSERT), _CARED_FOR),
    *rls.system_access(),
)
rls.way_in(
    "careloop_confidential",
    "EXISTS (SELECT FROM advice_call WHERE advice_call.id = target AND confidential)",
)

death_model.refuse_for_deceased("advice_call")
death_model.must_end("advice_call", [AdviceStatus.WAITING])
