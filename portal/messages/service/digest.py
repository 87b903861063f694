"""The daily digest: one e-mail a day for those who don't want one for each message."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
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
    SELECT p.person_id, pa.id AS patient_id
    FROM notification_preference p
    JOIN patient pa ON pa.id = p.person_id AND pa.merged_into_id IS NULL
    LEFT JOIN LATERAL (
        SELECT max(n.created_at) AS at FROM notification n
        WHERE n.recipient_id = p.person_id AND n.event = p.event AND n.recipient_kind = 'patient'
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
# The same of who acts for a patient, in whose day: one for each patient, by the wishes of that
# access. What is kept from delegates is not counted.
_DUE_TO_DELEGATES = text(
    """
    SELECT p.person_id, d.patient_id
    FROM notification_preference p
    CROSS JOIN LATERAL (
        SELECT patient_id, min(coalesce(answered_at, offered_at)) AS since FROM delegation
        WHERE delegate_id = p.person_id AND status = 'accepted' AND notify GROUP BY patient_id
    ) d
    JOIN patient pa ON pa.id = d.patient_id AND pa.merged_into_id IS NULL
    LEFT JOIN LATERAL (
        SELECT max(n.created_at) AS at FROM notification n
        WHERE n.recipient_id = p.person_id AND n.event = p.event AND n.patient_id = d.patient_id
          AND n.recipient_kind = 'delegate'
    ) last ON true
    WHERE p.event = 'message_digest' AND p.channel = 'email' AND p.enabled
      AND extract(hour FROM CAST(:now AS timestamptz) AT TIME ZONE pa.time_zone) >= :morning
      AND (last.at IS NULL OR (last.at AT TIME ZONE pa.time_zone)::date
           < (CAST(:now AS timestamptz) AT TIME ZONE pa.time_zone)::date)
      AND 'messages' = ANY(careloop_delegated_categories(p.person_id, d.patient_id, :now))
      AND EXISTS (
          SELECT FROM thread t JOIN message m ON m.thread_id = t.id
          WHERE t.patient_id = d.patient_id AND m.author_kind NOT IN ('patient', 'delegate')
            AND m.kind <> 'internal_note'
            AND m.sent_at > coalesce(last.at, d.since)
            AND NOT EXISTS (SELECT FROM message_read r
                            WHERE r.message_id = m.id AND r.reader_id = p.person_id)
            AND NOT careloop_confidential(t.id))
    ORDER BY p.person_id, d.patient_id LIMIT :limit
    FOR UPDATE OF p SKIP LOCKED
    """
)


def send_digests(*, session: Session, now: datetime, limit: int) -> int:
    """Tell patients, and who acts for them, once a day that messages wait for them; returns how
    many were told."""
    values = {"now": now, "morning": MORNING, "limit": limit}
    due = session.execute(_DUE, values).all()
    _tell(session, ActorKind.PATIENT, due, now)
    to_delegates = session.execute(_DUE_TO_DELEGATES, values).all()
    _tell(session, ActorKind.DELEGATE, to_delegates, now)
    return len(due) + len(to_delegates)


def _tell(session: Session, kind: ActorKind, due: Sequence[Row[Any]], now: datetime) -> None:
    for row in due:
        notifications.notify(
            session=session,
            recipient_kind=kind,
            recipient_ids=[row.person_id],
            event=NotificationEvent.MESSAGE_DIGEST,
            source_id=new_id(),
            subject_id=None,
            patient_id=row.patient_id,
            data={},
            now=now,
        )
