"""What would break the promise about records that were merged."""

from portal.core import loops

loops.declare(
    {
        "a record was merged and its open work stayed behind": """
            SELECT p.id FROM patient p WHERE p.merged_at < :settled AND EXISTS (
                SELECT FROM work_item w WHERE w.patient_id = p.id
                AND w.status IN ('open', 'claimed'))
        """,
        "a record was merged and somebody can still sign in to it": """
            SELECT p.id FROM patient p JOIN account a ON a.kind = 'patient' AND a.person_id = p.id
            WHERE p.merged_into_id IS NOT NULL AND a.status <> 'disabled'
        """,
    }
)
