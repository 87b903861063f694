"""Open items about a patient whose clinic is another from now on. For the workers.

Work of the former clinic's teams goes to the same teams of the new one, which see the patient by
it. What a practitioner is responsible for stays with them: they care for the patient until somebody
of the new clinic takes over, whose staff are asked to arrange that, and see with whom what is.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.directory import service as directory
from portal.directory.model import PoolKind
from portal.worklist import service, statements
from portal.worklist.rules import Hop
from portal.worklist.states import Priority, WorkItemKind

MOVED = "patient_moved"
# What somebody else than the patient's clinic arranges stays where it is arranged.
_MOVE = text(
    """
    WITH theirs AS (
        SELECT w.id, there.id AS pool_id
        FROM work_item w
        JOIN pool here ON here.id = w.pool_id AND here.clinic_id = :clinic_id
        JOIN patient p ON p.id = w.patient_id AND p.clinic_id <> here.clinic_id
        JOIN LATERAL (
            SELECT n.id FROM pool n WHERE n.clinic_id = p.clinic_id
            ORDER BY n.kind = here.kind DESC, n.kind = 'clinic_staff' DESC, n.id LIMIT 1) there
          ON true
        WHERE w.patient_id = :patient_id AND w.status IN ('open', 'claimed')
          AND w.responsible_id IS NULL AND w.kind NOT LIKE 'referral!_%' ESCAPE '!'
        ORDER BY w.id FOR UPDATE OF w
    )
    UPDATE work_item w SET pool_id = t.pool_id, assignee_id = NULL, claimed_by = NULL,
        status = 'open', alternate_ids = '{}', routed_at = coalesce(w.routed_at, :now),
        version = w.version + 1
    FROM theirs t WHERE t.id = w.id
    RETURNING w.id, w.patient_id, w.pool_id, w.escalation_level
    """
)
# With whom something is that belongs to another clinic: how much, and the next due time; not what.
_ELSEWHERE = text(
    """
    SELECT c.name AS clinic, po.name AS team, coalesce(pr.name, s.name) AS person,
           count(*) AS open, min(w.due_at) AS due_at
    FROM work_item w
    JOIN patient p ON p.id = w.patient_id
    JOIN pool po ON po.id = w.pool_id AND po.clinic_id <> p.clinic_id
    JOIN clinic c ON c.id = po.clinic_id
    LEFT JOIN practitioner pr ON pr.id = coalesce(w.claimed_by, w.assignee_id, w.responsible_id)
    LEFT JOIN staff_member s ON s.id = coalesce(w.claimed_by, w.assignee_id)
    WHERE w.patient_id = :patient_id AND w.status IN ('open', 'claimed')
    GROUP BY 1, 2, 3 ORDER BY due_at, 1, 2, 3
    """
)


def follow_patient(
    *,
    session: Session,
    patient_id: UUID,
    correction_id: UUID,
    from_clinic: UUID,
    to_clinic: UUID,
    now: datetime,
) -> None:
    """A patient's clinic is `to_clinic` from now on. Twice is the same as once."""
    values = {"patient_id": patient_id, "clinic_id": from_clinic, "now": now}
    moved = session.execute(_MOVE, values).all()
    hops = [
        statements.Move(row.id, row.patient_id, row.pool_id, [Hop(None, MOVED)]) for row in moved
    ]
    if hops:
        statements.write_hops(session, WORKER, hops, now)
    service.ask_pool(
        session=session,
        kind=WorkItemKind.PATIENT_MOVED,
        subject_id=patient_id,
        patient_id=patient_id,
        pool_id=directory.pool_of(session, to_clinic, PoolKind.CLINIC_STAFF),
        priority=Priority.URGENT,
        now=now,
        cause_id=correction_id,
    )


def elsewhere(session: Session, patient_id: UUID) -> Sequence[Row[Any]]:
    """With whom of other clinics than the patient's something about them is open."""
    return session.execute(_ELSEWHERE, {"patient_id": patient_id}).all()
