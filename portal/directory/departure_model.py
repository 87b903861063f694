"""Practitioners who leave, pharmacies and laboratories that close: when, who takes over, and what
could not be given to anybody else."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import ActorKind
from portal.core.db import Base, one_of
from portal.core.rls import INSERT, SELECT, to


class DepartureKind(StrEnum):
    PRACTITIONER = "practitioner"
    PHARMACY = "pharmacy"
    LABORATORY = "laboratory"


class Departure(Base):
    """Somebody or something leaves, from `effective_at` on, once. The workers re-route what is
    open in batches; `done_at` is when nothing more was found, `moved` how much was re-routed."""

    __tablename__ = "departure"
    __table_args__ = (
        one_of("kind", DepartureKind),
        CheckConstraint("successor_id <> subject_id", name="somebody_else"),
        UniqueConstraint("subject_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    successor_id: Mapped[UUID | None]
    reason: Mapped[str]
    effective_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID]
    moved: Mapped[int] = mapped_column(server_default=text("0"))
    # How many batches were run: each event asks for one, and coming twice does nothing.
    batches: Mapped[int] = mapped_column(server_default=text("0"))
    done_at: Mapped[datetime | None]


class DepartureLeft(Base):
    """What nobody else could be given: a work item asks a person. Ids alone."""

    __tablename__ = "departure_left"
    __table_args__ = (UniqueConstraint("departure_id", "subject_id", "resource"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    departure_id: Mapped[UUID] = mapped_column(ForeignKey("departure.id"))
    resource: Mapped[str]
    subject_id: Mapped[UUID]
    why: Mapped[str]
    at: Mapped[datetime]


_READERS = (ActorKind.ADMINISTRATOR, ActorKind.STAFF)
rls.share(
    "departure",
    *to(_READERS, SELECT),
    *to(ActorKind.ADMINISTRATOR, INSERT),
    *rls.system_access(),
)
rls.share("departure_left", *to(_READERS, SELECT), *rls.system_access())
