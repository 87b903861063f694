"""Times that can be booked: opened, and withdrawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.appointments import queries, rules
from portal.appointments.errors import (
    NotYours,
    SlotContended,
    SlotNotFound,
    SlotsOverlap,
    SlotUnusable,
)
from portal.appointments.model import Appointment, Slot
from portal.appointments.service import moves
from portal.appointments.states import AppointmentStatus, CancellationReason
from portal.appointments.subjects import Subject
from portal.core import audit, outbox
from portal.core.actor import Actor, ActorKind
from portal.core.errors import FieldError
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.directory.errors import PractitionerUnknown


@dataclass(frozen=True, slots=True)
class NewSlot:
    """A time (UTC) for something: of a room of the department that opens it, or of a
    practitioner."""

    service_type: str
    room: str | None
    starts_at: datetime
    ends_at: datetime
    practitioner_id: UUID | None = None


def open_slots(
    *, session: Session, actor: Actor, slots: Sequence[NewSlot], now: datetime
) -> list[Slot]:
    """Open times for booking, all or none: a department its own, a clinic's people those of its
    practitioners.

    Raises SlotUnusable for a time that is over or ends before it begins, NotYours, SlotsOverlap
    naming each that overlaps another of its room or person.
    """
    wrong = list(rules.wrong_times(slots, now))
    if wrong:
        raise SlotUnusable(wrong[0].message, errors=wrong)
    made = [_row(actor, slot) for slot in slots]
    _check_practitioners(session, actor, made)
    for owner in sorted({slot.practitioner_id or actor.id for slot in made}):
        queries.lock_for(session, owner)
    _check_overlaps(session, made)
    session.add_all(made)
    try:
        session.flush()
    except IntegrityError:  # no path of ours gets past the lock; the exclusion holds all the same
        raise SlotsOverlap() from None
    for slot in made:
        outbox.emit(session, "slot.freed", now=now, slot_id=slot.id)
    audit.record(session, actor, "open", "slot", patient_id=None, at=now)
    return made


def _row(actor: Actor, slot: NewSlot) -> Slot:
    here = actor.id if actor.kind == ActorKind.LABORATORY else None
    who = None if here else slot.practitioner_id or actor.id
    return Slot(
        id=new_id(),
        laboratory_id=here,
        practitioner_id=who,
        service_type=slot.service_type,
        room=slot.room,
        resource=f"{here} {slot.room}" if here else str(who),
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
    )


def _check_practitioners(session: Session, actor: Actor, slots: Sequence[Slot]) -> None:
    """Raises NotYours naming each time of somebody who isn't of the actor's clinic."""
    wanted = {slot.practitioner_id for slot in slots if slot.practitioner_id is not None}
    foreign = {who for who in wanted if not _may_arrange(session, actor, who)}
    message = "No practitioner of your clinic: choose one of GET /practitioners."
    errors = [
        FieldError(f"/slots/{number}/practitioner_id", message)
        for number, slot in enumerate(slots)
        if slot.practitioner_id in foreign
    ]
    if errors:
        raise NotYours(message, errors=errors)


def _may_arrange(session: Session, actor: Actor, practitioner_id: UUID) -> bool:
    try:
        whose = directory.get_practitioner(session, practitioner_id)
    except PractitionerUnknown:
        return False
    return whose.active and whose.clinic_id == directory.clinic_of_person(session, actor.id)


def _check_overlaps(session: Session, slots: Sequence[Slot]) -> None:
    standing = queries.slots_between(
        session,
        sorted({slot.resource for slot in slots}),
        min(slot.starts_at for slot in slots),
        max(slot.ends_at for slot in slots),
    )
    spans = [rules.Span(one.resource, one.starts_at, one.ends_at) for one in standing]
    spans += [
        rules.Span(one.resource, one.starts_at, one.ends_at, number)
        for number, one in enumerate(slots)
    ]
    if errors := list(rules.overlaps(spans)):
        raise SlotsOverlap(errors=errors)


def withdraw_slot(*, session: Session, actor: Actor, slot_id: UUID, now: datetime) -> Slot:
    """Take a time back; whoever had it is told, and offered others where there are any.

    Raises SlotNotFound, SlotContended where it is being booked at this moment.
    """
    slot = queries.slot(session, slot_id)
    if slot is None or not _is_theirs(session, actor, slot):
        raise SlotNotFound()
    take_back(session=session, actor=actor, slot=slot, now=now)
    return slot


def take_back(*, session: Session, actor: Actor, slot: Slot, now: datetime) -> None:
    """Withdraw a time, whose ever it is. Raises SlotContended."""
    held, subject = _lock_held(session, slot.id)
    queries.lock_for(session, slot.id)
    again = queries.booked_at_slot(session, slot.id)
    if (again.id if again else None) != (held.id if held else None):
        raise SlotContended()
    if held is not None:
        moves.end_and_tell(
            session,
            held,
            subject,
            AppointmentStatus.CANCELLED,
            actor=actor,
            now=now,
            reason_code=CancellationReason.SLOT_WITHDRAWN,
        )
    if slot.withdrawn_at is None:
        slot.withdrawn_at = now
    session.flush()
    audit.record(session, actor, "withdraw", "slot", patient_id=None, resource_id=slot.id, at=now)


def _is_theirs(session: Session, actor: Actor, slot: Slot) -> bool:
    if slot.practitioner_id is None:
        return slot.laboratory_id == actor.id
    return _may_arrange(session, actor, slot.practitioner_id)


def _lock_held(session: Session, slot_id: UUID) -> tuple[Appointment | None, Subject | None]:
    """The booked appointment of a slot, locked before the slot is: everybody keeps this order."""
    held = queries.booked_at_slot(session, slot_id)
    if held is None:
        return None, None
    return moves.lock_booked(session, held.id)
