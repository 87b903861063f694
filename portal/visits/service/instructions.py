"""What is to be done after a visit: marking it done, by hand or by what happened."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER, Actor
from portal.prescriptions import service as prescriptions
from portal.requisitions import service as requisitions
from portal.requisitions.states import RequisitionStatus
from portal.visits import rules, summary_queries
from portal.visits.errors import InstructionFollowed, InstructionNotFound, InstructionNotOpen
from portal.visits.model import Visit
from portal.visits.service import moves
from portal.visits.states import DoneBy, InstructionKind, InstructionStatus
from portal.visits.summary_model import VisitInstruction
from portal.worklist import service as worklist
from portal.worklist.states import WorkItemKind


def mark_done(
    *, session: Session, actor: Actor, visit_id: UUID, instruction_id: UUID, now: datetime
) -> VisitInstruction:
    """Somebody says that an instruction was carried out.

    Raises InstructionNotFound, InstructionNotOpen, and InstructionFollowed for a patient where it
    is marked by what happens.
    """
    instruction = summary_queries.instruction_for_change(session, instruction_id)
    if instruction is None or instruction.visit_id != visit_id:
        raise InstructionNotFound()
    status = InstructionStatus(instruction.status)
    if status != InstructionStatus.OPEN:
        raise InstructionNotOpen(
            f"This was {status.value} before.",
            status_now=status,
            closed_at=instruction.closed_at,
        )
    if not rules.patient_may_mark(actor.kind, instruction.target_id is not None):
        raise InstructionFollowed()
    _close(session, instruction, actor=actor, done_by=DoneBy.BY_HAND, now=now)
    session.flush()
    return instruction


def note_done(*, session: Session, kind: InstructionKind, target_id: UUID, now: datetime) -> int:
    """Something happened that instructions of this kind wait for; returns how many were closed.

    For the workers, after an event about the target: a prescription, requisition, referral, visit
    or thread. Twice is the same as once.
    """
    return _close_all(session, kind, [target_id], now)


def note_withdrawn(
    *, session: Session, kind: InstructionKind, target_id: UUID, now: datetime
) -> int:
    """What instructions of this kind wait for was withdrawn by whoever asked for it; returns how
    many went with it."""
    waiting = summary_queries.waiting_for(session, kind, [target_id])
    for instruction in waiting:
        withdraw(session, instruction, actor=WORKER, now=now)
    session.flush()
    return len(waiting)


def note_refill(*, session: Session, refill_id: UUID, now: datetime) -> int:
    """A refill was moved: what was to be filled by it is done once it was handed over."""
    filled = prescriptions.dispensed_by(session, refill_id)
    return _close_all(session, InstructionKind.FILL, filled, now)


def note_requisition(*, session: Session, requisition_id: UUID, now: datetime) -> int:
    """A requisition was moved: its test is done once there is a result, and not wanted any more
    once it was cancelled."""
    status = requisitions.get_requisition(session, requisition_id).status
    if status == RequisitionStatus.RESULTED:
        return note_done(
            session=session, kind=InstructionKind.TEST, target_id=requisition_id, now=now
        )
    if status == RequisitionStatus.CANCELLED:
        return note_withdrawn(
            session=session, kind=InstructionKind.TEST, target_id=requisition_id, now=now
        )
    return 0


def note_visit(session: Session, visit: Visit, now: datetime) -> int:
    """A visit was held: what asked for it, or for any with the same practitioner, is done."""
    waiting = summary_queries.waiting_for_visit(session, visit)
    for instruction in waiting:
        _close(session, instruction, actor=WORKER, done_by=DoneBy.VISITED, now=now)
    session.flush()
    return len(waiting)


def _close_all(
    session: Session, kind: InstructionKind, target_ids: Collection[UUID], now: datetime
) -> int:
    if not target_ids:
        return 0
    waiting = summary_queries.waiting_for(session, kind, target_ids)
    for instruction in waiting:
        _close(session, instruction, actor=WORKER, done_by=rules.DONE_BY[kind], now=now)
    session.flush()
    return len(waiting)


def _close(
    session: Session,
    instruction: VisitInstruction,
    *,
    actor: Actor,
    done_by: DoneBy,
    now: datetime,
) -> None:
    instruction.move_to(InstructionStatus.DONE, actor=actor, now=now, done_by=done_by)
    _close_overdue(session, instruction, actor, "done", now)
    moves.record(
        session,
        actor,
        "done",
        "visit_instruction",
        instruction.patient_id,
        instruction.id,
        now,
    )


def withdraw(
    session: Session, instruction: VisitInstruction, *, actor: Actor, now: datetime
) -> None:
    """An open instruction is not wanted any more."""
    instruction.move_to(InstructionStatus.CANCELLED, actor=actor, now=now, done_by=None)
    _close_overdue(session, instruction, actor, "not wanted any more", now)
    moves.record(
        session,
        actor,
        "cancel",
        "visit_instruction",
        instruction.patient_id,
        instruction.id,
        now,
    )


def _close_overdue(
    session: Session, instruction: VisitInstruction, actor: Actor, outcome: str, now: datetime
) -> None:
    worklist.close_item(
        session=session,
        actor=actor,
        kind=WorkItemKind.VISIT_INSTRUCTION_OVERDUE,
        subject_id=instruction.id,
        outcome=outcome,
        now=now,
    )


def close_missing_summary(
    session: Session, visit: Visit, *, actor: Actor, outcome: str, now: datetime
) -> None:
    """Nobody need look after a visit's summary any more."""
    worklist.close_item(
        session=session,
        actor=actor,
        kind=WorkItemKind.SUMMARY_MISSING,
        subject_id=visit.id,
        outcome=outcome,
        now=now,
    )
