"""Following requisitions."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.core.web import extension
from portal.requisitions import service
from portal.requisitions.oml import Party
from portal.visits import service as visits
from workers.registry import Event, handles


@handles("requisition.moved")
def follow_move(*, session: Session, event: Event, now: datetime) -> None:
    config = extension("config")
    service.follow_move(
        session=session,
        requisition_id=event.uuid("requisition_id"),
        history_id=event.uuid("history_id"),
        us=Party(config.hl7_application, config.hl7_facility),
        now=now,
    )
    visits.note_requisition(session=session, requisition_id=event.uuid("requisition_id"), now=now)
