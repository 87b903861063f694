"""What practitioners keep from delegates: the ledger of why."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import rls
from portal.core.actor import ActorKind
from portal.core.db import Base
from portal.core.rls import INSERT, SELECT, to


class ConfidentialityEntry(Base):
    """A practitioner kept something from all delegates, or opened it to them again. Append-only."""

    __tablename__ = "confidentiality_entry"
    __table_args__ = (
        CheckConstraint("length(reason) >= 10", name="reason"),
        Index("ix_confidentiality_entry_resource", "resource_id", "at"),
        Index("ix_confidentiality_entry_patient", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    resource: Mapped[str]
    resource_id: Mapped[UUID]
    confidential: Mapped[bool]
    reason: Mapped[str]
    at: Mapped[datetime]
    actor_id: Mapped[UUID]


_CARED_FOR = "careloop_cares_for(patient_id)"

rls.protect(
    "confidentiality_entry",
    *to((ActorKind.PRACTITIONER, ActorKind.STAFF), SELECT, _CARED_FOR),
    *to(ActorKind.PRACTITIONER, INSERT, _CARED_FOR),
    *to(rls.SYSTEM, (SELECT, INSERT)),
    *to(ActorKind.WORKER, rls.UPDATE, columns=("patient_id",)),  # of a duplicate that was merged
)
# Each slice says of its tables which ids are of something that is kept from delegates.
rls.way_in("careloop_confidential", "false")
