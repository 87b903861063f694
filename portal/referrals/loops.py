"""What would break the promise about referrals: each waiting step has an owner and a clock."""

from portal.core import loops

loops.declare(
    {
        "an open referral is by or to a practitioner who has left": """
            SELECT r.id FROM referral r
            JOIN departure d ON d.subject_id IN (r.referrer_id, r.specialist_id)
            WHERE d.done_at < :settled AND r.status NOT IN ('closed', 'cancelled', 'expired')
              AND NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = r.id
                              AND w.status IN ('open', 'claimed'))
        """,
        "a referral's next step is on nobody's worklist": """
            SELECT r.id FROM referral r JOIN (VALUES
                ('requested', 'referral_decision'), ('needs_information', 'referral_information'),
                ('declined', 'referral_declined'), ('accepted', 'referral_scheduling'),
                ('no_show', 'referral_no_show'), ('attended', 'referral_note_missing'),
                ('report_received', 'referral_closing')) AS step(status, item)
                ON step.status = CASE WHEN r.status = 'accepted' AND r.kind = 'consultation'
                                 THEN 'attended' ELSE r.status END
            WHERE NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = r.id
                              AND w.kind = step.item AND w.status IN ('open', 'claimed'))
        """,
        "an appointment is long over and nobody was asked how it went": """
            SELECT r.id FROM referral r WHERE r.status = 'scheduled' AND r.appointment_id IS NULL
              AND r.appointment_at < :settled - interval '1 day' AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = r.id
                AND w.kind = 'referral_attendance'
                AND (w.status IN ('open', 'claimed') OR w.created_at >= r.status_at))
        """,
        "a time is booked for a referral that does not have it": """
            SELECT a.id FROM appointment a LEFT JOIN referral r ON r.id = a.about_id
            WHERE a.about_kind = 'referral' AND a.status = 'booked'
              AND (r.status IS DISTINCT FROM 'scheduled' OR r.appointment_id IS DISTINCT FROM a.id)
        """,
        "a referral has a time of ours that is not booked": """
            SELECT r.id FROM referral r LEFT JOIN appointment a ON a.id = r.appointment_id
            WHERE r.status = 'scheduled' AND r.appointment_id IS NOT NULL
              AND a.status IS DISTINCT FROM 'booked'
        """,
        "a consult note came back and is not there": """
            SELECT r.id FROM referral r WHERE r.status = 'report_received' AND NOT EXISTS (
                SELECT FROM consult_note n WHERE n.referral_id = r.id)
        """,
        "a consult note was changed after the end and nobody reads it": """
            SELECT r.id FROM referral r WHERE r.status = 'closed' AND EXISTS (
                SELECT FROM consult_note n WHERE n.referral_id = r.id
                AND n.written_at > r.closed_at AND n.written_at < :settled
                AND NOT EXISTS (
                    SELECT FROM work_item w WHERE w.subject_id = r.id
                    AND w.kind = 'referral_closing'
                    AND (w.status IN ('open', 'claimed') OR w.closed_at >= n.written_at)))
        """,
        "a referral's authorization is over and it has not ended": """
            SELECT r.id FROM referral r WHERE r.expires_at < :settled
              AND (r.status IN ('draft', 'requested', 'needs_information', 'declined', 'accepted',
                                'no_show')
                   OR r.status = 'scheduled' AND r.appointment_at >= r.expires_at)
        """,
        "a referral's authorization ends soon and nobody was told": """
            SELECT r.id FROM referral r
            WHERE r.expires_at < :settled + interval '14 days' AND r.warned_at IS NULL
              AND r.status_at < :settled
              AND (r.status IN ('requested', 'needs_information', 'declined', 'accepted', 'no_show')
                   OR r.status = 'scheduled' AND r.appointment_at >= r.expires_at)
        """,
        "a referral expired and nobody was told": """
            SELECT r.id FROM referral r WHERE r.status = 'expired' AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = r.id AND w.kind = 'referral_expired')
        """,
        "a referral's next step is on a worklist and the referral is elsewhere": """
            SELECT w.id FROM work_item w JOIN referral r ON r.id = w.subject_id
            WHERE w.status IN ('open', 'claimed')
              AND (w.kind = 'referral_decision' AND r.status <> 'requested'
                   OR w.kind = 'referral_information' AND r.status <> 'needs_information'
                   OR w.kind = 'referral_declined' AND r.status <> 'declined'
                   OR w.kind = 'referral_scheduling' AND r.status <> 'accepted'
                   OR w.kind = 'referral_attendance' AND r.status <> 'scheduled'
                   OR w.kind = 'referral_no_show' AND r.status <> 'no_show'
                   OR w.kind = 'referral_note_missing' AND r.status NOT IN ('attended', 'accepted')
                   OR w.kind = 'referral_closing'
                      AND r.status NOT IN ('report_received', 'closed'))
        """,
        "a consult note is kept from its patient past its time": """
            SELECT id FROM consult_note WHERE release_status = 'held' AND held_until < :settled
        """,
    }
)
