"""Reading and writing notifications in sets."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

# One statement for any number of people: the notification, and its way out by e-mail. Somebody
# who was told of this already is left out.
TELL = text(
    """
    WITH wanted AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
            id uuid, recipient_id uuid, delivery_id uuid)
    ), told AS (
        INSERT INTO notification (id, recipient_kind, recipient_id, event, source_id, subject_id,
                                  patient_id, category, data, created_at)
        SELECT id, :kind, recipient_id, :event, :source_id, :subject_id, :patient_id, :category,
               CAST(:data AS jsonb), :now
        FROM wanted
        ON CONFLICT (source_id, recipient_id, event) DO NOTHING
        RETURNING id
    ), sending AS (
        INSERT INTO notification_delivery (id, notification_id, recipient_id, channel, status,
                                           created_at, finished_at)
        SELECT w.delivery_id, w.id, w.recipient_id, 'email', s.status, :now,
               CASE WHEN s.status = 'pending' THEN NULL ELSE CAST(:now AS timestamptz) END
        FROM wanted w JOIN told USING (id)
        LEFT JOIN account a
            ON (a.kind = :kind OR :kind = 'delegate' AND a.kind = 'patient')
           AND a.person_id = w.recipient_id AND a.status = 'active'
        LEFT JOIN notification_preference p
            ON p.person_id = w.recipient_id AND p.event = :event AND p.channel = 'email'
        CROSS JOIN LATERAL (SELECT CASE
            WHEN a.id IS NOT NULL AND coalesce(p.enabled, :by_default) THEN 'pending'
            ELSE 'suppressed' END AS status) s
        RETURNING id, status
    )
    SELECT id FROM sending WHERE status = 'pending'
    """
)
_LIST = text(
    """
    SELECT id, recipient_kind, event, subject_id, patient_id, data, created_at, read_at
    FROM notification
    WHERE recipient_id = :recipient_id AND (NOT :unread OR read_at IS NULL)
      AND (CAST(:moment AS timestamptz) IS NULL OR (created_at, id) < (:moment, :id))
    ORDER BY created_at DESC, id DESC LIMIT :limit
    """
)
_UNREAD = text(
    "SELECT count(*) FROM notification WHERE recipient_id = :recipient_id AND read_at IS NULL"
)
MARK_READ = text(
    "UPDATE notification SET read_at = coalesce(read_at, :now) "
    "WHERE recipient_id = :recipient_id AND (CAST(:id AS uuid) IS NULL OR id = :id) "
    "RETURNING id"
)
# A delegate whose access has ended meanwhile has no address any more; a patient whose record was
# merged has that of the record that stands.
_ADDRESS = text(
    """
    SELECT d.status, d.notification_id, a.email,
           (SELECT count(*) FROM delivery_attempt t WHERE t.delivery_id = d.id) AS attempts,
           n.patient_id, n.read_at, CAST(n.data ->> 'until' AS timestamptz) AS until
    FROM notification_delivery d
    JOIN notification n ON n.id = d.notification_id
    LEFT JOIN account a
        ON (a.kind = n.recipient_kind OR n.recipient_kind = 'delegate' AND a.kind = 'patient')
       AND a.person_id = coalesce(careloop_surviving(n.recipient_id), n.recipient_id)
       AND a.status = 'active'
       AND (n.recipient_kind <> 'delegate' OR n.category IS NULL
            OR (NOT careloop_confidential(n.subject_id) AND n.category = ANY(
                careloop_delegated_categories(n.recipient_id, n.patient_id, now()))))
    WHERE d.id = :id
    """
)


def notifications(
    session: Session,
    recipient_id: UUID,
    *,
    unread: bool,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Somebody's notifications, newest first."""
    moment, id_ = after or (None, None)
    return session.execute(
        _LIST,
        {
            "recipient_id": recipient_id,
            "unread": unread,
            "moment": moment,
            "id": id_,
            "limit": limit + 1,
        },
    ).all()


def unread(session: Session, recipient_id: UUID) -> int:
    return int(session.execute(_UNREAD, {"recipient_id": recipient_id}).scalar_one())


def address_of(session: Session, delivery_id: UUID) -> Row[Any] | None:
    """Where a delivery goes, its status, how often it was tried, whether its notification was read
    and until when that has a sense."""
    return session.execute(_ADDRESS, {"id": delivery_id}).first()
