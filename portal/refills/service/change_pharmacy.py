"""Sending a refill to another pharmacy."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.patients import service as patients
from portal.refills import queries, rules
from portal.refills.errors import AlreadyReplaced, PharmacyNotChangeable, RefillAlreadyOpen
from portal.refills.model import Refill, RefillHistory
from portal.refills.service import fills, moves
from portal.refills.service.fills import Permit
from portal.refills.service.request import create, new_refill
from portal.refills.states import REFILL, Delivery, RefillChannel, RefillStatus, Way

S = RefillStatus
# Here nothing was handed to anybody who could already be working on it, unless it was fetched.
_IN_PLACE = frozenset({S.AWAITING_PRESCRIBER, S.SENDING})
# Here the old pharmacy has it: that request ends and another one takes its place.
_REPLACED = frozenset({S.WITH_PHARMACY, S.ON_HOLD, S.NOT_DISPENSED})


def change_pharmacy(
    *,
    session: Session,
    actor: Actor,
    refill_id: UUID,
    pharmacy_id: UUID,
    delivery: str | None,
    now: datetime,
) -> UUID:
    """Send a refill to another pharmacy. Returns the id of the refill that goes on: the same one,
    or the one that replaces it.

    Raises RefillNotFound, PharmacyUnusable, MailingAddressMissing, PharmacyNotChangeable once the
    pharmacy prepares it or it has ended, AlreadyReplaced where another has its place, and
    RefillNotAllowed where the prescription may not be filled now.
    """
    locked = moves.lock(session, refill_id)
    refill = locked.refill
    status = RefillStatus(refill.status)
    _check_changeable(session, refill, status)
    wanted = _checked_delivery(session, refill, pharmacy_id, delivery)
    if pharmacy_id == refill.pharmacy_id and status != S.NOT_DISPENSED:
        return refill.id
    if status == S.AWAITING_PRESCRIBER:  # no fill yet: whether there is one, the approval asks
        _change_in_place(session, refill, actor, pharmacy_id, wanted, now)
        return refill.id
    permit = fills.lock_and_ask(
        session, refill.prescription_id, Way.SENDING, now, instead_of=refill
    )
    if status in _IN_PLACE and refill.fetched_at is None:
        _change_in_place(session, refill, actor, pharmacy_id, wanted, now)
        return refill.id
    return _replace(session, locked, permit, actor, pharmacy_id, wanted, now)


def _check_changeable(session: Session, refill: Refill, status: RefillStatus) -> None:
    """Raises AlreadyReplaced and PharmacyNotChangeable."""
    if status in REFILL.ends:
        replacement = queries.replacement_of(session, refill.id)
        if replacement is not None:
            raise AlreadyReplaced(replaced_by_id=replacement)
    if refill.quantity_dispensed:
        raise PharmacyNotChangeable(
            "A part was handed over: the rest comes from the same pharmacy.", status_now=status
        )
    if status in _IN_PLACE | _REPLACED:
        return
    if status in REFILL.ends:
        raise PharmacyNotChangeable(
            f"This refill is already {status.value}: ask for another one.", status_now=status
        )
    raise PharmacyNotChangeable(status_now=status)


def _checked_delivery(
    session: Session, refill: Refill, pharmacy_id: UUID, delivery: str | None
) -> str:
    pharmacy = queries.pharmacies(session, {pharmacy_id}).get(pharmacy_id)
    mail_only = pharmacy is not None and pharmacy.mail_order
    wanted = delivery or (Delivery.MAIL if mail_only else refill.delivery)
    rules.check_pharmacy(pharmacy, wanted, patients.has_address(session, refill.patient_id))
    return wanted


def _change_in_place(
    session: Session,
    refill: Refill,
    actor: Actor,
    pharmacy_id: UUID,
    delivery: str,
    now: datetime,
) -> None:
    refill.pharmacy_id = pharmacy_id
    refill.delivery = delivery
    status = RefillStatus(refill.status)
    if status == S.SENDING:
        # A step of its own: when that one is late too, somebody is told again.
        refill.status_at = now
        refill.expected_by = moves.due_by(session, pharmacy_id, status, now)
    step = RefillHistory.of(refill, status, actor=actor, now=now, reason_code="pharmacy_changed")
    moves.remember(session, refill, step, actor=actor, action="change_pharmacy", now=now)


def _replace(
    session: Session,
    locked: moves.Locked,
    permit: Permit,
    actor: Actor,
    pharmacy_id: UUID,
    delivery: str,
    now: datetime,
) -> UUID:
    old = locked.refill
    if old.status != S.NOT_DISPENSED:
        moves.move(
            session,
            locked,
            S.CANCELLED,
            actor=actor,
            now=now,
            reason_code="pharmacy_changed",
        )
    session.flush()
    row = new_refill(
        permit.prescription,
        kind=permit.kind,
        channel=RefillChannel(old.channel),
        delivery=delivery,
        note=old.note,
        actor=actor,
        now=now,
        replaces_id=old.id,
        expected_by=moves.due_by(session, pharmacy_id, S.SENDING, now),
    )
    row["pharmacy_id"] = pharmacy_id
    if row["id"] not in create(session, actor, [row], now):
        raise RefillAlreadyOpen()
    return UUID(str(row["id"]))
