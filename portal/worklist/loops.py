"""What would break the promise about work items, and about what the workers were left."""

from portal.core import loops

loops.declare(
    {
        "a work item was never routed": """
            SELECT id FROM work_item WHERE status IN ('open', 'claimed') AND routed_at IS NULL
              AND created_at < :settled
        """,
        "a work item is past its due time and has not moved up": """
            SELECT id FROM work_item WHERE status IN ('open', 'claimed') AND due_at < :settled
        """,
        "an event was given up": "SELECT id FROM outbox_event WHERE status = 'dead'",
        "an event waits far longer than it should": """
            SELECT id FROM outbox_event WHERE status IN ('pending', 'published')
              AND due_at < :settled
        """,
    }
)
