"""Radiology's times: offered, and withdrawn."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit
from portal.core.actor import Actor
from portal.core.errors import FieldError
from portal.core.ids import new_id
from portal.requisitions import imaging_queries
from portal.requisitions.errors import (
    SlotContended,
    SlotNotFound,
    SlotsOverlap,
    SlotUnusable,
)
from portal.requisitions.imaging_model import ImagingSlot
from portal.requisitions.service import moves
from portal.requisitions.service.appointments import call_off


@dataclass(frozen=True, slots=True)
class OfferedSlot:
    """A time of a room, UTC."""

    modality: str
    room: str
    starts_at: datetime
    ends_at: datetime


def offer_slots(
    *, session: Session, actor: Actor, slots: Sequence[OfferedSlot], now: datetime
) -> list[ImagingSlot]:
    """Offer times of one's own: all, or none.

    Raises SlotUnusable for a time that is over or ends before it begins, SlotsOverlap naming each
    that overlaps another of its room.
    """
    wrong = list(_wrong_times(slots, now))
    if wrong:
        raise SlotUnusable(wrong[0].message, errors=wrong)
    imaging_queries.lock_for(session, actor.id)
    if overlaps := list(_overlaps(slots, _standing(session, actor.id, slots))):
        raise SlotsOverlap(errors=overlaps)
    made = [
        ImagingSlot(
            id=new_id(),
            laboratory_id=actor.id,
            modality=slot.modality,
            room=slot.room,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
        )
        for slot in slots
    ]
    session.add_all(made)
    session.flush()
    audit.record(session, actor, "offer", "imaging_slot", patient_id=None, at=now)
    return made


def _wrong_times(slots: Sequence[OfferedSlot], now: datetime) -> Iterator[FieldError]:
    for number, slot in enumerate(slots):
        if slot.ends_at <= slot.starts_at:
            yield FieldError(f"/slots/{number}/ends_at", "It ends before it begins.")
        elif slot.starts_at <= now:
            yield FieldError(f"/slots/{number}/starts_at", "This time is over.")


def _standing(
    session: Session, laboratory_id: UUID, slots: Sequence[OfferedSlot]
) -> Sequence[ImagingSlot]:
    return imaging_queries.slots_between(
        session,
        laboratory_id,
        sorted({slot.room for slot in slots}),
        min(slot.starts_at for slot in slots),
        max(slot.ends_at for slot in slots),
    )


def _overlaps(
    slots: Sequence[OfferedSlot], standing: Sequence[ImagingSlot]
) -> Iterator[FieldError]:
    """By room in the order of their begin: each against the latest end before it."""
    rooms: dict[str, list[tuple[datetime, datetime, int]]] = defaultdict(list)
    for there in standing:
        rooms[there.room].append((there.starts_at, there.ends_at, -1))
    for number, slot in enumerate(slots):
        rooms[slot.room].append((slot.starts_at, slot.ends_at, number))
    for times in rooms.values():
        times.sort()
        end, last = times[0][1], times[0][2]
        for starts_at, ends_at, number in times[1:]:
            if starts_at < end and (number >= 0 or last >= 0):
                pointer = f"/slots/{number if number >= 0 else last}"
                yield FieldError(pointer, "Another time of this room overlaps it.")
            if ends_at > end:
                end, last = ends_at, number


def withdraw_slot(*, session: Session, actor: Actor, slot_id: UUID, now: datetime) -> ImagingSlot:
    """Take a time of one's own back; whoever had it has to book another and is told.

    Raises SlotNotFound, SlotContended where it is being booked at this moment.
    """
    slot = imaging_queries.slot(session, slot_id)
    if slot is None or slot.laboratory_id != actor.id:
        raise SlotNotFound()
    held = imaging_queries.booked_at_slot(session, slot_id)
    # The requisition before its time: everybody locks the two in this order.
    requisition = moves.lock(session, held.requisition_id) if held else None
    imaging_queries.lock_for(session, slot_id)
    again = imaging_queries.booked_at_slot(session, slot_id)
    if (again.id if again else None) != (held.id if held else None):
        raise SlotContended()
    if again is not None and requisition is not None:
        call_off(session, requisition, again, actor=actor, reason="slot_withdrawn", now=now)
    if slot.withdrawn_at is None:
        slot.withdrawn_at = now
    session.flush()
    audit.record(
        session, actor, "withdraw", "imaging_slot", patient_id=None, resource_id=slot.id, at=now
    )
    return slot
