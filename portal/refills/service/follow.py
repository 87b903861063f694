"""What the workers do after a move: tell the pharmacy, tell people, open and close loops."""

from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import WORKER
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.refills import pharmacy_queries, queries, rules
from portal.refills.errors import RefillNotAllowed
from portal.refills.model import Refill, RefillHistory
from portal.refills.pharmacy_model import OrderKind, PharmacyOrder
from portal.refills.service import cancellation, fills, items, moves
from portal.refills.service.request import create, new_refill
from portal.refills.states import (
    DISPENSED,
    REFILL,
    WITHDRAWN,
    Delivery,
    RefillChannel,
    RefillStatus,
    Way,
)
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind

S = RefillStatus
_AT_A_PHARMACY = frozenset(set(RefillStatus) - REFILL.ends - {S.AWAITING_PRESCRIBER, S.HELD})
# Said again with other words or another day, these are news.
_TOLD_AGAIN = frozenset({S.ON_HOLD, S.PARTIALLY_READY, S.REST_OWED})
_TOLD_AFTER_A_STOP = DISPENSED | {S.REST_OWED, S.PARTIALLY_DISPENSED, S.NOT_DISPENSED}
_SILENT = frozenset(rules.SAID_OTHERWISE)
# What is so until the next step: told late, when that was made, it would not be true.
_UNTIL_NEXT = frozenset(
    {
        S.AWAITING_PRESCRIBER,
        S.WITH_PHARMACY,
        S.PREPARING,
        S.ON_HOLD,
        S.HELD,
        S.PARTIALLY_READY,
        S.READY_FOR_PICKUP,
        S.SHIPPED,
    }
)


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
    cancellation.follow(session, refill, step, now)
    _tell_patient(session, refill, step, now)
    _close_overdue(session, refill, now)
    _settle_rerouting(session, refill, now)
    if _is_prescribers_to_solve(step):
        kind = WorkItemKind.REFILL_FAILED
        items.ask_prescriber(session, refill, kind, Priority.URGENT, now, step.id)


def _is_prescribers_to_solve(step: RefillHistory) -> bool:
    if step.to_status == S.PARTIALLY_DISPENSED:
        return step.from_status not in WITHDRAWN
    return step.to_status == S.NOT_DISPENSED and rules.returns_to_prescriber(step.reason_code)


def place_orders(session: Session, refill: Refill, now: datetime) -> None:
    """Bring the pharmacies' feeds to what the refill is now: one `fill` where it is, and a
    `cancel` wherever else it was sent."""
    last = queries.last_orders(session, refill.id)
    wanted = refill.pharmacy_id if refill.status in _AT_A_PHARMACY else None
    if wanted is not None and last.get(wanted) != OrderKind.FILL:
        place_order(session, refill, wanted, OrderKind.FILL, now)
    withdrawn = refill.status in WITHDRAWN or refill.reason_code == rules.REST_EXPIRED
    for pharmacy_id, kind in last.items():
        elsewhere = pharmacy_id != refill.pharmacy_id
        if kind == OrderKind.FILL and (elsewhere or withdrawn):
            place_order(session, refill, pharmacy_id, OrderKind.CANCEL, now)


def place_order(
    session: Session,
    refill: Refill,
    pharmacy_id: UUID,
    kind: OrderKind,
    now: datetime,
    *,
    correction_id: UUID | None = None,
) -> None:
    """Put an entry into a pharmacy's feed, and push it where the pharmacy wants that;
    `correction_id` is the correction of the patient's data of which it tells."""
    order = PharmacyOrder(
        id=new_id(),
        pharmacy_id=pharmacy_id,
        refill_id=refill.id,
        kind=kind,
        correction_id=correction_id,
        created_at=now,
    )
    session.add(order)
    session.flush()
    if queries.has_webhook(session, pharmacy_id):
        outbox.emit(session, "pharmacy_order.push", now=now, order_id=order.id)


def event_of(step: RefillHistory) -> NotificationEvent | None:
    """What a step is called when people are told of it; None when they need not be."""
    if step.reason_code in _SILENT and step.to_status in WITHDRAWN:
        return None  # they are told what was done with the prescription
    if step.from_status == step.to_status and step.to_status not in _TOLD_AGAIN:
        return None
    if step.to_status == S.SENDING:
        decided = step.from_status == S.AWAITING_PRESCRIBER
        return NotificationEvent.REFILL_APPROVED if decided else NotificationEvent.REFILL_SENT
    return NotificationEvent(f"refill_{step.to_status}")


