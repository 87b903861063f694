"""Keeping parts of a record from delegates: one manner for whatever can be confidential.

A minor's confidential care stays with the minor, whoever else may see the rest of the record. The
flag is a column of the table itself; row policies for delegates name it (`rls.delegated`).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.core.ids import new_id
from portal.patients import queries
from portal.patients.confidentiality_model import ConfidentialityEntry


@dataclass(frozen=True, slots=True)
class Confidential:
    """Whether something is kept from delegates, and why."""

    confidential: bool
    reason: str


class Markable(Protocol):
    """A row that can be kept from delegates."""

    id: Any
    patient_id: Any
    confidential: Any


def is_kept(session: Session, ids: Collection[UUID]) -> bool:
    """Whether one of these is kept from delegates, or hangs on something that is."""
    return queries.is_confidential(session, ids)


def mark(
    *,
    session: Session,
    actor: Actor,
    rows: Iterable[Markable],
    resource: str,
    command: Confidential,
    now: datetime,
) -> None:
    """Keep rows from delegates, or open them again; those that are so already stay untouched."""
    for row in rows:
        if row.confidential == command.confidential:
            continue
        row.confidential = command.confidential
        record(
            session=session,
            actor=actor,
            patient_id=row.patient_id,
            resource=resource,
            resource_id=row.id,
            command=command,
            now=now,
        )
    session.flush()


def record(
    *,
    session: Session,
    actor: Actor,
    patient_id: UUID,
    resource: str,
    resource_id: UUID,
    command: Confidential,
    now: datetime,
) -> None:
    """Keep the reason for a mark in the ledger, and audit it."""
    session.add(
        ConfidentialityEntry(
            id=new_id(),
            patient_id=patient_id,
            resource=resource,
            resource_id=resource_id,
            confidential=command.confidential,
            reason=command.reason,
            at=now,
            actor_id=actor.id,
        )
    )
    audit.record(
        session,
        actor,
        "keep_confidential" if command.confidential else "end_confidentiality",
        resource,
        patient_id=patient_id,
        resource_id=resource_id,
        at=now,
    )
