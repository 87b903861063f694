"""Merging a duplicate into the record that stands for the patient from then on.

The merge itself is a mark on the duplicate, made while its row is locked. A row that is written
with a foreign key to it takes a KEY SHARE lock: it was committed before, and is moved by the
workers at once, or it waits and is written afterwards, by a transaction that had begun before. Such
transactions end soon, so that a second pass catches what they wrote; it repeats itself until it
finds nothing. What comes later goes by service.surviving().
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    Column,
    CursorResult,
    Index,
    PrimaryKeyConstraint,
    TextClause,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import WORKER, Actor
from portal.core.clock import local_day
from portal.core.db import Base, naming_patients
from portal.patients import queries
from portal.patients.errors import AlreadyMerged, PatientUnknown, UnusableReference
from portal.patients.model import Patient
from portal.patients.service import get_patient

# Longer than a transaction may last (core/db.py, and the time limits of tasks).
SETTLED_AFTER = timedelta(minutes=2)
# The audit trail is sealed: it says of which record something was seen or written at the time.
APPEND_ONLY = frozenset({"audit_entry"})

_MERGE_ACCOUNTS = text("SELECT kept, moved, retired FROM careloop_merge_accounts(:duplicate)")
# There is one primary practitioner: the survivor's. The duplicate's goes on caring for the patient.
_STEP_DOWN = text(
    """
    UPDATE care_team_member SET role = 'care_coordinator'
    WHERE patient_id = :duplicate AND role = 'primary' AND ended_on IS NULL AND EXISTS (
        SELECT FROM care_team_member o
        WHERE o.patient_id = :survivor AND o.role = 'primary' AND o.ended_on IS NULL)
    """
)
_END_CARE = text(
    "UPDATE care_team_member SET ended_on = :today WHERE patient_id = :duplicate "
    "AND ended_on IS NULL"
)


def merge_patients(
    *,
    session: Session,
    actor: Actor,
    patient_id: UUID,
    into_id: UUID,
    reason: str,
    now: datetime,
) -> Patient:
    """Merge the record `patient_id` into the record `into_id`, which is returned.

    Raises PatientUnknown, UnusableReference for a record that can't be the survivor, AlreadyMerged.
    """
    duplicate, survivor = _lock_both(session, patient_id, into_id)
    duplicate.merged_into_id = survivor.id
    duplicate.merged_at = now
    duplicate.merge_reason = reason
    duplicate.version += 1
    session.flush()
    _merge_accounts(session, actor, duplicate.id, survivor.id, now)
    _audit(session, actor, "merge", "patient", duplicate.id, survivor.id, now)
    _audit(session, actor, "merge", "patient", survivor.id, duplicate.id, now)
    outbox.emit(session, "patient.merged", now=now, patient_id=duplicate.id, into_id=survivor.id)
    _look_again(session, duplicate.id, now)
    return survivor


def _merge_accounts(
    session: Session, actor: Actor, duplicate_id: UUID, survivor_id: UUID, now: datetime
) -> None:
    """One login goes on, as the standing record's; the other is retired, its address is free."""
    row = session.execute(_MERGE_ACCOUNTS, {"duplicate": duplicate_id}).one()
    if row.moved:
        _audit(session, actor, "move", "account", survivor_id, row.kept, now)
    if row.retired is not None:
        _audit(session, actor, "retire", "account", duplicate_id, row.retired, now)


def _lock_both(session: Session, patient_id: UUID, into_id: UUID) -> tuple[Patient, Patient]:
    """The two records, where they can be merged. Raises what merge_patients() raises."""
    if patient_id == into_id:
        raise UnusableReference("/into_id", "A record can't be merged into itself.")
    locked = {  # in one order, whoever is merged into whom
        id_: queries.lock_patient(session, id_, against_new_rows=id_ == patient_id)
        for id_ in sorted((patient_id, into_id))
    }
    duplicate, survivor = locked[patient_id], locked[into_id]
    if duplicate is None:
        raise PatientUnknown()
    if survivor is None or survivor.clinic_id != duplicate.clinic_id:
        raise UnusableReference("/into_id", "No such patient of yours in the same clinic.")
    for record in (duplicate, survivor):
        if record.merged_into_id is not None:
            raise _already_merged(session, record)
    return duplicate, survivor


