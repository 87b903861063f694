"""Every SELECT of merges."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, or_, select, text, tuple_
from sqlalchemy.orm import Session

from portal.patients.merge_model import MergeFinding, MergeLeft, PatientMerge
from portal.patients.model import MAX_MERGES

UNDO = text("SELECT refused, lost FROM careloop_undo_merge(:merge)")
# From a record that was merged on to the one that stands.
_CHAIN = text(
    """
    WITH RECURSIVE chain AS (
        SELECT id, survivor_id, 1 AS step FROM patient_merge
        WHERE duplicate_id = :patient AND undone_at IS NULL
        UNION ALL
        SELECT m.id, m.survivor_id, chain.step + 1
        FROM chain JOIN patient_merge m ON m.duplicate_id = chain.survivor_id
        WHERE m.undone_at IS NULL AND chain.step < :most
    )
    SELECT id FROM chain ORDER BY step
    """
)
_SEEN_BY = text(
    """
    SELECT actor_kind AS kind, actor_id AS id, max(at) AS at FROM audit_entry
    WHERE patient_id IN (:duplicate, :survivor) AND at >= :since
      AND actor_kind IN ('patient', 'delegate')
    GROUP BY actor_kind, actor_id ORDER BY actor_kind, actor_id
    """
)
FORGET = text(
    """
    DELETE FROM merge_move WHERE ctid = ANY(ARRAY(
        SELECT v.ctid FROM merge_move v JOIN patient_merge m ON m.id = v.merge_id
        WHERE m.undo_until < :before AND (m.undone_at IS NULL OR m.returned_at IS NOT NULL)
        LIMIT :batch))
    """
)


def standing(session: Session, duplicate_id: UUID, *, lock: bool = False) -> PatientMerge | None:
    """The merge of a record that is merged now."""
    query = select(PatientMerge).where(
        PatientMerge.duplicate_id == duplicate_id, PatientMerge.undone_at.is_(None)
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).first()


def merge(session: Session, merge_id: UUID) -> PatientMerge | None:
    return session.get(PatientMerge, merge_id)


def lock_merge(session: Session, merge_id: UUID) -> PatientMerge:
    """A merge, locked until the transaction ends. For the workers."""
    return session.get_one(PatientMerge, merge_id, with_for_update=True, populate_existing=True)


def lock_chain(session: Session, patient_id: UUID) -> list[PatientMerge]:
    """The merges by which a record's rows reach the one that stands, in this order, locked so that
    none is undone meanwhile. For the workers."""
    ids = session.scalars(_CHAIN, {"patient": patient_id, "most": MAX_MERGES}).all()
    query = select(PatientMerge).where(PatientMerge.id.in_(ids)).order_by(PatientMerge.id)
    locked = session.scalars(
        query.with_for_update().execution_options(populate_existing=True)
    ).all()
    of_duplicate = {one.duplicate_id: one for one in locked if one.undone_at is None}
    chain: list[PatientMerge] = []
    while (link := of_duplicate.pop(patient_id, None)) is not None:
        chain.append(link)
        patient_id = link.survivor_id
    return chain


def being_undone(session: Session, patient_ids: Sequence[UUID]) -> bool:
    """Whether the workers are to give back yet what a merge of one of these had moved."""
    query = select(PatientMerge.id).where(
        or_(PatientMerge.duplicate_id.in_(patient_ids), PatientMerge.survivor_id.in_(patient_ids)),
        PatientMerge.undone_at.is_not(None),
        PatientMerge.returned_at.is_(None),
    )
    return session.execute(query.limit(1)).first() is not None


def of_patient(
    session: Session, patient_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[PatientMerge]:
    """The merges of a record, into it or of it, the newest first, one more than `limit`."""
    query = select(PatientMerge).where(
        or_(PatientMerge.duplicate_id == patient_id, PatientMerge.survivor_id == patient_id)
    )
    if after is not None:
        query = query.where(tuple_(PatientMerge.merged_at, PatientMerge.id) < after)
    ordered = query.order_by(PatientMerge.merged_at.desc(), PatientMerge.id.desc())
    return session.scalars(ordered.limit(limit + 1)).all()


def findings(session: Session, merge_ids: Sequence[UUID]) -> Sequence[MergeFinding]:
    """What both had, of those kinds that the actor may see."""
    query = select(MergeFinding).where(MergeFinding.merge_id.in_(merge_ids))
    return session.scalars(query.order_by(MergeFinding.clinical, MergeFinding.id)).all()


def left(session: Session, merge_ids: Sequence[UUID]) -> Sequence[MergeLeft]:
    query = select(MergeLeft).where(MergeLeft.merge_id.in_(merge_ids))
    return session.scalars(
        query.order_by(MergeLeft.found_at, MergeLeft.resource, MergeLeft.id)
    ).all()


def seen_by(session: Session, merge: PatientMerge) -> Sequence[Row[Any]]:
    """The patients and delegates who looked at either record since they were merged."""
    values = {
        "duplicate": merge.duplicate_id,
        "survivor": merge.survivor_id,
        "since": merge.merged_at,
    }
    return session.execute(_SEEN_BY, values).all()
