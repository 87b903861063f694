"""The daily digest: one e-mail a day for those who don't want one for each message."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.core.actor import ActorKind
from portal.core.ids import new_id
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent

# From this hour of the patient's day on.
MORNING = 8

# Patients with messages unread since the last digest, which was not today.
_DUE = text(
    """
    SELECT p.person_id AS patient_id
    FROM notification_preference p
    JOIN patient pa ON pa.id = p.person_id AND pa.merged_into_id IS NULL
    LEFT JOIN LATERAL (
        SELECT max(n.created_at) AS at FROM notification n
        WHERE n.recipient_id = p.person_id AND n.event = p.event
    ) last ON true
    WHERE p.event = 'message_digest' AND p.channel = 'email' AND p.enabled
      AND extract(hour FROM CAST(:now AS timestamptz) AT TIME ZONE pa.time_zone) >= :morning
      AND (last.at IS NULL OR (last.at AT TIME ZONE pa.time_zone)::date
           < (CAST(:now AS timestamptz) AT TIME ZONE pa.time_zone)::date)
      AND EXISTS (SELECT FROM thread t WHERE t.patient_id = p.person_id AND t.unread_by_patient > 0
                  AND (last.at IS NULL OR t.last_message_at > last.at))
    ORDER BY p.person_id LIMIT :limit
    FOR UPDATE OF p SKIP LOCKED
    """
)


def send_digests(*, session: Session, now: datetime, limit: int) -> int:
    """Tell patients once a day that messages wait for them; returns how many were told."""
    values = {"now": now, "morning": MORNING, "limit": limit}
    due = session.execute(_DUE, values).all()
    for row in due:
        notifications.notify(
            session=session,
            recipient_kind=ActorKind.PATIENT,
            recipient_ids=[row.patient_id],
            event=NotificationEvent.MESSAGE_DIGEST,
            source_id=new_id(),
            subject_id=None,
            patient_id=row.patient_id,
            data={},
            now=now,
        )
    return len(due)
