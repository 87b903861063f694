"""What the workers do after a message: tell the patient, and say who answers for somebody away."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import PATIENT_SIDE, WORKER
from portal.directory import service as directory
from portal.messages import queries, rules
from portal.messages.model import Message, Thread, ThreadHistory
from portal.messages.service import moves, rerouting
from portal.messages.states import AboutKind, MessageKind, ThreadStatus
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent


def follow_message(*, session: Session, message_id: UUID, now: datetime) -> None:
    """Follow a message. Doing it twice, or late, has the effect of doing it once."""
    message = session.get(Message, message_id)
    if message is None or message.kind == MessageKind.INTERNAL_NOTE:
        return
    if message.author_kind not in PATIENT_SIDE:
        notifications.tell_patient(
            session,
            message.patient_id,
            NotificationEvent.MESSAGE_RECEIVED,
            source_id=message_id,
            subject_id=message.thread_id,
            now=now,
        )
        return
    thread = moves.lock(session, message.thread_id)
    rerouting.keep_with_the_team(session=session, thread=thread, now=now)
    if thread.status == ThreadStatus.AWAITING_CARE_TEAM and not thread.urgent:
        _say_who_answers(session, thread, now)


@dataclass(frozen=True, slots=True)
class Wrote:
    """What a patient wrote: to whom it went, when, and about which visit, if about one."""

    patient_id: UUID
    thread_id: UUID
    pool_id: UUID
    practitioner_id: UUID | None
    visit_id: UUID | None
    sent_at: datetime


def written_by_patient(session: Session, message_id: UUID) -> Wrote | None:
    """A message of a patient's, or of who writes for them; None for any other."""
    message = session.get(Message, message_id)
    if message is None or message.author_kind not in PATIENT_SIDE:
        return None
    thread = session.get_one(Thread, message.thread_id)
    return Wrote(
        patient_id=message.patient_id,
        thread_id=thread.id,
        pool_id=thread.pool_id,
        practitioner_id=thread.practitioner_id,
        visit_id=thread.about_id if thread.about_kind == AboutKind.VISIT else None,
        sent_at=message.sent_at,
    )


def follow_reopening(*, session: Session, thread_id: UUID, now: datetime) -> None:
    """A patient waits for an answer again, perhaps of somebody who has left their care team."""
    thread = moves.lock(session, thread_id)
    rerouting.keep_with_the_team(session=session, thread=thread, now=now)


def follow_closing(*, session: Session, thread_id: UUID, history_id: UUID, now: datetime) -> None:
    """Tell a patient that the care team has closed a thread."""
    step = session.get(ThreadHistory, history_id)
    if step is not None:
        notifications.tell_patient(
            session,
            step.patient_id,
            NotificationEvent.THREAD_CLOSED,
            source_id=history_id,
            subject_id=thread_id,
            now=now,
        )


def _say_who_answers(session: Session, thread: Thread, now: datetime) -> None:
    """One automatic notice a thread, where whom the patient wrote to is away."""
    if thread.practitioner_id is None:
        return
    chain = directory.coverage_chain(session, thread.practitioner_id, now)
    notice = rules.absence_notice(chain, queries.team(session, thread.pool_id).pool_name)
    if notice is None:
        return
    row = moves.message_row(thread.id, thread.patient_id, notice, kind=MessageKind.AUTOMATIC_NOTICE)
    if moves.add_message(session, thread, row, actor=WORKER, now=now):
        moves.remember_sent(session, WORKER, row, now)