def _tell_patient(session: Session, refill: Refill, step: RefillHistory, now: datetime) -> None:
    event = event_of(step)
    if event is None or (step.to_status in _UNTIL_NEXT and refill.status != step.to_status):
        return
    reason_code = step.reason_code
    if queries.stopped_before(session, refill.prescription_id, step.at):
        if step.to_status not in _TOLD_AFTER_A_STOP:
            return  # what was prepared must not be collected: they know that it was stopped
        reason_code = rules.STOPPED
    notifications.tell_patient(
        session,
        refill.patient_id,
        event,
        source_id=step.id,
        subject_id=refill.id,
        data={"reason_code": reason_code, "kind": refill.kind},
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


def _settle_rerouting(session: Session, refill: Refill, now: datetime) -> None:
    """Nobody need ask for another pharmacy than one that has closed: the refill has another, or
    has ended."""
    if refill.closed_at is None and not directory.get_pharmacy(session, refill.pharmacy_id).active:
        return
    worklist.close_item(
        session=session,
        actor=WORKER,
        kind=WorkItemKind.REROUTING,
        subject_id=refill.id,
        outcome="moved on",
        now=now,
    )


def open_first_fill(*, session: Session, prescription_id: UUID, now: datetime) -> None:
    """Send a new prescription to its pharmacy: the first fill, once.

    One that may not be filled now, since it was stopped or put on hold meanwhile, is not sent.
    """
    try:
        permit = fills.lock_and_ask(session, prescription_id, Way.SENDING, now)
    except RefillNotAllowed:
        return
    if queries.was_sent(session, prescription_id):
        return
    row = new_refill(
        permit.prescription,
        kind=permit.kind,
        channel=RefillChannel.PRESCRIBER,
        delivery=Delivery.MAIL if permit.prescription.mail_order else Delivery.PICKUP,
        actor=WORKER,
        now=now,
        expected_by=moves.due_by(session, permit.prescription.pharmacy_id, S.SENDING, now),
    )
    create(session, WORKER, [row], now)


def find_overdue(*, session: Session, now: datetime, limit: int) -> int:
    """Steps that are late and that nobody was told of: an item for the liaison, and word to the
    patient, once for each step. A hold that goes on and on is its prescriber's, and no news.
    Returns how many were found."""
    late = queries.overdue(session, now, limit)
    for refill in late:
        held = refill.status == S.HELD
        ask = items.ask_prescriber if held else items.ask_liaison
        item_id = ask(session, refill, WorkItemKind.REFILL_OVERDUE, Priority.ROUTINE, now)
        if held:
            continue
        notifications.tell_patient(
            session,
            refill.patient_id,
            NotificationEvent.REFILL_LATE,
            source_id=item_id,
            subject_id=refill.id,
            data={"kind": refill.kind},
            now=now,
        )
    return len(late)


def give_up_rests(*, session: Session, now: datetime, limit: int) -> int:
    """What is owed of schedule II and was not handed over within the law's time can't follow any
    more: its prescriber and the patient are told. Returns how many were given up."""
    ids = queries.rests_too_late(session, now, limit)
    for refill_id in ids:
        locked = moves.lock(session, refill_id)
        if locked.refill.closed_at is None:
            moves.move(
                session,
                locked,
                S.PARTIALLY_DISPENSED,
                actor=WORKER,
                now=now,
                reason_code=rules.REST_EXPIRED,
            )
    return len(ids)


def look_into_update(*, session: Session, refill_id: UUID, now: datetime) -> None:
    """A pharmacy reported what can't be: have the liaison ask what happened, unless they are asking
    the pharmacy already whether the order was taken back in time."""
    refill = queries.for_change(session, refill_id)
    if refill is None or cancellation.is_asked(refill):
        return
    update = pharmacy_queries.set_aside(session, refill_id)
    if update is not None:
        kind, cause_id = WorkItemKind.QUARANTINED_UPDATE, uuid5(update.pharmacy_id, update.event_id)
        items.ask_liaison(session, refill, kind, Priority.ROUTINE, now, cause_id)


def close_settled(*, session: Session, refill_id: UUID, now: datetime) -> None:
    """The pharmacy withdrew an update that was kept aside, or tried it again: once none is left in
    quarantine, nobody need ask what happened."""
    if pharmacy_queries.set_aside(session, refill_id) is not None:
        return
    worklist.close_item(
        session=session,
        actor=WORKER,
        kind=WorkItemKind.QUARANTINED_UPDATE,
        subject_id=refill_id,
        outcome="settled by the pharmacy",
        now=now,
    )
