"""What the workers look for: late steps, what has ended unseen, what is to be made next."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Date, cast, exists, func, literal, select, text
from sqlalchemy.orm import Session

from portal.patients.model import Patient
from portal.requisitions.model import Requisition, StandingOrder
from portal.requisitions.states import UNCOLLECTED, UNRESULTED, RequisitionStatus, StandingStatus
from portal.worklist.model import WorkItem
from portal.worklist.states import OPEN_STATUSES, WorkItemKind

S = RequisitionStatus

# Nobody was told of the present step: no item that is open, and none since it began.
_NOBODY_TOLD = """
    NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = requisition.id AND w.kind = '{kind}'
                AND (w.status IN ('open', 'claimed') OR w.created_at >= requisition.status_at))
"""
_REMIND_FROM = text(
    """
    expected_by - CASE priority WHEN 'routine' THEN interval '7 days'
        WHEN 'urgent' THEN interval '1 day' ELSE interval '12 hours' END < :now
    """
)
_MOST_NOTICE = text("expected_by < CAST(:now AS timestamptz) + interval '7 days'")


def to_remind(session: Session, now: datetime, limit: int) -> Sequence[Requisition]:
    """Not collected, soon due, and the patient wasn't reminded; locked."""
    return session.scalars(
        select(Requisition)
        .where(
            Requisition.status.in_(UNCOLLECTED - {S.SCHEDULED}),
            Requisition.reminded_at.is_(None),
            _MOST_NOTICE,
            _REMIND_FROM,
        )
        .order_by(Requisition.expected_by, Requisition.id)
        .limit(limit)
        .with_for_update(skip_locked=True),
        {"now": now},
    ).all()


def _late(
    session: Session,
    statuses: frozenset[RequisitionStatus],
    kind: WorkItemKind,
    now: datetime,
    limit: int,
) -> Sequence[Requisition]:
    return session.scalars(
        select(Requisition)
        .where(
            Requisition.status.in_(statuses),
            Requisition.expected_by < now,
            text(_NOBODY_TOLD.format(kind=kind.value)),
        )
        .order_by(Requisition.expected_by, Requisition.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def uncollected(session: Session, now: datetime, limit: int) -> Sequence[Requisition]:
    """Past the time to collect, and nobody was told; locked."""
    return _late(session, UNCOLLECTED, WorkItemKind.REQUISITION_UNCOLLECTED, now, limit)


def unresulted(session: Session, now: datetime, limit: int) -> Sequence[Requisition]:
    """Collected, past the time of the result, and nobody was told; locked."""
    return _late(session, UNRESULTED, WorkItemKind.REQUISITION_UNRESULTED, now, limit)


def expired(session: Session, now: datetime, limit: int) -> Sequence[Requisition]:
    """Never collected, and over; locked. One with an appointment to come waits for it."""
    return session.scalars(
        select(Requisition)
        .where(
            Requisition.status.in_({S.DRAFT, *UNCOLLECTED}),
            Requisition.expires_at < now,
            (Requisition.status != S.SCHEDULED) | (Requisition.expected_by < now),
        )
        .order_by(Requisition.expires_at, Requisition.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def standing_due(
    session: Session, now: datetime, ahead_days: int, limit: int
) -> Sequence[StandingOrder]:
    """Standing orders whose next requisition is to be made, by their patients' days, locked."""
    ahead = func.least(literal(ahead_days), StandingOrder.interval_days)
    today = cast(func.timezone(Patient.time_zone, now), Date)
    return session.scalars(
        select(StandingOrder)
        .join(Patient, Patient.id == StandingOrder.patient_id)
        .where(
            StandingOrder.status == StandingStatus.ACTIVE,
            StandingOrder.next_on.is_not(None),
            StandingOrder.next_on - ahead <= today,
        )
        .order_by(StandingOrder.next_on, StandingOrder.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=StandingOrder)
    ).all()


def had_item(session: Session, kind: WorkItemKind, subject_id: UUID, since: datetime) -> bool:
    """Whether an item about this is open, or was opened since."""
    query = select(
        exists().where(
            WorkItem.kind == kind,
            WorkItem.subject_id == subject_id,
            (WorkItem.status.in_(OPEN_STATUSES)) | (WorkItem.created_at >= since),
        )
    )
    return bool(session.scalar(query))
