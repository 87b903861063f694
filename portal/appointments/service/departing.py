"""Times of a practitioner who has left, or of a department that has closed. For the workers."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.appointments import queries
from portal.appointments.model import Slot
from portal.appointments.service import moves
from portal.appointments.service.slots import take_back
from portal.core.actor import WORKER
from portal.directory.departure_model import Departure, DepartureKind


def leave_times(*, session: Session, departure: Departure, now: datetime, limit: int) -> int:
    """Times to come go to who takes over, where they are free then; the others are withdrawn: who
    had one is offered others, or it is the team's to arrange. Returns how many."""
    of_person = departure.kind == DepartureKind.PRACTITIONER
    column = Slot.practitioner_id if of_person else Slot.laboratory_id
    slots = session.scalars(
        select(Slot)
        .where(column == departure.subject_id, Slot.starts_at > now, Slot.withdrawn_at.is_(None))
        .order_by(Slot.starts_at, Slot.id)
        .limit(limit)
    ).all()
    for slot in slots:
        to = departure.successor_id if of_person else None
        if to is None or not _hand_over(session, slot, to, now):
            take_back(session=session, actor=WORKER, slot=slot, now=now)
    return len(slots)


def _hand_over(session: Session, slot: Slot, to: UUID, now: datetime) -> bool:
    """Whether who takes over has that time free."""
    slot_id, held = slot.id, queries.booked_at_slot(session, slot.id)
    if held is not None:
        held, _subject = moves.lock_booked(session, held.id)
    queries.lock_for(session, slot_id)
    try:
        with session.begin_nested():
            slot.practitioner_id = to
            if held is not None:
                held.practitioner_id = to
            session.flush()
    except IntegrityError:
        session.refresh(slot)
        return False
    if held is not None:
        moves.record(session, held, actor=WORKER, action="hand_over", now=now)
    return True
