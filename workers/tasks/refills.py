"""Following refills."""

from datetime import datetime

from sqlalchemy.orm import Session

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


@handles("prescription.stopped")
def withdraw_stopped(*, session: Session, event: Event, now: datetime) -> None:
    service.withdraw_stopped(
        session=session, prescription_id=event.uuid("prescription_id"), now=now
    )
    visits.note_withdrawn(
        session=session,
        kind=InstructionKind.FILL,
        target_id=event.uuid("prescription_id"),
        now=now,
    )
