"""A patient's data were corrected: laboratories that have an open order of theirs are told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.directory.model import Transport
from portal.requisitions import laboratory_queries, queries
from portal.requisitions.laboratory_model import LaboratoryMessage
from portal.requisitions.model import Requisition
from portal.requisitions.oml import Party
from portal.requisitions.service.messages import ENDED, STANDING, place_message
from portal.requisitions.states import MessageKind, MessageStatus


def follow_correction(
    *, session: Session, patient_id: UUID, correction_id: UUID, us: Party, now: datetime
) -> None:
    """Send every laboratory with an open order of the patient's what is right now. Twice is once.

    An order that was not sent yet is written anew.
    """
    for requisition_id in queries.sent_of(session, patient_id):
        requisition = queries.for_change(session, requisition_id)
        if requisition is None or requisition.status in ENDED:
            continue
        if laboratory_queries.told_of(session, requisition.id, correction_id):
            continue
        message = laboratory_queries.standing_messages(session, requisition.id).get(
            requisition.laboratory_id
        )
        if message is not None and message.kind in STANDING:
            _tell(session, requisition, message, correction_id, us, now)


def _tell(
    session: Session,
    requisition: Requisition,
    message: LaboratoryMessage,
    correction_id: UUID,
    us: Party,
    now: datetime,
) -> None:
    kind = MessageKind.UPDATE
    unsent = message.transport == Transport.MLLP and message.attempts == 0
    if unsent and message.status == MessageStatus.QUEUED:
        message.move_to(MessageStatus.WITHDRAWN, actor=WORKER, now=now)
        kind = MessageKind(message.kind)
    place_message(
        session, requisition, message.laboratory_id, kind, us, now, correction_id=correction_id
    )
