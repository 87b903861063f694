"""What the workers do after a move: tell the pharmacy, tell people, open and close loops."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import WORKER
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.directory.model import PoolKind
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.prescriptions import service as prescriptions
from portal.prescriptions.states import PrescriptionStatus
from portal.refills import queries, rules
from portal.refills.model import Refill, RefillHistory
from portal.refills.pharmacy_model import OrderKind, PharmacyOrder
from portal.refills.service import moves
from portal.refills.service.request import create, new_refill
from portal.refills.states import (
    REFILL,
    Delivery,
    RefillChannel,
    RefillKind,
    RefillStatus,
)
from portal.worklist import rules as due_times
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind

S = RefillStatus
_AT_A_PHARMACY = frozenset(set(RefillStatus) - REFILL.ends - {S.AWAITING_PRESCRIBER})


def follow_move(*, session: Session, refill_id: UUID, history_id: UUID, now: datetime) -> None:
    """Follow one step of a refill. Doing it twice, or late, has the effect of doing it once.

    What pharmacies are sent follows from where the refill stands now, so that steps that
    overtake each other in the queue end in the same place.
    """
    refill = queries.for_change(session, refill_id)
    step = session.get(RefillHistory, history_id)
    if refill is None or step is None:
        return
    place_orders(session, refill, now)
    _tell_patient(session, refill, step, now)
    _close_overdue(session, refill, now)
    if step.to_status == S.NOT_DISPENSED and rules.returns_to_prescriber(step.reason_code):
        _return_to_prescriber(session, refill, now)


def place_orders(session: Session, refill: Refill, now: datetime) -> None:
    """Bring the pharmacies' feeds to what the refill is now: one `fill` where it is, and a
    `cancel` wherever else it was sent."""
    last = queries.last_orders(session, refill.id)
    wanted = refill.pharmacy_id if refill.status in _AT_A_PHARMACY else None
    if wanted is not None and last.get(wanted) != OrderKind.FILL:
        _place(session, refill, wanted, OrderKind.FILL, now)
    withdrawn = refill.status == S.CANCELLED
    for pharmacy_id, kind in last.items():
        elsewhere = pharmacy_id != refill.pharmacy_id
        if kind == OrderKind.FILL and (elsewhere or withdrawn):
            _place(session, refill, pharmacy_id, OrderKind.CANCEL, now)


def _place(
    session: Session, refill: Refill, pharmacy_id: UUID, kind: OrderKind, now: datetime
) -> None:
    order = PharmacyOrder(
        id=new_id(), pharmacy_id=pharmacy_id, refill_id=refill.id, kind=kind, created_at=now
    )
    session.add(order)
    session.flush()
    if queries.has_webhook(session, pharmacy_id):
        outbox.emit(session, "pharmacy_order.push", now=now, order_id=order.id)


def event_of(step: RefillHistory) -> NotificationEvent | None:
    """What a step is called when people are told of it; None when they need not be."""
    if step.from_status == step.to_status:
        return None
    if step.to_status == S.SENDING:
        decided = step.from_status == S.AWAITING_PRESCRIBER
        return NotificationEvent.REFILL_APPROVED if decided else NotificationEvent.REFILL_SENT
    return NotificationEvent(f"refill_{step.to_status}")


def _tell_patient(session: Session, refill: Refill, step: RefillHistory, now: datetime) -> None:
    event = event_of(step)
    if event is None:
        return
    notifications.tell_patient(
        session,
        refill.patient_id,
        event,
        source_id=step.id,
        subject_id=refill.id,
        data={"reason_code": step.reason_code},
        now=now,
    )


def _close_overdue(session: Session, refill: Refill, now: datetime) -> None:
    """A step was made: whoever was to find out why it was late need not any more."""
    if rules.is_late(refill.expected_by, now):
        return
    worklist.close_item(
        session=session,
        actor=WORKER,
        kind=WorkItemKind.REFILL_OVERDUE,
        subject_id=refill.id,
        outcome="moved on",
        now=now,
    )


def _return_to_prescriber(session: Session, refill: Refill, now: datetime) -> None:
    prescriber = directory.get_practitioner(session, refill.prescriber_id)
    calendar = directory.calendar_of(session, prescriber.clinic_id)
    worklist.open_item(
        session=session,
        actor=WORKER,
        kind=WorkItemKind.REFILL_FAILED,
        subject_id=refill.id,
        patient_id=refill.patient_id,
        responsible_id=prescriber.id,
        pool_id=prescriber.pool_id,
        priority=Priority.URGENT,
        due_at=due_times.due_at(calendar, Priority.URGENT, now),
        now=now,
    )


def open_liaison_item(
    session: Session, refill: Refill, kind: WorkItemKind, priority: Priority, now: datetime
) -> UUID:
    """An item for those who talk with pharmacies."""
    prescriber = directory.get_practitioner(session, refill.prescriber_id)
    calendar = directory.calendar_of(session, prescriber.clinic_id)
    return worklist.open_item(
        session=session,
        actor=WORKER,
        kind=kind,
        subject_id=refill.id,
        patient_id=refill.patient_id,
        responsible_id=None,
        pool_id=directory.pool_of(session, prescriber.clinic_id, PoolKind.PHARMACY_LIAISON),
        priority=priority,
        due_at=due_times.due_at(calendar, priority, now),
        now=now,
    )


def open_first_fill(*, session: Session, prescription_id: UUID, now: datetime) -> None:
    """Send a new prescription to its pharmacy: the first fill, which uses no refill."""
    prescription = prescriptions.get_for_change(session, prescription_id)
    if prescription.status != PrescriptionStatus.ACTIVE or queries.was_sent(
        session, prescription.id
    ):
        return
    pharmacy = directory.get_pharmacy(session, prescription.pharmacy_id)
    row = new_refill(
        prescription,
        kind=RefillKind.FIRST_FILL,
        channel=RefillChannel.PRESCRIBER,
        delivery=Delivery.MAIL if pharmacy.mail_order else Delivery.PICKUP,
        actor=WORKER,
        now=now,
    )
    create(session, WORKER, [row], now)


def withdraw_stopped(*, session: Session, prescription_id: UUID, now: datetime) -> None:
    """A prescription was stopped: withdraw its open refill, or have somebody call the pharmacy."""
    refill = queries.open_refill_of(session, prescription_id)
    if refill is None:
        return
    locked = moves.lock(session, refill.id)
    if not REFILL.allows(RefillStatus(locked.refill.status), S.CANCELLED, WORKER.kind):
        if locked.refill.closed_at is None:
            open_liaison_item(
                session, locked.refill, WorkItemKind.REFILL_FAILED, Priority.STAT, now
            )
        return
    moves.move(
        session, locked, S.CANCELLED, actor=WORKER, now=now, reason_code="prescription_stopped"
    )
    moves.close_decision(session, WORKER, locked.refill, "cancelled", now)


def find_overdue(*, session: Session, now: datetime, limit: int) -> int:
    """Steps that are late and that nobody was told of: an item for the liaison, and word to the
    patient, once for each step. Returns how many were found."""
    late = queries.overdue(session, now, limit)
    for refill in late:
        item_id = open_liaison_item(
            session, refill, WorkItemKind.REFILL_OVERDUE, Priority.ROUTINE, now
        )
        notifications.tell_patient(
            session,
            refill.patient_id,
            NotificationEvent.REFILL_LATE,
            source_id=item_id,
            subject_id=refill.id,
            now=now,
        )
    return len(late)


def look_into_update(*, session: Session, refill_id: UUID, now: datetime) -> None:
    """A pharmacy reported what can't be: have the liaison ask what happened."""
    refill = queries.for_change(session, refill_id)
    if refill is not None:
        open_liaison_item(session, refill, WorkItemKind.QUARANTINED_UPDATE, Priority.ROUTINE, now)
