"""Conversations with a practitioner who has left. For the workers."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.directory.departure_model import Departure
from portal.messages import queries
from portal.messages.model import Thread
from portal.messages.service import moves
from portal.messages.service.rerouting import follow_care_team
from portal.messages.states import ThreadStatus


def leave_threads(*, session: Session, departure: Departure, now: datetime, limit: int) -> int:
    """Open threads go to who answers now, and to their team where nobody does by name. Returns for
    how many patients. The practitioner has left their care teams before."""
    gone = departure.subject_id
    query = select(Thread.patient_id).where(
        Thread.practitioner_id == gone, Thread.status != ThreadStatus.CLOSED
    )
    whose = session.scalars(query.distinct().order_by(Thread.patient_id).limit(limit)).all()
    for patient_id in whose:
        follow_care_team(session=session, patient_id=patient_id, member_id=gone, now=now)
        for thread in queries.open_threads_with(session, patient_id, gone):
            thread.practitioner_id = None
            session.flush()
            moves.remember(
                session, WORKER, "reroute", patient_id=patient_id, thread_id=thread.id, now=now
            )
    return len(whose)
