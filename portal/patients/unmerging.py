"""Undoing a merge: two records stand again, each with what it had.

The undoing itself is a mark, made with the logins in one short transaction. Whoever moves rows
holds the merge meanwhile: they have all moved and are in the ledger, or none is moved any more. The
workers then give back what the ledger has. What was written since goes with what it is about; the
rest stays with the survivor, and a person decides about each.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import WORKER, Actor
from portal.patients import death_queries, deaths, merge_left, merge_moves, merge_queries
from portal.patients.errors import (
    AlreadyMerged,
    LeftDecided,
    LeftNotFound,
    LeftStays,
    MergedOn,
    MergeNotFound,
    NotMerged,
    PatientUnknown,
    UndoTooLate,
    UnusableReference,
)
from portal.patients.merge_model import LeftWhy, MergeLeft, PatientMerge
from portal.patients.merging import SETTLED_AFTER
from portal.patients.model import Patient
from portal.patients.queries import surviving


def undo_merge(
    *, session: Session, actor: Actor, patient_id: UUID, reason: str, now: datetime
) -> tuple[PatientMerge, UUID | None]:
    """Undo the merge of a record; returns it, and whose login could not be given back.

    Both patients are signed out, since each has seen what was the other's. Raises PatientUnknown,
    NotMerged, UndoTooLate, and MergedOn where the survivor was itself merged since.
    """
    merge = merge_queries.standing(session, patient_id, lock=True)
    if merge is None:
        raise _nothing_to_undo(session, patient_id)
    if now >= merge.undo_until:
        raise UndoTooLate(undo_until=merge.undo_until.isoformat())
    done = session.execute(merge_queries.UNDO, {"merge": merge.id}).one()
    if done.refused is not None:
        raise MergedOn(patient_id=str(merge.survivor_id), merged_into_id=str(done.refused))
    merge.undone_at, merge.undone_by, merge.undo_reason = now, actor.id, reason
    session.flush()
    for one, other in _both_ways(merge):
        _audit(session, actor, "undo_merge", one, other, now)
    outbox.emit(session, "patient.unmerged", now=now, merge_id=merge.id)
    return merge, done.lost


def _nothing_to_undo(session: Session, patient_id: UUID) -> Exception:
    known = session.get(Patient, patient_id) is not None
    if known or merge_queries.of_patient(session, patient_id, after=None, limit=1):
        return NotMerged()
    return PatientUnknown()


def _both_ways(merge: PatientMerge) -> tuple[tuple[UUID, UUID], tuple[UUID, UUID]]:
    return (merge.duplicate_id, merge.survivor_id), (merge.survivor_id, merge.duplicate_id)


def read_merge(*, session: Session, actor: Actor, merge_id: UUID, now: datetime) -> PatientMerge:
    """Raises MergeNotFound."""
    merge = merge_queries.merge(session, merge_id)
    if merge is None:
        raise MergeNotFound()
    for one, other in _both_ways(merge):
        _audit(session, actor, "read_merge", one, other, now)
    return merge


def read_merges(
    *,
    session: Session,
    actor: Actor,
    patient_id: UUID,
    after: tuple[datetime, UUID] | None,
    limit: int,
    now: datetime,
) -> Sequence[PatientMerge]:
    """The merges of a record, the newest first, one more than `limit`. Raises PatientUnknown where
    the actor may see neither the record nor a merge of it."""
    found = merge_queries.of_patient(session, patient_id, after=after, limit=limit)
    if not found and session.get(Patient, patient_id) is None:
        raise PatientUnknown()
    _audit(session, actor, "read_merge", patient_id, patient_id, now)
    return found


def give_back(*, session: Session, merge_id: UUID, now: datetime) -> PatientMerge | None:
    """Give back what a merge that was undone had moved; None where that was done before.

    For the workers, in one transaction. What is no longer the survivor's is left where it is.
    """
    merge = merge_queries.lock_merge(session, merge_id)
    if merge.undone_at is None or merge.returned_at is not None:
        return None
    values = _values(merge, now)
    for statement in merge_moves.returns():
        session.execute(statement, values)
    session.execute(merge_moves.RESTORE_CARE, values)
    _settle(session, values)
    _tell_who_cared(session, merge, now)
    _settle_logins(session, merge)
    for one, other in _both_ways(merge):
        _audit(session, WORKER, "move_back", one, other, now)
    merge.seen_by = [
        {"kind": row.kind, "id": str(row.id), "at": row.at.isoformat()}
        for row in merge_queries.seen_by(session, merge)
    ]
    merge.returned_at = now
    session.flush()
    outbox.emit(
        session,
        "patient.unmerge_settled",
        now=now,
        due_at=now + SETTLED_AFTER,
        merge_id=merge.id,
    )
    return merge


def give_back_late(*, session: Session, merge_id: UUID, now: datetime) -> PatientMerge:
    """What was still being written when the merge was undone follows, or is listed. For the
    workers; twice is the same as once."""
    merge = merge_queries.lock_merge(session, merge_id)
    _settle(session, _values(merge, now))
    return merge


def undecided(session: Session, merge: PatientMerge) -> list[MergeLeft]:
    """What nobody has decided about."""
    return [one for one in merge_queries.left(session, [merge.id]) if one.decided_at is None]


def closed_by_death(session: Session, merge: PatientMerge) -> UUID | None:
    """Whose loops were closed because the other of the two had died, where any were."""
    if not any(one.why == LeftWhy.CLOSED_BY_DEATH for one in undecided(session, merge)):
        return None
    died = deaths.is_deceased(session, merge.survivor_id)
    return merge.duplicate_id if died else merge.survivor_id


def _values(merge: PatientMerge, now: datetime) -> dict[str, Any]:
    return {
        "merge": merge.id,
        "duplicate": merge.duplicate_id,
        "survivor": merge.survivor_id,
        "since": merge.merged_at,
        "retired": merge.retired_account,
        "now": now,
    }


def _settle(session: Session, values: dict[str, Any]) -> None:
    merge_left.follow(session, values)
    merge_left.list_left(session, values)


def _settle_logins(session: Session, merge: PatientMerge) -> None:
    """Who has died is signed out, and who has not can sign in, whosever the death is now."""
    for one, _ in _both_ways(merge):
        for statement in (death_queries.SUSPEND, death_queries.RESTORE):
            session.execute(statement, {"patient_id": one})


def _tell_who_cared(session: Session, merge: PatientMerge, now: datetime) -> None:
    """Who cares for the survivor no more has nothing of theirs any more."""
    for member_id in session.scalars(merge_moves.CARED_AGAIN, {"merge": merge.id}):
        outbox.emit(
            session,
            "patient.care_team_changed",
            now=now,
            patient_id=merge.survivor_id,
            member_id=member_id,
        )


def decide_left(
    *,
    session: Session,
    actor: Actor,
    merge_id: UUID,
    left_id: UUID,
    belongs_to: UUID,
    now: datetime,
) -> PatientMerge:
    """Say whose something is that was written while two records were one.

    Raises MergeNotFound, LeftNotFound, LeftDecided, LeftStays, UnusableReference for another
    patient, AlreadyMerged where that record was merged anew.
    """
    merge = merge_queries.merge(session, merge_id)
    if merge is None:
        raise MergeNotFound()
    left = session.get(MergeLeft, left_id, with_for_update=True, populate_existing=True)
    if left is None or left.merge_id != merge.id:
        raise LeftNotFound()
    if left.decided_at is not None:
        raise LeftDecided(belongs_to=str(left.belongs_to))
    _check_owner(session, merge, left, belongs_to)
    left.decided_at, left.decided_by, left.belongs_to = now, actor.id, belongs_to
    session.flush()
    audit.record(
        session,
        actor,
        "decide",
        "merge_left",
        patient_id=belongs_to,
        resource_id=left.subject_id,
        at=now,
    )
    outbox.emit(session, "patient.left_decided", now=now, left_id=left.id)
    return merge


def _check_owner(session: Session, merge: PatientMerge, left: MergeLeft, belongs_to: UUID) -> None:
    if belongs_to not in (merge.duplicate_id, merge.survivor_id):
        raise UnusableReference("/belongs_to", "One of the two records, please.")
    if belongs_to == merge.survivor_id:
        return
    if left.why != LeftWhy.WRITTEN:
        return
    if left.stays:
        raise LeftStays()
    if surviving(session, belongs_to) != belongs_to:
        raise AlreadyMerged(
            "This record was merged anew.",
            patient_id=str(belongs_to),
            merged_into_id=str(surviving(session, belongs_to)),
        )


def carry_out(*, session: Session, left_id: UUID, now: datetime) -> PatientMerge:
    """Give to the duplicate what somebody has said is theirs, with all that it is part of and that
    is part of it. For the workers; twice is the same as once."""
    left = session.get_one(MergeLeft, left_id)
    merge = merge_queries.lock_merge(session, left.merge_id)
    values = _values(merge, now)
    stands = surviving(session, merge.duplicate_id) == merge.duplicate_id
    if left.belongs_to == merge.duplicate_id and left.why == LeftWhy.WRITTEN and stands:
        for one in _whole(session, merge, left):
            merge_left.give(session, one.resource, {**values, "subject": one.subject_id})
        merge_left.follow(session, values)
        _settle_logins(session, merge)
        _follow_decision(session, merge, left, values)
    return merge


def _whole(session: Session, merge: PatientMerge, left: MergeLeft) -> list[MergeLeft]:
    """What was left, with what else was left that it names."""
    waiting = {
        one.subject_id: one for one in undecided(session, merge) if one.why == LeftWhy.WRITTEN
    }
    whole, ahead = [left], [left]
    while ahead:
        one = ahead.pop()
        for id_ in merge_left.named_by(session, one.resource, one.subject_id):
            named = waiting.pop(id_, None)
            if named is not None:
                whole.append(named)
                ahead.append(named)
    return whole


def _follow_decision(
    session: Session, merge: PatientMerge, left: MergeLeft, values: dict[str, Any]
) -> None:
    """What went along is decided with it."""
    gone = merge_left.followed(session, values)
    for one in undecided(session, merge):
        if one.id in gone and one.why == LeftWhy.WRITTEN:
            one.decided_at, one.decided_by = left.decided_at, left.decided_by
            one.belongs_to = left.belongs_to
    session.flush()


def _audit(
    session: Session, actor: Actor, action: str, patient_id: UUID, other_id: UUID, now: datetime
) -> None:
    audit.record(
        session, actor, action, "patient", patient_id=patient_id, resource_id=other_id, at=now
    )
