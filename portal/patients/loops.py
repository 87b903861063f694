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
              AND NOT EXISTS (SELECT FROM patient_merge m
                              WHERE a.person_id IN (m.duplicate_id, m.survivor_id)
                              AND m.undone_at >= :settled AND m.returned_at IS NULL)
        """,
        "records were merged and nobody looked for what both had": """
            SELECT id FROM patient_merge
            WHERE merged_at < :settled AND moved_at IS NULL AND undone_at IS NULL
        """,
        "what two merged records had meets and nobody was asked": """
            SELECT f.id FROM merge_finding f JOIN patient_merge m ON m.id = f.merge_id
            WHERE f.clash AND f.kind <> 'medicine' AND f.found_at < :settled
              AND m.undone_at IS NULL AND NOT EXISTS (
                SELECT FROM work_item w
                WHERE w.subject_id = CASE WHEN f.clinical THEN f.id ELSE f.merge_id END
                AND w.kind IN ('merge_clash', 'merge_findings'))
        """,
        "a merge was undone and its rows were not given back": """
            SELECT id FROM patient_merge WHERE undone_at < :settled AND returned_at IS NULL
        """,
        "a merge was undone and nobody was asked who saw what": """
            SELECT m.id FROM patient_merge m WHERE m.undone_at < :settled AND NOT EXISTS (
                SELECT FROM work_item w
                WHERE w.kind = 'privacy_incident' AND w.subject_id = m.id)
        """,
        "nobody has to say whose is what was written while two records were one": """
            SELECT l.id FROM merge_left l
            WHERE l.decided_at IS NULL AND l.found_at < :settled AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.kind = 'merge_undone'
                AND w.subject_id = l.merge_id AND w.status IN ('open', 'claimed'))
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
