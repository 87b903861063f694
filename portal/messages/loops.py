"""What would break the promise about messages and the advice line."""

from portal.core import loops

loops.declare(
    {
        "an open thread is with a practitioner who has left": """
            SELECT t.id FROM thread t JOIN departure d ON d.subject_id = t.practitioner_id
            WHERE d.done_at < :settled AND t.status <> 'closed'
        """,
        "a thread awaits the care team and nobody has it on a worklist": """
            SELECT t.id FROM thread t WHERE t.status = 'awaiting_care_team' AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = t.id AND w.kind = 'thread_reply'
                AND w.status IN ('open', 'claimed'))
        """,
        "an answer is on a worklist for a thread that does not await it": """
            SELECT w.id FROM work_item w LEFT JOIN thread t ON t.id = w.subject_id
            WHERE w.kind = 'thread_reply' AND w.status IN ('open', 'claimed')
              AND t.status IS DISTINCT FROM 'awaiting_care_team'
        """,
        "an open thread is with a practitioner who no longer cares for the patient": """
            SELECT t.id FROM thread t JOIN patient p ON p.id = t.patient_id
            WHERE t.status <> 'closed' AND t.practitioner_id IS NOT NULL
              AND EXISTS (
                SELECT FROM care_team_member c
                WHERE c.patient_id = t.patient_id AND c.member_id = t.practitioner_id
                  AND c.ended_on < (CAST(:settled AS timestamptz) AT TIME ZONE p.time_zone)::date)
        """,
        "a message was sent and the patient was not told": """
            SELECT m.id FROM message m
            WHERE m.kind <> 'internal_note' AND m.author_kind NOT IN ('patient', 'delegate')
              AND m.sent_at < :settled AND NOT EXISTS (
                SELECT FROM notification n WHERE n.source_id = m.id)
        """,
        "a thread's count of unread messages is wrong": """
            SELECT t.id FROM thread t LEFT JOIN LATERAL (
                SELECT count(*) FILTER (WHERE m.author_kind IN ('patient', 'delegate')) AS by_team,
                       count(*) FILTER (WHERE m.author_kind NOT IN ('patient', 'delegate'))
                           AS by_patient
                FROM message m WHERE m.thread_id = t.id AND m.read_at IS NULL
                  AND m.kind <> 'internal_note') u ON true
            WHERE (t.unread_by_team, t.unread_by_patient) <> (u.by_team, u.by_patient)
        """,
        "a patient waits for a nurse's call and nobody has it on a worklist": """
            SELECT c.id FROM advice_call c WHERE c.status = 'waiting' AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = c.id AND w.kind = 'advice_call'
                AND w.status IN ('open', 'claimed'))
        """,
        "a nurse's call is on a worklist for a patient who does not wait for it": """
            SELECT w.id FROM work_item w LEFT JOIN advice_call c ON c.id = w.subject_id
            WHERE w.kind = 'advice_call' AND w.status IN ('open', 'claimed')
              AND c.status IS DISTINCT FROM 'waiting'
        """,
    }
)
