"""What every move of a refill brings with it, in one place."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import Actor
from portal.directory import service as directory
from portal.directory.hours import calendar_of
from portal.prescriptions import service as prescriptions
from portal.prescriptions.model import Prescription
from portal.refills import queries, rules
from portal.refills.errors import RefillNotFound
from portal.refills.model import Refill, RefillHistory
from portal.refills.states import GIVES_BACK, RefillKind, RefillStatus
from portal.worklist import service as worklist
from portal.worklist.states import WorkItemKind


@dataclass(frozen=True, slots=True)
class Locked:
    """A refill and its prescription, locked until the transaction ends."""

    refill: Refill
    prescription: Prescription


def lock(session: Session, refill_id: UUID) -> Locked:
    """Lock a refill, its prescription first: everybody takes the two in this order.

    Raises RefillNotFound for one that the actor may not see.
    """
    seen = session.get(Refill, refill_id)
    if seen is None:
        raise RefillNotFound()
    prescription = prescriptions.get_for_change(session, seen.prescription_id)
    refill = queries.for_change(session, refill_id)
    if refill is None:
        raise RefillNotFound()
    if refill.prescription_id != prescription.id:  # renewed between the two looks
        prescription = prescriptions.get_for_change(session, refill.prescription_id)
    return Locked(refill, prescription)


def move(
    session: Session,
    locked: Locked,
    status: RefillStatus,
    *,
    actor: Actor,
    now: datetime,
    expected_by: datetime | None = None,
    reason_code: str | None = None,
    note: str | None = None,
) -> RefillHistory:
    """Move a refill: history, reservation, what the patient should do next, event and audit row.

    Raises IllegalTransition when the table has no such move for this actor.
    """
    refill = locked.refill
    history = refill.move_to(
        status,
        actor=actor,
        now=now,
        expected_by=expected_by or due_by(session, refill.pharmacy_id, status, now),
        reason_code=reason_code,
        note=note,
    )
    refill.next_step = rules.next_step(status, reason_code)
    if status in GIVES_BACK and refill.reserved and not refill.quantity_dispensed:
        first = refill.kind != RefillKind.REFILL
        prescriptions.give_back_fill(locked.prescription, first=first)
        refill.reserved = False
    remember(session, refill, history, actor=actor, action=status.value, now=now)
    return history


def due_by(
    session: Session, pharmacy_id: UUID, status: RefillStatus, now: datetime
) -> datetime | None:
    """When the step after a status is due, by the hours of the pharmacy that has it."""
    if status not in rules.OPEN_HOURS:
        return rules.expected_by(status, now)
    pharmacy = directory.get_pharmacy(session, pharmacy_id)
    calendar = calendar_of(pharmacy.opening, pharmacy.time_zone)
    return rules.expected_by(status, now, calendar=calendar)


def remember(
    session: Session,
    refill: Refill,
    history: RefillHistory,
    *,
    actor: Actor,
    action: str,
    now: datetime,
) -> None:
    """Keep a step that was made, and leave the event by which the workers follow it."""
    session.add(history)
    outbox.emit(session, "refill.moved", now=now, refill_id=refill.id, history_id=history.id)
    audit.record(
        session,
        actor,
        action,
        "refill",
        patient_id=refill.patient_id,
        resource_id=refill.id,
        at=now,
    )


def close_decision(
    session: Session, actor: Actor, refill: Refill, outcome: str, now: datetime
) -> None:
    """Close the prescriber's work item of a refill that no longer waits for a decision."""
    worklist.close_item(
        session=session,
        actor=actor,
        kind=WorkItemKind.REFILL_DECISION,
        subject_id=refill.id,
        outcome=outcome,
        now=now,
    )
