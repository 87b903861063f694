"""Threads and drafts follow the patient's care team: nobody's departure blocks them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.messages import draft_queries, queries
from portal.messages.model import Thread, ThreadHistory
from portal.messages.service import moves
from portal.messages.service.starting import Addressed
from portal.messages.states import HistoryAction, ThreadStatus


def follow_care_team(*, session: Session, patient_id: UUID, member_id: UUID, now: datetime) -> None:
    """Somebody's care of a patient began or ended: their threads and drafts go to who answers now.

    Twice is the same as once.
    """
    to = _who_instead(session, patient_id, member_id)
    if to is None:
        return
    for thread in queries.open_threads_with(session, patient_id, member_id):
        _reroute(session, thread, to, now)
    pool_id = to.pool_id
    draft_queries.redirect_drafts(session, patient_id, member_id, to.practitioner_id, pool_id)


def keep_with_the_team(*, session: Session, thread: Thread, now: datetime) -> None:
    """Re-route a thread that was written to somebody just as they left the patient's team."""
    if thread.practitioner_id is None or thread.status == ThreadStatus.CLOSED:
        return
    to = _who_instead(session, thread.patient_id, thread.practitioner_id)
    if to is not None:
        _reroute(session, thread, to, now)


def _who_instead(session: Session, patient_id: UUID, member_id: UUID) -> Addressed | None:
    """Who answers for a practitioner who has left: the primary one, another, else a team; None
    for one who cares for the patient still."""
    recipients = queries.recipients(session, patient_id)
    if any(row.practitioner_id == member_id for row in recipients):
        return None
    first = next(iter(recipients), None)
    return None if first is None else Addressed(first.pool_id, first.practitioner_id)


def _reroute(session: Session, thread: Thread, to: Addressed, now: datetime) -> None:
    thread.practitioner_id, thread.pool_id = to.practitioner_id, to.pool_id
    status = ThreadStatus(thread.status)
    session.add(
        ThreadHistory.of(
            thread,
            HistoryAction.REROUTED,
            status,
            actor=WORKER,
            now=now,
            reason="care_team_changed",
        )
    )
    session.flush()
    if status == ThreadStatus.AWAITING_CARE_TEAM and not thread.urgent:
        moves.close_reply(
            session, thread, "the care team changed", actor=WORKER, now=now, cancelled=True
        )
        moves.open_reply(session, thread, actor=WORKER, now=now)
    moves.remember(
        session, WORKER, "reroute", patient_id=thread.patient_id, thread_id=thread.id, now=now
    )
