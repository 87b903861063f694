"""What is to be done after a visit: done, by hand or by what happened (noting.py), or withdrawn."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.visits import rules, summary_queries
from portal.visits.errors import InstructionFollowed, InstructionNotFound, InstructionNotOpen
from portal.visits.model import Visit
from portal.visits.service import moves
from portal.visits.states import DoneBy, InstructionStatus
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
    close(session, instruction, actor=actor, done_by=DoneBy.BY_HAND, now=now)
    session.flush()
    return instruction


def close(
    session: Session,
    instruction: VisitInstruction,
    *,
    actor: Actor,
    done_by: DoneBy,
    now: datetime,
) -> None:
    """An open instruction was carried out."""
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
