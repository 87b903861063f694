"""What would break the promise about orders."""

from portal.core import loops

loops.declare(
    {
        "an open order is with a practitioner or a laboratory that has left": """
            SELECT r.id FROM requisition r
            JOIN departure d ON d.subject_id IN (r.orderer_id, r.laboratory_id)
            WHERE d.done_at < :settled
              AND r.status NOT IN ('resulted', 'rejected', 'cancelled', 'expired')
              AND NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = r.id
                              AND w.status IN ('open', 'claimed'))
        """,
        "a standing order is of a practitioner who has left": """
            SELECT o.id FROM standing_order o JOIN departure d ON d.subject_id = o.orderer_id
            WHERE d.done_at < :settled AND o.status = 'active'
              AND NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = o.id
                              AND w.status IN ('open', 'claimed'))
        """,
        "a requisition was placed and its laboratory was never sent it": """
            SELECT r.id FROM requisition r WHERE r.status = 'placed' AND r.status_at < :settled
              AND NOT EXISTS (SELECT FROM laboratory_message m WHERE m.requisition_id = r.id
                              AND m.laboratory_id = r.laboratory_id AND m.kind = 'new'
                              AND m.status <> 'withdrawn')
        """,
        "a patient's data were corrected and a laboratory with an open order was not told": """
            SELECT r.id FROM patient_correction c JOIN requisition r ON r.patient_id = c.patient_id
            JOIN laboratory_message m ON m.requisition_id = r.id
             AND m.laboratory_id = r.laboratory_id AND m.kind = 'new'
             AND m.status IN ('queued', 'accepted') AND m.created_at < c.at
            WHERE c.at < :settled AND c.before - 'clinic_id' <> c.after - 'clinic_id'
              AND r.status IN ('placed', 'sent', 'accepted', 'scheduled', 'collected',
                               'in_progress')
              AND NOT EXISTS (SELECT FROM laboratory_message t WHERE t.requisition_id = r.id
                              AND t.laboratory_id = r.laboratory_id
                              AND (t.correction_id = c.id OR t.created_at >= c.at))
        """,
        "a laboratory was never told to leave a requisition": """
            SELECT m.id FROM laboratory_message m JOIN requisition r ON r.id = m.requisition_id
            WHERE m.kind = 'new' AND m.status IN ('queued', 'accepted')
              AND r.status_at < :settled
              AND (r.status IN ('cancelled', 'expired') OR r.laboratory_id <> m.laboratory_id)
              AND NOT EXISTS (SELECT FROM laboratory_message c
                              WHERE c.requisition_id = m.requisition_id
                              AND c.laboratory_id = m.laboratory_id AND c.kind = 'cancel'
                              AND c.id > m.id)
        """,
        "a requisition was not collected in time and nobody was told": """
            SELECT id FROM requisition
            WHERE status IN ('placed', 'sent', 'accepted', 'scheduled') AND expected_by < :settled
              AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = requisition.id
                AND w.kind = 'requisition_uncollected'
                AND (w.status IN ('open', 'claimed') OR w.created_at >= requisition.status_at))
        """,
        "a requisition was collected, has no result in time and nobody was told": """
            SELECT id FROM requisition
            WHERE status IN ('collected', 'in_progress') AND expected_by < :settled
              AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = requisition.id
                AND w.kind = 'requisition_unresulted'
                AND (w.status IN ('open', 'claimed') OR w.created_at >= requisition.status_at))
        """,
        "a requisition expired or was rejected and nobody was told": """
            SELECT id FROM requisition
            WHERE status IN ('expired', 'rejected') AND NOT draft AND closed_at < :settled
              AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = requisition.id
                AND w.kind = 'requisition_' || requisition.status)
        """,
        "a requisition is past its end and has not ended": """
            SELECT id FROM requisition
            WHERE status IN ('draft', 'placed', 'sent', 'accepted') AND expires_at < :settled
        """,
        "a standing order is past its day and its next requisition was not made": """
            SELECT o.id FROM standing_order o JOIN patient p ON p.id = o.patient_id
            WHERE o.status = 'active'
              AND o.next_on < (CAST(:settled AS timestamptz) AT TIME ZONE p.time_zone)::date
        """,
        "an appointment is booked for what does not wait for one": """
            SELECT a.id FROM appointment a JOIN requisition r ON r.id = a.about_id
            WHERE a.about_kind = 'requisition' AND a.status = 'booked' AND r.status <> 'scheduled'
        """,
        "a requisition is scheduled without an appointment": """
            SELECT r.id FROM requisition r WHERE r.status = 'scheduled' AND NOT EXISTS (
                SELECT FROM appointment a WHERE a.about_kind = 'requisition'
                AND a.about_id = r.id AND a.status = 'booked')
        """,
    }
)
