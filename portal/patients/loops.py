"""What would break the promise about records that were merged, and about access that was given."""

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
            WHERE p.merged_into_id IS NOT NULL AND a.status <> 'merged'
        """,
        "a record was merged and access to it stayed behind": """
            SELECT d.id FROM delegation d JOIN patient p ON p.id = d.patient_id
            WHERE p.merged_at < :settled AND d.status IN ('offered', 'accepted')
        """,
        "a patient who has died can still sign in": """
            SELECT a.id FROM account a JOIN patient_death d ON d.patient_id = a.person_id
            WHERE d.standing AND a.kind = 'patient'
              AND a.status NOT IN ('suspended', 'merged')
        """,
        "an account is suspended and its owner is not known to have died": """
            SELECT a.id FROM account a WHERE a.status = 'suspended'
              AND NOT careloop_deceased(a.person_id)
              AND NOT EXISTS (SELECT FROM patient p
                              WHERE p.merged_into_id = a.person_id AND careloop_deceased(p.id))
        """,
        "a patient is said to have died before they were born": """
            SELECT d.id FROM patient_death d JOIN patient p ON p.id = d.patient_id
            WHERE d.standing AND d.died_on < p.birth_date
        """,
        "a patient is cared for by somebody who has left": """
            SELECT c.patient_id AS id FROM care_team_member c
            JOIN departure d ON d.subject_id = c.member_id
            WHERE c.ended_on IS NULL AND d.done_at < :settled
        """,
        "a patient prefers a place that has closed": """
            SELECT p.id FROM patient p
            JOIN departure d ON d.subject_id IN (p.preferred_pharmacy_id, p.preferred_laboratory_id)
            WHERE d.done_at < :settled
        """,
        "a patient asks for a correction and nobody has it on a worklist": """
            SELECT r.id FROM correction_request r
            WHERE r.status = 'open' AND r.asked_at < :settled AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.kind = 'correction_requested'
                AND w.subject_id = r.id AND w.status IN ('open', 'claimed'))
        """,
        "access was given and nobody was looked for": """
            SELECT d.id FROM delegation d
            WHERE d.delegate_id IS NULL AND d.status IN ('offered', 'accepted')
              AND d.offered_at < :settled
              AND NOT EXISTS (SELECT FROM account a WHERE lower(a.email) = lower(d.email)
                              AND a.status <> 'merged')
              AND NOT EXISTS (SELECT FROM outbox_event e WHERE e.kind = 'delegation.offered'
                              AND e.status = 'dead' AND e.payload ->> 'delegation_id' = d.id::text)
        """,
    }
)
