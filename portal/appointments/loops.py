"""What would break the promise about appointments.

Some of these can't happen while the constraints stand; they are checked all the same.
"""

from portal.core import loops

loops.declare(
    {
        "a time to come is with somebody who has left": """
            SELECT s.id FROM slot s
            JOIN departure d ON d.subject_id IN (s.practitioner_id, s.laboratory_id)
            WHERE d.done_at < :settled AND s.withdrawn_at IS NULL AND s.starts_at > :now
        """,
        "an appointment is over and nobody was asked what came of it": """
            SELECT a.id FROM appointment a WHERE a.status = 'booked'
              AND a.practitioner_id IS NOT NULL
              AND a.ends_at < CAST(:settled AS timestamptz) - interval '2 hours'
              AND NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = a.id
                              AND w.kind = 'appointment_outcome')
        """,
        "a patient missed an appointment and nobody was told": """
            SELECT a.id FROM appointment a WHERE a.status = 'no_show'
              AND a.practitioner_id IS NOT NULL AND a.ended_at < :settled
              AND a.about_kind IS DISTINCT FROM 'referral'
              AND NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = a.id
                              AND w.kind = 'appointment_no_show')
        """,
        "an offer of an appointment is past its end and has not ended": """
            SELECT id FROM appointment_offer WHERE status = 'open' AND expires_at < :settled
        """,
        "nobody took an offered appointment and nobody was told": """
            SELECT o.id FROM appointment_offer o
            WHERE o.status IN ('declined', 'expired') AND o.replaces_id IS NULL
              AND o.about_kind IS DISTINCT FROM 'referral'
              AND o.ended_at < :settled
              AND NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = o.id
                              AND w.kind = 'appointment_offer_untaken')
        """,
        "a patient waits for an earlier time than an appointment that has ended": """
            SELECT w.id FROM earlier_wish w JOIN appointment a ON a.id = w.appointment_id
            WHERE w.status = 'waiting' AND a.ended_at < :settled
        """,
        "an appointment is booked at a time that was withdrawn": """
            SELECT a.id FROM appointment a JOIN slot s ON s.id = a.slot_id
            WHERE a.status = 'booked' AND s.withdrawn_at IS NOT NULL
        """,
        "a patient was not reminded of an appointment": """
            SELECT id FROM appointment
            WHERE status = 'booked' AND next_reminder_at < :settled AND starts_at > :now
        """,
    }
)
