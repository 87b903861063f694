"""What would break the promise about refills.

The first three can't happen while the constraints stand; they are checked all the same, since
somebody may have dropped one.
"""

from portal.core import loops

loops.declare(
    {
        "an open refill is at a pharmacy that has closed": """
            SELECT r.id FROM refill r JOIN departure d ON d.subject_id = r.pharmacy_id
            WHERE d.done_at < :settled AND r.closed_at IS NULL
              AND NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = r.id
                              AND w.status IN ('open', 'claimed'))
        """,
        "a medicine is filled at a pharmacy that has closed": """
            SELECT p.id FROM prescription p JOIN departure d ON d.subject_id = p.pharmacy_id
            WHERE d.done_at < :settled AND p.status IN ('active', 'on_hold')
              AND NOT EXISTS (SELECT FROM departure_left l WHERE l.departure_id = d.id
                              AND l.subject_id = p.patient_id)
        """,
        "a refill waits for its prescriber and nobody has it on a worklist": """
            SELECT r.id FROM refill r WHERE r.status = 'awaiting_prescriber' AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = r.id AND w.kind = 'refill_decision'
                AND w.status IN ('open', 'claimed'))
        """,
        "a decision is on a worklist for a refill that does not wait": """
            SELECT w.id FROM work_item w LEFT JOIN refill r ON r.id = w.subject_id
            WHERE w.kind = 'refill_decision' AND w.status IN ('open', 'claimed')
              AND r.status IS DISTINCT FROM 'awaiting_prescriber'
        """,
        "an open refill has no time by which its next step is due": """
            SELECT id FROM refill WHERE closed_at IS NULL AND expected_by IS NULL
        """,
        "a refill was accepted and its pharmacy was never sent it": """
            SELECT r.id FROM refill r WHERE r.status = 'sending' AND r.status_at < :settled
              AND NOT EXISTS (SELECT FROM pharmacy_order o WHERE o.refill_id = r.id
                              AND o.pharmacy_id = r.pharmacy_id AND o.kind = 'fill')
        """,
        "an order was taken back from a pharmacy that has it, and the pharmacy was not asked": """
            SELECT id FROM refill WHERE status IN ('cancelled', 'held')
              AND fetched_at IS NOT NULL AND cancel_asked_at IS NULL AND status_at < :settled
        """,
        "a pharmacy was asked whether it stopped in time, and nobody has the question": """
            SELECT r.id FROM refill r
            WHERE r.cancel_asked_at IS NOT NULL AND r.cancel_answer IS NULL
              AND NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = r.id
                              AND w.kind = 'pharmacy_cancellation'
                              AND w.status IN ('open', 'claimed'))
        """,
        "a prescription is stopped or on hold and its refill goes on": """
            SELECT r.id FROM refill r JOIN prescription p ON p.id = r.prescription_id
            WHERE r.closed_at IS NULL AND r.status_at < :settled AND (p.status = 'stopped'
              OR p.status = 'on_hold' AND r.status IN (
                    'sending', 'with_pharmacy', 'preparing', 'on_hold', 'rest_owed'))
              AND NOT EXISTS (SELECT FROM prescription_history h WHERE h.prescription_id = p.id
                              AND h.at >= :settled)
        """,
        "a refill is held and its prescription is not": """
            SELECT r.id FROM refill r JOIN prescription p ON p.id = r.prescription_id
            WHERE r.status = 'held' AND p.status = 'active'
              AND NOT EXISTS (SELECT FROM prescription_history h WHERE h.prescription_id = p.id
                              AND h.at >= :settled)
        """,
        "other than what was handed over counts as handed over": """
            SELECT r.id FROM refill r WHERE r.quantity_dispensed <> coalesce((
                SELECT sum(d.quantity) FROM dispense d WHERE d.refill_id = r.id), 0)
        """,
        "what is owed of schedule II can't follow any more, and is still owed": """
            SELECT id FROM refill WHERE closed_at IS NULL AND rest_due_at < :settled
              AND status <> 'shipped'
        """,
        "a step is late and nobody was told": """
            SELECT id FROM refill WHERE closed_at IS NULL AND expected_by < :settled
              AND status <> 'awaiting_prescriber' AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = refill.id
                AND w.kind = 'refill_overdue' AND w.created_at >= refill.status_at)
        """,
        "more fills are reserved than are counted as used": """
            SELECT p.id FROM prescription p JOIN (
                SELECT prescription_id, count(*) FILTER (WHERE kind = 'refill') AS refills,
                       count(*) FILTER (WHERE kind <> 'refill') AS first_fills
                FROM refill WHERE reserved GROUP BY prescription_id) r ON r.prescription_id = p.id
            WHERE r.refills > p.refills_used + p.refills_beyond
               OR r.first_fills > p.first_fill_used
        """,
        "a fill is at a pharmacy and none is reserved for it": """
            SELECT id FROM refill WHERE closed_at IS NULL AND status <> 'awaiting_prescriber'
              AND NOT reserved
        """,
        "a first fill is counted as used and nobody has it": """
            SELECT p.id FROM prescription p
            WHERE p.first_fill_used = 1 AND p.last_filled_on IS NULL AND NOT EXISTS (
                SELECT FROM refill r WHERE r.prescription_id = p.id AND r.reserved)
        """,
        # While somebody has the patient on a list to be re-routed, that person calls.
        "a patient is told to ask a prescriber who has left, and nobody else cares for them": """
            SELECT p.id FROM prescription p
            JOIN practitioner pr ON pr.id = p.prescriber_id AND NOT pr.active
            JOIN patient pa ON pa.id = p.patient_id AND pa.merged_into_id IS NULL
            WHERE (p.status IN ('stopped', 'on_hold') OR p.status = 'active' AND (
                    p.schedule = 2 AND p.first_fill_used = 1
                    OR p.expires_on + CASE p.schedule WHEN 2 THEN 0 ELSE 120 END
                       < (CAST(:settled AS timestamptz) AT TIME ZONE pa.time_zone)::date))
              AND NOT EXISTS (SELECT FROM departure d WHERE d.subject_id = pr.id
                              AND (d.done_at IS NULL OR d.done_at >= :settled))
              AND NOT EXISTS (SELECT FROM patient_death x WHERE x.patient_id = pa.id AND x.standing)
              AND NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = pa.id
                              AND w.status IN ('open', 'claimed'))
              AND NOT EXISTS (SELECT FROM care_team_member c
                              LEFT JOIN practitioner o ON o.id = c.member_id
                              WHERE c.patient_id = pa.id AND c.ended_on IS NULL
                              AND o.active IS NOT FALSE)
        """,
        "a prescription was written and its pharmacy was never sent it": """
            SELECT p.id FROM prescription p JOIN patient pa ON pa.id = p.patient_id
            WHERE p.status = 'active' AND p.first_fill_used = 0 AND p.created_at < :settled
              AND p.expires_on >= (CAST(:settled AS timestamptz) AT TIME ZONE pa.time_zone)::date
              AND NOT EXISTS (SELECT FROM refill r WHERE r.prescription_id = p.id)
        """,
    }
)
