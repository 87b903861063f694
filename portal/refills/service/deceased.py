"""What becomes of a patient's refills when they have died."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.patients import deaths
from portal.patients.deaths import PatientDeath, Settled
from portal.refills.model import Refill
from portal.refills.service import items, moves
from portal.refills.states import OPEN, REFILL, RefillStatus
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind

S = RefillStatus
_POINTLESS = (
    WorkItemKind.REFILL_OVERDUE,
    WorkItemKind.REFILL_FAILED,
    WorkItemKind.DUPLICATE_THERAPY,
)


def close_for_deceased(*, session: Session, death: PatientDeath, now: datetime) -> None:
    """Withdraw what is under way: the pharmacy is asked whether that was in time
    (cancellation.py). Twice is the same as once."""
    worklist.cancel_for_deceased(session=session, death=death, kinds=_POINTLESS, now=now)
    for refill_id in deaths.open_ids(session, Refill, death.patient_id, OPEN):
        locked = moves.lock(session, refill_id)
        before = S(locked.refill.status)
        if before in REFILL.ends:
            continue
        settled = _settle(session, locked, before, death, now)
        deaths.note_step(session, death, "refill", refill_id, before, now, settled=settled)


def _settle(
    session: Session, locked: moves.Locked, before: S, death: PatientDeath, now: datetime
) -> Settled:
    refill = locked.refill
    if not REFILL.allows(before, S.CANCELLED, WORKER.kind):
        kind = WorkItemKind.REFILL_FAILED
        items.ask_liaison(session, refill, kind, Priority.URGENT, now, death.id)
        return Settled.GIVEN
    moves.move(session, locked, S.CANCELLED, actor=WORKER, now=now, reason_code=deaths.PATIENT_DIED)
    moves.close_decision(session, WORKER, refill, deaths.PATIENT_DIED, now)
    return Settled.CLOSED
