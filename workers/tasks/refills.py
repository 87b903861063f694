"""Following refills."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.prescriptions import service as prescriptions
from portal.prescriptions.duplicates import follow_duplicates
from portal.refills import service
from portal.visits import service as visits
from portal.visits.states import InstructionKind
from workers.registry import Event, handles


@handles("refill.moved")
def follow_move(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_move(
        session=session,
        refill_id=event.uuid("refill_id"),
        history_id=event.uuid("history_id"),
        now=now,
    )
    visits.note_refill(session=session, refill_id=event.uuid("refill_id"), now=now)


@handles("prescription.written")
def open_first_fill(*, session: Session, event: Event, now: datetime) -> None:
    service.open_first_fill(session=session, prescription_id=event.uuid("prescription_id"), now=now)


@handles("prescription.moved")
def follow_prescription(*, session: Session, event: Event, now: datetime) -> None:
    prescription_id = event.uuid("prescription_id")
    service.follow_prescription(
        session=session,
        prescription_id=prescription_id,
        history_id=event.uuid("history_id"),
        now=now,
    )
    follow_duplicates(session, prescriptions.patient_of(session, prescription_id), now)
    if prescriptions.is_stopped(session, prescription_id):
        visits.note_withdrawn(
            session=session, kind=InstructionKind.FILL, target_id=prescription_id, now=now
        )
