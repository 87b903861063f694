"""Telling patients of exceptional access to their record, and moving what was on a duplicate."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.patients import deaths, merging
from portal.patients import service as patients
from portal.patients.model import BreakGlassGrant
from portal.prescriptions.duplicates import follow_duplicates
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


@handles("patient.merged")
def move_rows(*, session: Session, event: Event, now: datetime) -> None:
    merging.move_rows(session=session, patient_id=event.uuid("patient_id"), now=now)
    deaths.follow_merge(session=session, patient_id=event.uuid("patient_id"), now=now)
    _ask_about_medicines(session, event.uuid("patient_id"), now)


@handles("patient.merge_settled")
def move_late_rows(*, session: Session, event: Event, now: datetime) -> None:
    merging.move_late_rows(session=session, patient_id=event.uuid("patient_id"), now=now)
    _ask_about_medicines(session, event.uuid("patient_id"), now)


def _ask_about_medicines(session: Session, patient_id: UUID, now: datetime) -> None:
    """Nobody refuses a merge because both records have the same medicine: who prescribed it
    decides."""
    follow_duplicates(session, patients.surviving(session, patient_id).id, now)
