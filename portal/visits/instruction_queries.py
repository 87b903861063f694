"""Which instructions something fulfils, and which are overdue."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, text
from sqlalchemy.orm import Session

from portal.directory.model import Practitioner
from portal.visits.model import Visit
from portal.visits.states import InstructionKind, InstructionStatus
from portal.visits.summary_model import VisitInstruction

_NOBODY_TOLD = text(
    """
    NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = visit_instruction.id
                AND w.kind = 'visit_instruction_overdue'
                AND (w.status IN ('open', 'claimed') OR w.created_at >= visit_instruction.due_at))
    """
)
_FILLED = text(
    """
    SELECT p.id FROM visit_instruction i
    JOIN prescription p ON p.id = i.target_id
    LEFT JOIN prescription n ON n.previous_id = p.id
    WHERE i.visit_id = :visit_id AND i.status = 'open' AND i.kind = 'fill'
      AND (p.last_filled_on >= :since OR n.last_filled_on >= :since)
    """
)

_HELD = text(
    """
    SELECT v.id FROM visit_instruction i JOIN visit v ON v.id = i.target_id
    WHERE i.visit_id = :visit_id AND i.status = 'open' AND i.kind = 'visit'
      AND v.status = 'finished'
    """
)


@dataclass(frozen=True, slots=True)
class PatientWrote:
    """A message of a patient's: to whom it went, when, and about which visit, if about one."""

    patient_id: UUID
    thread_id: UUID
    pool_id: UUID
    practitioner_id: UUID | None
    visit_id: UUID | None
    sent_at: datetime


def waiting_for(
    session: Session, kind: InstructionKind, target_ids: Collection[UUID]
) -> Sequence[VisitInstruction]:
    """Open instructions of a kind that one of the targets fulfils, locked."""
    return session.scalars(
        select(VisitInstruction)
        .where(
            VisitInstruction.status == InstructionStatus.OPEN,
            VisitInstruction.kind == kind,
            VisitInstruction.target_id.in_(target_ids),
        )
        .order_by(VisitInstruction.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def waiting_for_visit(session: Session, visit: Visit) -> Sequence[VisitInstruction]:
    """Open instructions to come again that a visit fulfils: those that name it, and those of
    earlier visits with the same practitioner that name none; locked."""
    before = select(Visit.id).where(
        Visit.practitioner_id == visit.practitioner_id,
        Visit.patient_id == visit.patient_id,
        Visit.id != visit.id,
    )
    unnamed = (
        VisitInstruction.target_id.is_(None)
        & VisitInstruction.visit_id.in_(before)
        & (VisitInstruction.created_at < visit.started_at)
    )
    return session.scalars(
        select(VisitInstruction)
        .where(
            VisitInstruction.patient_id == visit.patient_id,
            VisitInstruction.status == InstructionStatus.OPEN,
            VisitInstruction.kind == InstructionKind.VISIT,
            or_(VisitInstruction.target_id == visit.id, unnamed),
        )
        .order_by(VisitInstruction.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def filled_since(session: Session, visit_id: UUID, since: date) -> Sequence[UUID]:
    """Prescriptions that a visit's open instructions wait for and that were filled since a day,
    also after they were renewed."""
    return session.scalars(_FILLED, {"visit_id": visit_id, "since": since}).all()


def visits_held(session: Session, visit_id: UUID) -> Sequence[UUID]:
    """Visits that a visit's open instructions name and that are over."""
    return session.scalars(_HELD, {"visit_id": visit_id}).all()


def waited_for(session: Session, visit_id: UUID, kind: InstructionKind) -> Sequence[UUID]:
    """What a visit's open instructions of a kind wait for."""
    found = session.scalars(
        select(VisitInstruction.target_id).where(
            VisitInstruction.visit_id == visit_id,
            VisitInstruction.status == InstructionStatus.OPEN,
            VisitInstruction.kind == kind,
        )
    )
    return [id_ for id_ in found if id_ is not None]


def overdue(session: Session, now: datetime, limit: int) -> Sequence[VisitInstruction]:
    """Open past their day, and nobody was told; locked."""
    return session.scalars(
        select(VisitInstruction)
        .where(
            VisitInstruction.status == InstructionStatus.OPEN,
            VisitInstruction.due_at < now,
            _NOBODY_TOLD,
        )
        .order_by(VisitInstruction.due_at, VisitInstruction.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def unnamed_referrals(
    session: Session, patient_id: UUID, visit_ids: Collection[UUID]
) -> Sequence[VisitInstruction]:
    """Open instructions of these visits of a patient's that ask for a referral and name none,
    locked."""
    return session.scalars(
        select(VisitInstruction)
        .where(
            VisitInstruction.patient_id == patient_id,
            VisitInstruction.visit_id.in_(visit_ids),
            VisitInstruction.status == InstructionStatus.OPEN,
            VisitInstruction.kind == InstructionKind.REFERRAL,
            VisitInstruction.target_id.is_(None),
        )
        .order_by(VisitInstruction.visit_id, VisitInstruction.position, VisitInstruction.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def is_named(session: Session, target_id: UUID) -> bool:
    """Whether an instruction of any status names it."""
    query = select(VisitInstruction.id).where(VisitInstruction.target_id == target_id)
    return session.scalars(query.limit(1)).first() is not None


def waiting_for_message(session: Session, message: PatientWrote) -> Sequence[VisitInstruction]:
    """Open instructions to write that a message fulfils: those that name its thread, and those of
    visits with whom it went to that name none; locked."""
    team = select(Practitioner.id).where(Practitioner.pool_id == message.pool_id)
    with_them: ColumnElement[bool] = Visit.practitioner_id.in_(team)
    if message.practitioner_id is not None:
        with_them = Visit.practitioner_id == message.practitioner_id
    visits = select(Visit.id).where(
        Visit.patient_id == message.patient_id, or_(with_them, Visit.id == message.visit_id)
    )
    unnamed = and_(VisitInstruction.target_id.is_(None), VisitInstruction.visit_id.in_(visits))
    return session.scalars(
        select(VisitInstruction)
        .where(
            VisitInstruction.patient_id == message.patient_id,
            VisitInstruction.status == InstructionStatus.OPEN,
            VisitInstruction.kind == InstructionKind.MESSAGE,
            VisitInstruction.created_at < message.sent_at,
            or_(VisitInstruction.target_id == message.thread_id, unnamed),
        )
        .order_by(VisitInstruction.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
