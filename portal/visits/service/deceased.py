"""What becomes of a patient's visits, and of what they asked for, when they have died."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.patients import deaths
from portal.patients.deaths import PatientDeath
from portal.visits import summary_queries
from portal.visits.model import Visit
from portal.visits.service import moves
from portal.visits.service.instructions import withdraw
from portal.visits.states import InstructionStatus, VisitStatus
from portal.visits.summary_model import VisitInstruction

S = VisitStatus


def close_for_deceased(*, session: Session, death: PatientDeath, now: datetime) -> None:
    """Call planned visits off, and withdraw what was to be done after others. A visit that was held
    still gets its summary. Twice is the same as once."""
    for visit_id in deaths.open_ids(session, Visit, death.patient_id, [S.PLANNED]):
        visit = moves.lock(session, visit_id)
        if visit.status == S.PLANNED:
            moves.move(
                session, visit, S.CANCELLED, actor=WORKER, now=now, reason=deaths.PATIENT_DIED
            )
            deaths.note_step(session, death, "visit", visit_id, S.PLANNED, now)
    opened = InstructionStatus.OPEN
    for instruction_id in deaths.open_ids(session, VisitInstruction, death.patient_id, [opened]):
        instruction = summary_queries.instruction_for_change(session, instruction_id)
        if instruction is not None and instruction.status == opened:
            withdraw(session, instruction, actor=WORKER, now=now)
            deaths.note_step(session, death, "visit_instruction", instruction_id, opened, now)
    session.flush()
