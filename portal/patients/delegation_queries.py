"""The SELECTs of delegations. Whose come back is decided by the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.core.actor import AccessCategory
from portal.directory.model import Practitioner, StaffMember
from portal.patients.delegation_model import Delegation, DelegationHistory, ParentalAccess
from portal.patients.delegation_states import DelegationStatus

OPEN = (DelegationStatus.OFFERED, DelegationStatus.ACCEPTED)

_DELEGATORS = text("SELECT * FROM careloop_delegators()")
# Who is told beside the patient: delegates with the category who wish so, unless a practitioner
# keeps the subject from them.
_TOLD = text(
    """
    SELECT DISTINCT d.delegate_id FROM delegation d
    WHERE d.patient_id = :patient_id AND d.delegate_id IS NOT NULL AND d.status = 'accepted'
      AND d.notify AND NOT careloop_deceased(d.patient_id)
      AND NOT careloop_confidential(:subject_id)
      AND :category = ANY(careloop_delegated_categories(d.delegate_id, d.patient_id, :now))
    """
)
_HISTORY: list[Any] = [
    *DelegationHistory.__table__.c,
    func.coalesce(Practitioner.name, StaffMember.name).label("actor_name"),
]


def delegations(
    session: Session, patient_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Delegation]:
    """A patient's delegations, the newest first, one more than `limit`."""
    query = select(Delegation).where(Delegation.patient_id == patient_id)
    if after is not None:
        query = query.where(tuple_(Delegation.offered_at, Delegation.id) < after)
    ordered = query.order_by(Delegation.offered_at.desc(), Delegation.id.desc())
    return session.scalars(ordered.limit(limit + 1)).all()


def delegation(session: Session, delegation_id: UUID) -> Delegation | None:
    return session.get(Delegation, delegation_id)


def for_change(session: Session, delegation_id: UUID) -> Delegation | None:
    """A delegation, locked until the transaction ends."""
    return session.scalars(
        select(Delegation)
        .where(Delegation.id == delegation_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def open_to(session: Session, patient_id: UUID, email: str) -> Delegation | None:
    """What a person with this address was offered by a patient, or has, of either kind."""
    return session.scalars(
        select(Delegation)
        .where(
            Delegation.patient_id == patient_id,
            func.lower(Delegation.email) == email.lower(),
            Delegation.status.in_(OPEN),
        )
        .order_by(Delegation.offered_at.desc())
        .limit(1)
    ).first()


def history(session: Session, delegation_id: UUID) -> Sequence[Row[Any]]:
    """Every step of a delegation in order, with the names of the clinic's people."""
    query = (
        select(*_HISTORY)
        .outerjoin(Practitioner, Practitioner.id == DelegationHistory.actor_id)
        .outerjoin(StaffMember, StaffMember.id == DelegationHistory.actor_id)
        .where(DelegationHistory.delegation_id == delegation_id)
        .order_by(DelegationHistory.at, DelegationHistory.id)
    )
    return session.execute(query).all()


def of_delegate(session: Session, delegate_id: UUID) -> Sequence[Delegation]:
    """What a person was offered or has, the oldest first."""
    return session.scalars(
        select(Delegation)
        .where(Delegation.delegate_id == delegate_id, Delegation.status.in_(OPEN))
        .order_by(Delegation.offered_at, Delegation.id)
    ).all()


def delegators(session: Session) -> dict[UUID, Row[Any]]:
    """Whose the acting delegate's delegations are, by the delegation's id."""
    return {row.delegation_id: row for row in session.execute(_DELEGATORS)}


def told_with(
    session: Session,
    patient_id: UUID,
    category: AccessCategory,
    subject_id: UUID | None,
    now: datetime,
) -> Sequence[UUID]:
    """Which delegates are told of something about a patient. For the workers."""
    values = {"patient_id": patient_id, "category": category, "subject_id": subject_id, "now": now}
    return session.execute(_TOLD, values).scalars().all()


def parental_access(session: Session, clinic_id: UUID) -> ParentalAccess | None:
    return session.get(ParentalAccess, clinic_id, populate_existing=True)


def put_parental_access(session: Session, values: dict[str, Any]) -> None:
    """Write a clinic's bounds over those it had."""
    statement = insert(ParentalAccess).values(**values)
    changed = {name: value for name, value in values.items() if name != "clinic_id"}
    session.execute(statement.on_conflict_do_update(index_elements=["clinic_id"], set_=changed))