def _already_merged(session: Session, record: Patient) -> AlreadyMerged:
    standing = queries.surviving(session, record.id)
    return AlreadyMerged(
        "One of these records was merged already. Go on with the one that stands for it.",
        patient_id=str(record.id),
        merged_into_id=str(standing),
    )


def _audit(
    session: Session,
    actor: Actor,
    action: str,
    resource: str,
    patient_id: UUID,
    resource_id: UUID,
    now: datetime,
) -> None:
    audit.record(
        session, actor, action, resource, patient_id=patient_id, resource_id=resource_id, at=now
    )


def _look_again(session: Session, duplicate_id: UUID, now: datetime) -> None:
    outbox.emit(
        session,
        "patient.merge_settled",
        now=now,
        due_at=now + SETTLED_AFTER,
        patient_id=duplicate_id,
    )


def move_rows(*, session: Session, patient_id: UUID, now: datetime) -> int:
    """Move what names a merged record to the record that stands for it; returns how many rows.

    In one transaction, a statement for each column. Where a unique key of the survivor's is in the
    way its own row stays. Twice is the same as once.
    """
    survivor_id = queries.surviving(session, patient_id)
    if survivor_id is None or survivor_id == patient_id:
        return 0
    ids = {"duplicate": patient_id, "survivor": survivor_id}
    session.execute(_STEP_DOWN, ids)
    moved = sum(_run(session, statement, ids) for statement in _moves())
    today = local_day(now, get_patient(session, survivor_id).time_zone)
    session.execute(_END_CARE, {"duplicate": patient_id, "today": today})
    if moved:
        _audit(session, WORKER, "move", "patient", survivor_id, patient_id, now)
    return moved


def move_late_rows(*, session: Session, patient_id: UUID, now: datetime) -> int:
    """Move what was still being written when the records were merged, until there is nothing."""
    moved = move_rows(session=session, patient_id=patient_id, now=now)
    if moved:
        _look_again(session, patient_id, now)
    return moved


def _run(session: Session, statement: TextClause, ids: dict[str, UUID]) -> int:
    return cast(CursorResult[Any], session.execute(statement, ids)).rowcount


@cache
def _moves() -> Sequence[TextClause]:
    """An UPDATE for each column of each table that names a patient."""
    return [
        text(_move(column, when))
        for column, when in naming_patients(Base.metadata)
        if column.table.name not in APPEND_ONLY
    ]


def _move(column: Column[Any], when: str) -> str:
    table, name = column.table.name, column.name
    clashes = "".join(
        f" AND NOT EXISTS (SELECT FROM {table} o WHERE o.{name} = :survivor{others})"
        for others in _others_of_keys(column)
    )
    return (
        f"UPDATE {table} t SET {name} = :survivor "  # noqa: S608 - names from the models
        f"WHERE t.{name} = :duplicate AND ({when}){clashes}"
    )


def _others_of_keys(column: Column[Any]) -> Iterator[str]:
    """For each unique key with this column, what else must be equal for two rows to clash."""
    table = cast(Any, column.table)
    keys = [
        key for key in table.constraints if isinstance(key, PrimaryKeyConstraint | UniqueConstraint)
    ]
    keys += [index for index in table.indexes if index.unique and _is_whole(index)]
    for key in keys:
        names = [one.name for one in key.columns]
        if column.name in names:
            yield "".join(f" AND o.{one} = t.{one}" for one in names if one != column.name)


def _is_whole(index: Index) -> bool:
    """The one partial key with a patient in it is the primary practitioner's: see _STEP_DOWN."""
    return index.dialect_options["postgresql"]["where"] is None
