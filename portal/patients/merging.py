"""Merging a duplicate into the record that stands for the patient from then on.

The merge itself is a mark on the duplicate, made while its row is locked. A row that is written
with a foreign key to it takes a KEY SHARE lock: it was committed before, and is moved by the
workers at once, or it waits and is written afterwards, by a transaction that had begun before. Such
transactions end soon, so that a second pass catches what they wrote; it repeats itself until it
finds nothing. What comes later goes by service.surviving().
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import WORKER, Actor
from portal.core.clock import local_day
from portal.core.ids import new_id
from portal.patients import merge_findings, merge_moves, merge_queries, queries
from portal.patients.errors import (
    AlreadyMerged,
    MergeBeingUndone,
    PatientUnknown,
    UnusableReference,
)
from portal.patients.merge_model import UNDO_WITHIN, MergeFinding, PatientMerge
from portal.patients.model import Patient
from portal.patients.service import get_patient

# Longer than a transaction may last (core/db.py, and the time limits of tasks).
SETTLED_AFTER = timedelta(minutes=2)

_MERGE_ACCOUNTS = text("SELECT kept, moved, retired FROM careloop_merge_accounts(:duplicate)")


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

    Raises PatientUnknown, UnusableReference for a record that can't be the survivor, AlreadyMerged,
    MergeBeingUndone while the workers give back what an earlier merge had moved.
    """
    duplicate, survivor = _lock_both(session, patient_id, into_id)
    duplicate.merged_into_id = survivor.id
    duplicate.merged_at = now
    duplicate.merge_reason = reason
    duplicate.version += 1
    session.flush()
    session.add(
        PatientMerge(
            id=new_id(),
            duplicate_id=duplicate.id,
            survivor_id=survivor.id,
            merged_at=now,
            merged_by=actor.id,
            reason=reason,
            undo_until=now + UNDO_WITHIN,
            seen_by=[],
            **_merge_accounts(session, actor, duplicate.id, survivor.id, now),
        )
    )
    session.flush()
    _audit(session, actor, "merge", "patient", duplicate.id, survivor.id, now)
    _audit(session, actor, "merge", "patient", survivor.id, duplicate.id, now)
    outbox.emit(session, "patient.merged", now=now, patient_id=duplicate.id, into_id=survivor.id)
    _look_again(session, duplicate.id, now)
    return survivor


def _merge_accounts(
    session: Session, actor: Actor, duplicate_id: UUID, survivor_id: UUID, now: datetime
) -> dict[str, Any]:
    """One login goes on, as the standing record's; the other is retired, its address is free.
    Returns which, as the merge keeps it."""
    row = session.execute(_MERGE_ACCOUNTS, {"duplicate": duplicate_id}).one()
    if row.moved:
        _audit(session, actor, "move", "account", survivor_id, row.kept, now)
    if row.retired is not None:
        _audit(session, actor, "retire", "account", duplicate_id, row.retired, now)
    return {
        "kept_account": row.kept,
        "moved_account": bool(row.moved),
        "retired_account": row.retired,
    }


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
    if merge_queries.being_undone(session, (patient_id, into_id)):
        raise MergeBeingUndone()
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

    In one transaction, a statement for each table, which keeps what it moved. Where a unique key of
    the survivor's is in the way its own row stays. What was merged on is moved on, merge by merge,
    so that each can be undone. Twice is the same as once.
    """
    chain = merge_queries.lock_chain(session, patient_id)
    return sum(_move(session, merge, now) for merge in chain)


def _move(session: Session, merge: PatientMerge, now: datetime) -> int:
    ids = {"duplicate": merge.duplicate_id, "survivor": merge.survivor_id, "merge": merge.id}
    session.execute(merge_moves.TAKE_UP, ids)
    session.execute(merge_moves.STEP_DOWN, ids)
    moved = 0
    for statement in merge_moves.moves():
        moved += session.execute(statement, ids).scalar_one()
    today = local_day(now, get_patient(session, merge.survivor_id).time_zone)
    session.execute(merge_moves.END_CARE, {**ids, "today": today})
    if moved:
        _audit(session, WORKER, "move", "patient", merge.survivor_id, merge.duplicate_id, now)
    return moved


def move_late_rows(*, session: Session, patient_id: UUID, now: datetime) -> int:
    """Move what was still being written when the records were merged, until there is nothing."""
    moved = move_rows(session=session, patient_id=patient_id, now=now)
    if moved:
        _look_again(session, patient_id, now)
    return moved


def find_what_both_had(
    *, session: Session, patient_id: UUID, now: datetime
) -> list[tuple[PatientMerge, list[MergeFinding]]]:
    """What meets, once the rows were moved, by the merge that brought it together: what is new."""
    found = []
    for merge in merge_queries.lock_chain(session, patient_id):
        known = {one.id for one in merge_queries.findings(session, [merge.id])}
        if merge_findings.look_for(session, merge, now):
            listed = merge_queries.findings(session, [merge.id])
            found.append((merge, [one for one in listed if one.id not in known]))
        if merge.moved_at is None:
            merge.moved_at = now
    return found


def forget_moves(*, session: Session, now: datetime, limit: int) -> int:
    """Forget what was moved by merges that can't be undone any more."""
    done: Any = session.execute(merge_queries.FORGET, {"before": now, "batch": limit})
    return int(done.rowcount)
