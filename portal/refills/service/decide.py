"""The prescriber's decision on a renewal."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.patients import service as patients
from portal.prescriptions import service as prescriptions
from portal.prescriptions.duplicates import ConfirmedDuplicates, hold_therapies
from portal.prescriptions.service import RenewalChanges
from portal.refills import queries
from portal.refills.errors import AlreadyDecided
from portal.refills.model import Refill
from portal.refills.service import fills, moves
from portal.refills.states import RefillStatus, Way


@dataclass(frozen=True, slots=True)
class Decide:
    """Approve, with what changes and beside which others of the same medicine, or deny, with a
    reason code."""

    approve: bool
    changes: RenewalChanges = field(default_factory=RenewalChanges)
    reason_code: str | None = None
    note: str | None = None
    confirmed: ConfirmedDuplicates | None = None


def decide(
    *, session: Session, actor: Actor, refill_id: UUID, command: Decide, now: datetime
) -> Refill:
    """Approve (which writes the successor and sends it) or deny.

    Raises RefillNotFound, AlreadyDecided naming who was first and when, ChangeIncomplete for a
    change that contradicts what it keeps, PrescriptionAgainstTheLaw for more refills than the
    schedule allows, and DuplicateTherapy where another of the same medicine stands.
    """
    seen = session.get(Refill, refill_id)
    if command.approve and seen is not None:
        hold_therapies(session, seen.patient_id)
    locked = moves.lock(session, refill_id)
    if locked.refill.status != RefillStatus.AWAITING_PRESCRIBER:
        raise _already_decided(session, locked.refill)
    locked.refill.decision_note = command.note
    if command.approve:
        _approve(session, locked, actor, command, now)
    else:
        moves.move(
            session,
            locked,
            RefillStatus.DENIED,
            actor=actor,
            now=now,
            reason_code=command.reason_code,
            note=command.note,
        )
    outcome = "approved" if command.approve else "denied"
    moves.close_decision(session, actor, locked.refill, outcome, now)
    session.flush()
    return locked.refill


def _approve(
    session: Session, locked: moves.Locked, actor: Actor, command: Decide, now: datetime
) -> None:
    refill = locked.refill
    patient = patients.get_patient(session, refill.patient_id)
    successor = prescriptions.write_successor(
        session=session,
        actor=actor,
        prescription_id=refill.prescription_id,
        pharmacy_id=refill.pharmacy_id,
        changes=command.changes,
        confirmed=command.confirmed,
        today=local_day(now, patient.time_zone),
        now=now,
    )
    fills.lock_and_ask(session, successor.id, Way.SENDING, now)
    prescriptions.reserve_first_fill(successor)
    refill.original_prescription_id = refill.prescription_id
    refill.prescription_id = successor.id
    refill.prescriber_id = actor.id
    refill.reserved = True
    moves.move(session, locked, RefillStatus.SENDING, actor=actor, now=now, note=command.note)


def _already_decided(session: Session, refill: Refill) -> AlreadyDecided:
    last: Any = queries.history(session, refill.id)[-1]
    who = last.actor_name or {"patient": "the patient"}.get(last.actor_kind, "Careloop")
    return AlreadyDecided(
        f"This request is no longer waiting: {who} made it {refill.status} first.",
        status_now=refill.status,
        decided_by=who,
        decided_at=last.at,
    )
