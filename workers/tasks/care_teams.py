"""What follows when a practitioner begins or ends to care for a patient."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.messages import service as messages
from portal.worklist import care
from workers.registry import Event, handles


@handles("patient.care_team_changed")
def follow(*, session: Session, event: Event, now: datetime) -> None:
    """patient.care_team_changed {patient_id, member_id}: conversations first, and then items,
    those of conversations among them."""
    patient_id, member_id = event.uuid("patient_id"), event.uuid("member_id")
    messages.follow_care_team(session=session, patient_id=patient_id, member_id=member_id, now=now)
    care.follow_care_team(session=session, actor=WORKER, patient_id=patient_id, now=now)
