"""A patient has died, or was said to have: recording it, and revoking what was wrong.

The record, and that nobody signs in any more, are one transaction; the workers then close what is
open or give it to a person (`patient.died`), each slice its own. While it stands the database
refuses what is asked anew (death_model.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import WORKER, Actor
from portal.core.errors import FieldError, Invalid
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.patients import death_queries, delegating, queries
from portal.patients.death_model import (
    DeathSource,
    DeathStep,
    PatientDeath,
    Settled,
    must_end,
    refuse_for_deceased,
)
from portal.patients.death_queries import open_ids
from portal.patients.delegation_states import DelegationStatus
from portal.patients.errors import AlreadyDeceased, AlreadyMerged, NotDeceased, PatientUnknown
from portal.patients.model import Patient
from portal.patients.parental import day_of

__all__ = [
    "PatientDeath",
    "Settled",
    "must_end",
    "open_ids",
    "refuse_for_deceased",
]

PATIENT_DIED = "patient_died"  # the reason of each step that follows from a death


@dataclass(frozen=True, slots=True)
class RecordDeath:
    """When a patient died, from whom the clinic knows, and what there is to say of it."""

    died_on: date
    source: DeathSource
    reason: str


def record_death(
    *, session: Session, actor: Actor, patient_id: UUID, command: RecordDeath, now: datetime
) -> PatientDeath:
    """Record that a patient has died: nobody signs in as them from this moment.

    Raises PatientUnknown, AlreadyMerged, AlreadyDeceased, Invalid for a day before the birth or
    after today, which is the clinic's.
    """
    patient = _lock(session, patient_id)
    there = death_queries.standing(session, patient.id)
    if there is not None:
        raise AlreadyDeceased(death_id=there.id, died_on=there.died_on)
    today = day_of(session, patient.clinic_id, now).today
    if not patient.birth_date <= command.died_on <= today:
        message = f"A day from the birth ({patient.birth_date}) to today ({today}), please."
        raise Invalid(errors=[FieldError("/died_on", message)])
    death = PatientDeath(
        id=new_id(),
        patient_id=patient.id,
        died_on=command.died_on,
        source=command.source,
        reason=command.reason,
        recorded_at=now,
        recorder_kind=actor.kind,
        recorded_by=actor.id,
        standing=True,
    )
    session.add(death)
    patient.version += 1
    session.flush()
    account_id = session.execute(death_queries.SUSPEND, {"patient_id": patient.id}).scalar()
    _audit(session, actor, "record_death", patient.id, death.id, now)
    if account_id is not None:
        _audit(session, actor, "suspend", patient.id, account_id, now, "account")
    outbox.emit(session, "patient.died", now=now, death_id=death.id)
    return death


def revoke_death(
    *, session: Session, actor: Actor, patient_id: UUID, reason: str, now: datetime
) -> PatientDeath:
    """A death was recorded by mistake: the login is what it was, and the workers ask a person to
    look after what was closed meanwhile. Raises PatientUnknown, NotDeceased."""
    patient = _lock(session, patient_id)
    death = death_queries.standing(session, patient.id, lock=True)
    if death is None:
        raise NotDeceased()
    patient.version += 1
    death.standing = None
    death.revoked_at, death.revoked_by, death.revoke_reason = now, actor.id, reason
    session.flush()
    account_id = session.execute(death_queries.RESTORE, {"patient_id": patient.id}).scalar()
    _audit(session, actor, "revoke_death", patient.id, death.id, now)
    if account_id is not None:
        _audit(session, actor, "restore", patient.id, account_id, now, "account")
    outbox.emit(session, "patient.death_revoked", now=now, death_id=death.id)
    return death


def _lock(session: Session, patient_id: UUID) -> Patient:
    """A record that stands, locked so that no new row can name it meanwhile."""
    patient = queries.lock_patient(session, patient_id, against_new_rows=True)
    if patient is None:
        raise PatientUnknown()
    if patient.merged_into_id is not None:
        raise AlreadyMerged(
            "This record was merged. Go on with the one that stands for it.",
            merged_into_id=str(patient.merged_into_id),
        )
    return patient


def read_death(
    *, session: Session, actor: Actor, patient_id: UUID, now: datetime
) -> tuple[PatientDeath, Sequence[DeathStep]]:
    """The death that was recorded last, and what became of each open loop.

    Raises PatientUnknown, NotDeceased where none was ever recorded.
    """
    if session.get(Patient, patient_id) is None:
        raise PatientUnknown()
    death = death_queries.last(session, patient_id)
    if death is None:
        raise NotDeceased()
    _audit(session, actor, "read", patient_id, death.id, now)
    return death, death_queries.steps(session, death.id)


def is_deceased(session: Session, patient_id: UUID) -> bool:
    """Whether a patient is recorded as having died, whoever asks."""
    return death_queries.is_deceased(session, patient_id)


def died_on(session: Session, patient_id: UUID) -> date | None:
    """When a patient died, as far as is known, for those who may see it."""
    death = death_queries.standing(session, patient_id)
    return None if death is None else death.died_on


def lock_death(session: Session, death_id: UUID) -> PatientDeath:
    """A death, locked, be it revoked. For the workers."""
    return death_queries.death(session, death_id)


def follow_merge(*, session: Session, patient_id: UUID, now: datetime) -> None:
    """Two records were merged, of which one was of somebody who had died: so has the other. For the
    workers, once the rows were moved."""
    survivor_id = queries.surviving(session, patient_id)
    if survivor_id == patient_id:  # the merge was undone
        return
    death = None if survivor_id is None else death_queries.standing(session, survivor_id, lock=True)
    if death is None:
        return
    session.execute(death_queries.SUSPEND, {"patient_id": death.patient_id})
    outbox.emit(session, "patient.died", now=now, death_id=death.id)


def note_step(
    session: Session,
    death: PatientDeath,
    resource: str,
    subject_id: UUID,
    status_before: str,
    now: datetime,
    *,
    settled: Settled = Settled.CLOSED,
) -> None:
    """Keep what became of one open loop: it was closed, unless a person was given it."""
    session.add(
        DeathStep(
            id=new_id(),
            death_id=death.id,
            patient_id=death.patient_id,
            resource=resource,
            subject_id=subject_id,
            status_before=status_before,
            settled=settled,
            at=now,
        )
    )


def withdraw_offered_access(*, session: Session, death: PatientDeath, now: datetime) -> None:
    """What the patient offered and nobody has answered gives no access any more."""
    for delegation in death_queries.offered(session, death.patient_id):
        delegating.move(
            session, WORKER, delegation, DelegationStatus.REVOKED, now, reason=PATIENT_DIED
        )
        note_step(session, death, "delegation", delegation.id, "offered", now)


def set_access_after_death(
    *, session: Session, actor: Actor, clinic_id: UUID, days: int, now: datetime
) -> None:
    """For how many days delegates go on reading at a clinic; it holds at once, also for those of
    patients who have died already. Raises ClinicUnknown."""
    clinic = directory.get_clinic(session, clinic_id)
    values = {"clinic_id": clinic.id, "days": days, "changed_at": now, "changed_by": actor.id}
    death_queries.put_access_after_death(session, values)
    audit.record(
        session,
        actor,
        "update",
        "access_after_death",
        patient_id=None,
        resource_id=clinic.id,
        at=now,
    )


def _audit(
    session: Session,
    actor: Actor,
    action: str,
    patient_id: UUID,
    resource_id: UUID,
    now: datetime,
    resource: str = "patient_death",
) -> None:
    audit.record(
        session, actor, action, resource, patient_id=patient_id, resource_id=resource_id, at=now
    )


must_end("delegation", [DelegationStatus.OFFERED])
refuse_for_deceased("delegation")
