"""What would break the promise about visits."""

from portal.core import loops

loops.declare(
    {
        "a visit is planned with a practitioner who has left": """
            SELECT v.id FROM visit v JOIN departure d ON d.subject_id = v.practitioner_id
            WHERE d.done_at < :settled AND v.status = 'planned'
              AND NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = v.id
                              AND w.status IN ('open', 'claimed'))
        """,
        "a visit was held, its summary was not released in time and nobody was told": """
            SELECT id FROM visit WHERE summary_due_at < :settled AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = visit.id
                AND w.kind = 'summary_missing'
                AND (w.status IN ('open', 'claimed') OR w.created_at >= visit.summary_due_at))
        """,
        "a visit was held and has neither a summary nor a time by which it is due": """
            SELECT v.id FROM visit v WHERE v.status IN ('in_progress', 'finished')
              AND v.summary_due_at IS NULL AND NOT EXISTS (
                SELECT FROM visit_summary s WHERE s.visit_id = v.id AND s.status = 'released')
        """,
        "what a visit asked for is overdue and nobody was told": """
            SELECT id FROM visit_instruction WHERE status = 'open' AND due_at < :settled
              AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = visit_instruction.id
                AND w.kind = 'visit_instruction_overdue'
                AND (w.status IN ('open', 'claimed')
                     OR w.created_at >= visit_instruction.due_at))
        """,
        "somebody is to ask about what was done after a visit, or is not wanted any more": """
            SELECT w.id FROM work_item w LEFT JOIN visit_instruction i ON i.id = w.subject_id
            WHERE w.kind = 'visit_instruction_overdue' AND w.status IN ('open', 'claimed')
              AND i.status IS DISTINCT FROM 'open'
        """,
    }
)
