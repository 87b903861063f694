"""What becomes of a patient's conversations and requests for calls when they have died."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.messages import advice_queries
from portal.messages.advice_model import AdviceCall
from portal.messages.model import Thread
from portal.messages.service import moves
from portal.messages.service.advice import end_call
from portal.messages.states import AdviceStatus, CloseReason, ThreadStatus
from portal.patients import deaths
from portal.patients.deaths import PatientDeath

T = ThreadStatus
_OPEN = (T.AWAITING_CARE_TEAM, T.AWAITING_PATIENT)


def close_for_deceased(*, session: Session, death: PatientDeath, now: datetime) -> None:
    """Close every thread and request for a call: nobody is there to answer or to be answered. Twice
    is the same as once."""
    for thread_id in deaths.open_ids(session, Thread, death.patient_id, _OPEN):
        thread = moves.lock(session, thread_id)
        before = T(thread.status)
        if before != T.CLOSED:
            _close(session, thread, before, now)
            deaths.note_step(session, death, "thread", thread_id, before, now)
    waiting = AdviceStatus.WAITING
    for call_id in deaths.open_ids(session, AdviceCall, death.patient_id, [waiting]):
        call = advice_queries.call_for_change(session, call_id)
        if call is not None and call.status == waiting:
            end_call(session, WORKER, call, AdviceStatus.CANCELLED, deaths.PATIENT_DIED, now)
            deaths.note_step(session, death, "advice_call", call_id, waiting, now)


def _close(session: Session, thread: Thread, before: T, now: datetime) -> None:
    moves.move(session, thread, T.CLOSED, actor=WORKER, now=now, reason=CloseReason.PATIENT_DIED)
    session.flush()
    if before == T.AWAITING_CARE_TEAM:
        moves.close_reply(
            session, thread, deaths.PATIENT_DIED, actor=WORKER, now=now, cancelled=True
        )
    moves.remember(
        session, WORKER, "close", patient_id=thread.patient_id, thread_id=thread.id, now=now
    )
