"""What would break the promise about work items, and about what the workers were left."""

from portal.core import loops
from portal.worklist.queries import IN_PERSON_KINDS

loops.declare(
    {
        "a work item was never routed": """
            SELECT id FROM work_item WHERE status IN ('open', 'claimed') AND routed_at IS NULL
              AND created_at < :settled
        """,
        "a work item is past its due time and has not moved up": """
            SELECT id FROM work_item WHERE status IN ('open', 'claimed') AND due_at < :settled
        """,
        "a work item is with somebody who has left": """
            SELECT w.id FROM work_item w
            JOIN departure d ON d.subject_id IN (w.assignee_id, w.claimed_by)
            WHERE w.status IN ('open', 'claimed') AND d.done_at < :settled
        """,
        "a work item is with somebody whose care of the patient has ended": f"""
            SELECT w.id FROM work_item w
            JOIN care_team_member c ON c.patient_id = w.patient_id
              AND c.member_id = w.responsible_id AND c.ended_on IS NOT NULL
            WHERE w.status IN ('open', 'claimed') AND w.kind NOT IN ({IN_PERSON_KINDS})
              AND c.member_id IN (w.assignee_id, w.claimed_by)
              AND (c.ended_on + interval '2 days') AT TIME ZONE 'UTC' < :settled
              AND w.created_at < :settled
        """,  # noqa: S608 - names of ours
        "what nobody else could be given is with nobody": """
            SELECT l.subject_id AS id FROM departure_left l WHERE l.at < :settled AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = l.subject_id AND w.kind = 'rerouting')
        """,
        "somebody left, or something closed, and it was not followed": """
            SELECT id FROM departure WHERE effective_at < :settled AND done_at IS NULL
        """,
        "an event was given up": "SELECT id FROM outbox_event WHERE status = 'dead'",
        "an event waits far longer than it should": """
            SELECT id FROM outbox_event WHERE status IN ('pending', 'published')
              AND due_at < :settled
        """,
    }
)
