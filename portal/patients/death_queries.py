"""Every SELECT of deaths."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.patients.death_model import AccessAfterDeath, DeathStep, PatientDeath
from portal.patients.delegation_model import Delegation
from portal.patients.delegation_states import DelegationStatus

SUSPEND = text("SELECT careloop_suspend_deceased(:patient_id)")
RESTORE = text("SELECT careloop_restore_after_death(:patient_id)")


def standing(session: Session, patient_id: UUID, *, lock: bool = False) -> PatientDeath | None:
    """The death of a patient that stands, where there is one."""
    query = select(PatientDeath).where(
        PatientDeath.patient_id == patient_id, PatientDeath.standing.is_(True)
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).first()


def last(session: Session, patient_id: UUID) -> PatientDeath | None:
    """The death that was recorded last, be it revoked."""
    return session.scalars(
        select(PatientDeath)
        .where(PatientDeath.patient_id == patient_id)
        .order_by(PatientDeath.recorded_at.desc(), PatientDeath.id.desc())
        .limit(1)
    ).first()


def death(session: Session, death_id: UUID) -> PatientDeath:
    """A death, locked until the transaction ends."""
    return session.get_one(PatientDeath, death_id, with_for_update=True, populate_existing=True)


def is_deceased(session: Session, patient_id: UUID) -> bool:
    return bool(session.scalar(select(func.careloop_deceased(patient_id))))


def steps(session: Session, death_id: UUID) -> Sequence[DeathStep]:
    """What became of each open loop, in order."""
    return session.scalars(
        select(DeathStep)
        .where(DeathStep.death_id == death_id)
        .order_by(DeathStep.at, DeathStep.resource, DeathStep.id)
    ).all()


def offered(session: Session, patient_id: UUID) -> Sequence[Delegation]:
    """What a patient offered others and nobody has answered, locked."""
    return session.scalars(
        select(Delegation)
        .where(Delegation.patient_id == patient_id, Delegation.status == DelegationStatus.OFFERED)
        .order_by(Delegation.id)
        .with_for_update()
    ).all()


def access_after_death(session: Session, clinic_id: UUID) -> int:
    """For how many days delegates go on reading at a clinic."""
    row = session.get(AccessAfterDeath, clinic_id, populate_existing=True)
    return 0 if row is None else row.days


def put_access_after_death(session: Session, values: dict[str, Any]) -> None:
    """Write a clinic's choice over the one it had."""
    statement = insert(AccessAfterDeath).values(**values)
    changed = {name: value for name, value in values.items() if name != "clinic_id"}
    session.execute(statement.on_conflict_do_update(index_elements=["clinic_id"], set_=changed))


def open_ids(
    session: Session, model: type[Any], patient_id: UUID, statuses: Iterable[str]
) -> Sequence[UUID]:
    """The ids of a slice's rows of a patient that are in one of these states, in their order: each
    slice locks its own, with what else it locks first."""
    query = select(model.id).where(model.patient_id == patient_id, model.status.in_(list(statuses)))
    return session.scalars(query.order_by(model.id)).all()
