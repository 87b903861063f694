"""Telling patients of exceptional access to their record."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.patients.model import BreakGlassGrant
from workers.registry import Event, handles


@handles("patient.record_opened")
def tell_patient(*, session: Session, event: Event, now: datetime) -> None:
    grant = session.get_one(BreakGlassGrant, event.uuid("grant_id"))
    notifications.tell_patient(
        session,
        grant.patient_id,
        NotificationEvent.RECORD_OPENED,
        source_id=grant.id,
        subject_id=None,
        now=now,
    )
