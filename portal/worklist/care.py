"""Items follow the patient's care team: nobody has to answer for a patient whose care they ended.

Whatever is opened later about what they once prescribed, ordered or referred goes the same way when
it is routed: see route_items().
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.worklist import service
from portal.worklist.queries import IN_PERSON_KINDS
from portal.worklist.whose import who_answers

# With nobody to give them to, the clinic's staff have them, and they stay marked by who was
# responsible: whoever begins to care for the patient gets them, from the one to whom they went up.
_LET_GO = text(
    f"""
    UPDATE work_item w SET
        status = CASE WHEN w.claimed_by = c.member_id THEN 'open' ELSE w.status END,
        claimed_by = nullif(w.claimed_by, c.member_id),
        assignee_id = CASE
            WHEN :somebody AND w.claimed_by IS NULL AND w.escalation_level > 0 THEN NULL
            ELSE nullif(w.assignee_id, c.member_id) END,
        escalation_level = CASE WHEN :somebody THEN 0 ELSE w.escalation_level END,
        alternate_ids = array_remove(w.alternate_ids, c.member_id), routed_at = NULL
    FROM care_team_member c
    WHERE c.patient_id = :patient_id AND c.ended_on IS NOT NULL
      AND w.patient_id = c.patient_id AND w.responsible_id = c.member_id
      AND w.status IN ('open', 'claimed') AND w.kind NOT IN ({IN_PERSON_KINDS})
      AND (:somebody OR w.pool_id <> :pool_id OR c.member_id IN (w.assignee_id, w.claimed_by))
    RETURNING w.id
    """  # noqa: S608 - kinds of ours
)


def follow_care_team(*, session: Session, actor: Actor, patient_id: UUID, now: datetime) -> int:
    """Somebody's care of a patient began or ended: open items of those whose care has ended go to
    who answers now; returns how many. What somebody else has taken stays with them. Twice is the
    same as once."""
    owner = who_answers(session, patient_id)
    values = {
        "patient_id": patient_id,
        "somebody": owner.practitioner_id is not None,
        "pool_id": owner.pool_id,
    }
    items = session.scalars(_LET_GO, values).all()
    return service.route_items(session=session, actor=actor, item_ids=items, now=now)
