"""Results whose responsible practitioner has left. For the workers."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from portal.directory.departure_model import Departure

# To who takes over, else the patient's primary practitioner; their items go their own way.
_HAND_OVER = text(
    """
    UPDATE diagnostic_report r SET responsible_id = t.practitioner_id, version = r.version + 1
    FROM (
        SELECT o.id, coalesce(CAST(:to AS uuid), (
            SELECT c.member_id FROM care_team_member c
            JOIN practitioner p ON p.id = c.member_id AND p.active
            WHERE c.patient_id = o.patient_id AND c.role = 'primary' AND c.ended_on IS NULL
        )) AS practitioner_id
        FROM diagnostic_report o
        WHERE o.responsible_id = :id AND (o.reviewed_at IS NULL OR o.communicated_at IS NULL)
        ORDER BY o.id LIMIT :limit
    ) t WHERE t.id = r.id AND t.practitioner_id IS NOT NULL
    """
)


def hand_over_results(*, session: Session, departure: Departure, now: datetime, limit: int) -> int:
    """Results that were not reviewed, or not told of, by who left. Returns how many."""
    values = {"id": departure.subject_id, "to": departure.successor_id, "limit": limit}
    return cast(CursorResult[Any], session.execute(_HAND_OVER, values)).rowcount
