"""What every history keeps: one row a step, from where to where, when and by whom."""

from datetime import datetime
from typing import Any, Protocol, Self
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from portal.core.actor import Actor
from portal.core.db import Base
from portal.core.ids import new_id


class Moved(Protocol):
    """Something of a patient's that has a status."""

    patient_id: Any
    status: Any


class History(Base):
    """The steps of one kind of thing; a history adds whose they are, and why.

    `from_status` is empty for the first step. Rows are only ever added.
    """

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID]

    @classmethod
    def step(
        cls, moved: Moved, before: str | None, *, actor: Actor, now: datetime, **more: Any
    ) -> Self:
        """The step that has just been made; `more` are the columns that this history adds."""
        return cls(
            id=new_id(),
            patient_id=moved.patient_id,
            from_status=before,
            to_status=moved.status,
            at=now,
            actor_kind=actor.kind,
            actor_id=actor.id,
            **more,
        )
