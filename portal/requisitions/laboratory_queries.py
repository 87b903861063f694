"""What laboratories were sent: their feed, their queue, and how their connections are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from portal.requisitions.laboratory_model import LaboratoryConnection, LaboratoryMessage
from portal.requisitions.states import MessageStatus

CHANNEL = "careloop_laboratory"
_RING = text(f"SELECT pg_notify('{CHANNEL}', :laboratory_id)")

_ENTRY = """
    SELECT m.id, m.xact::text AS xact, m.kind, m.requisition_id, m.created_at, m.answered_at,
           r.status, r.placer_number, r.group_number, r.filler_number, r.kind AS requisition_kind,
           r.test_code, r.test_name, r.priority, r.diagnoses, r.specimen_code, r.specimen_name,
           r.fasting, r.note, r.not_before, r.collect_by, r.ordered_at, r.collected_at,
           r.patient_id, t.modality,
           pa.mrn, pa.given_name, pa.family_name, pa.birth_date, pa.sex, pa.phone, pa.line,
           pa.city, pa.state, pa.postal_code, pr.name AS orderer_name, pr.npi,
           ap.id AS appointment_id, s.room, s.starts_at, s.ends_at
    FROM laboratory_message m
    LEFT JOIN requisition r ON r.id = m.requisition_id AND r.laboratory_id = m.laboratory_id
    LEFT JOIN catalog_test t ON t.code = r.test_code
    LEFT JOIN patient pa ON pa.id = r.patient_id
    LEFT JOIN practitioner pr ON pr.id = r.orderer_id
    LEFT JOIN appointment ap ON ap.about_kind = 'requisition' AND ap.about_id = r.id
        AND ap.status = 'booked'
    LEFT JOIN slot s ON s.id = ap.slot_id
"""
# An entry is handed out only once nothing that still runs could commit one before it: a cursor
# never passes over one.
_SETTLED = "m.xact < pg_snapshot_xmin(pg_current_snapshot())"
_FEED = text(
    f"""
    {_ENTRY} WHERE m.laboratory_id = :laboratory_id AND {_SETTLED}
      AND (m.xact, m.id) > (CAST(CAST(:xact AS text) AS xid8), :id)
    ORDER BY m.xact, m.id LIMIT :limit
    """
)
_WAITING = text(
    f"""
    {_ENTRY} WHERE m.laboratory_id = :laboratory_id AND m.status = 'queued' AND {_SETTLED}
    ORDER BY m.xact, m.id LIMIT :limit
    """
)
_HEARD = text(
    """
    INSERT INTO laboratory_connection (laboratory_id, last_heard_at)
    SELECT id, :now FROM laboratory WHERE id = :id
    ON CONFLICT (laboratory_id) DO UPDATE SET last_heard_at = :now
    WHERE laboratory_connection.last_heard_at IS NULL
       OR laboratory_connection.last_heard_at < CAST(:now AS timestamptz) - interval '1 minute'
    """
)
_ACKNOWLEDGE = text(
    """
    UPDATE laboratory_message SET status = 'accepted', answered_at = :now
    WHERE requisition_id = :requisition_id AND laboratory_id = :laboratory_id
      AND status = 'queued'
    """
)


def ring(session: Session, laboratory_id: UUID) -> None:
    """Have the sender look at this laboratory's queue, when this transaction commits."""
    session.execute(_RING, {"laboratory_id": str(laboratory_id)})


def entries(
    session: Session, laboratory_id: UUID, *, after: tuple[int, UUID] | None, limit: int
) -> Sequence[Row[Any]]:
    """A laboratory's feed after a cursor; without one, what it hasn't acknowledged yet."""
    values: dict[str, Any] = {"laboratory_id": laboratory_id, "limit": limit}
    if after is None:
        return session.execute(_WAITING, values).all()
    xact, id_ = after
    return session.execute(_FEED, {**values, "xact": str(xact), "id": id_}).all()


def heard(session: Session, laboratory_id: UUID, now: datetime) -> None:
    session.execute(_HEARD, {"id": laboratory_id, "now": now})


def acknowledge(session: Session, laboratory_id: UUID, requisition_id: UUID, now: datetime) -> int:
    """Mark what a laboratory was sent about a requisition as taken; returns how many that were."""
    values = {"laboratory_id": laboratory_id, "requisition_id": requisition_id, "now": now}
    return session.connection().execute(_ACKNOWLEDGE, values).rowcount


def standing_messages(session: Session, requisition_id: UUID) -> dict[UUID, LaboratoryMessage]:
    """What each laboratory was sent last about a requisition and did not refuse, locked."""
    rows = session.scalars(
        select(LaboratoryMessage)
        .where(
            LaboratoryMessage.requisition_id == requisition_id,
            LaboratoryMessage.status.in_((MessageStatus.QUEUED, MessageStatus.ACCEPTED)),
        )
        .order_by(LaboratoryMessage.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.laboratory_id: row for row in rows}


def told_of(session: Session, requisition_id: UUID, correction_id: UUID) -> bool:
    """Whether a message about a requisition told of a correction already."""
    found = session.scalars(
        select(LaboratoryMessage.id).where(
            LaboratoryMessage.requisition_id == requisition_id,
            LaboratoryMessage.correction_id == correction_id,
        )
    ).first()
    return found is not None


def was_refused(session: Session, requisition_id: UUID, laboratory_id: UUID) -> bool:
    """Whether the laboratory refused the order's message: it is not sent again by itself."""
    found = session.scalars(
        select(LaboratoryMessage.id)
        .where(
            LaboratoryMessage.requisition_id == requisition_id,
            LaboratoryMessage.laboratory_id == laboratory_id,
            LaboratoryMessage.status == MessageStatus.REFUSED,
        )
        .limit(1)
    ).first()
    return found is not None


def message_for_change(session: Session, message_id: UUID) -> LaboratoryMessage | None:
    return session.scalars(
        select(LaboratoryMessage)
        .where(LaboratoryMessage.id == message_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def message_of(session: Session, message_id: UUID) -> LaboratoryMessage | None:
    return session.get(LaboratoryMessage, message_id, populate_existing=True)


def message_by_control_id(
    session: Session, laboratory_id: UUID, control_id: str
) -> LaboratoryMessage | None:
    return session.scalars(
        select(LaboratoryMessage).where(
            LaboratoryMessage.control_id == control_id,
            LaboratoryMessage.laboratory_id == laboratory_id,
        )
    ).first()


def connection_of(session: Session, laboratory_id: UUID) -> LaboratoryConnection:
    """The health of a laboratory's connection, locked; made where there is none yet."""
    session.execute(
        text(
            "INSERT INTO laboratory_connection (laboratory_id) VALUES (:id) ON CONFLICT DO NOTHING"
        ),
        {"id": laboratory_id},
    )
    return session.get_one(
        LaboratoryConnection, laboratory_id, with_for_update=True, populate_existing=True
    )
