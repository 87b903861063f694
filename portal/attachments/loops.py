"""What would break the promise about attachments: none is kept back without somebody's doing."""

from portal.core import loops

loops.declare(
    {
        "an attachment waits to be scanned and nothing will scan it": """
            SELECT a.id FROM attachment a
            WHERE a.status = 'quarantined' AND a.status_at < :settled AND NOT EXISTS (
                SELECT FROM outbox_event e
                WHERE e.kind = 'attachment.scan' AND e.status IN ('pending', 'published')
                  AND e.payload ->> 'attachment_id' = a.id::text)
        """,
        "an attachment could not be scanned and nobody was asked to see to it": """
            SELECT a.id FROM attachment a
            WHERE a.status = 'unscannable' AND a.status_at < :settled AND NOT EXISTS (
                SELECT FROM work_item w
                WHERE w.subject_id = a.id AND w.kind = 'attachment_unscannable'
                  AND (w.status IN ('open', 'claimed') OR w.created_at >= a.status_at))
        """,
        "an attachment was infected and nobody was told": """
            SELECT a.id FROM attachment a
            WHERE a.status = 'infected' AND a.status_at < :settled AND NOT EXISTS (
                SELECT FROM work_item w
                WHERE w.subject_id = a.id AND w.kind = 'attachment_infected')
        """,
    }
)
