"""What the workers do after each step of a refill."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from portal.core.actor import OPERATOR, WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.refills import service
from portal.refills.model import Refill, RefillHistory
from portal.refills.pharmacy_model import PharmacyOrder
from portal.refills.service.items import ask_liaison
from portal.refills.states import RefillStatus
from portal.worklist.model import WorkItem
from portal.worklist.states import Priority, WorkItemKind
from tests.refills.conftest import Make
from tests.support.api import Caller
from tests.support.clinic import SmallClinic


def follow_all(refill_id: UUID) -> None:
    """Follow every step of a refill, the last one first, twice: as a queue may deliver them."""
    with transaction(OPERATOR) as session:
        steps = session.scalars(
            select(RefillHistory.id)
            .where(RefillHistory.refill_id == refill_id)
            .order_by(RefillHistory.id.desc())
        ).all()
    for step in [*steps, *steps]:
        with transaction(WORKER) as session:
            service.follow_move(session=session, refill_id=refill_id, history_id=step, now=utcnow())


def orders(refill_id: UUID) -> list[tuple[UUID, str]]:
    with transaction(OPERATOR) as session:
        rows = session.scalars(
            select(PharmacyOrder)
            .where(PharmacyOrder.refill_id == refill_id)
            .order_by(PharmacyOrder.id)
        ).all()
        return [(row.pharmacy_id, row.kind) for row in rows]


def work_items() -> list[WorkItem]:
    with transaction(OPERATOR) as session:
        return list(session.scalars(select(WorkItem).order_by(WorkItem.id)))


def test_the_pharmacy_is_sent_one_order(clinic: SmallClinic, requested: UUID) -> None:
    follow_all(requested)
    assert orders(requested) == [(clinic.pharmacy.id, "fill")]


def test_a_waiting_renewal_is_sent_nowhere(waiting: UUID) -> None:
    follow_all(waiting)
    assert orders(waiting) == []


def test_cancelled_before_it_was_sent_it_is_never_sent(patient: Caller, requested: UUID) -> None:
    patient.post(f"/refills/{requested}/cancel")
    follow_all(requested)
    assert orders(requested) == []


def test_cancelled_afterwards_the_order_is_withdrawn(
    clinic: SmallClinic, patient: Caller, requested: UUID
) -> None:
    follow_all(requested)
    patient.post(f"/refills/{requested}/cancel")
    follow_all(requested)
    here = clinic.pharmacy.id
    assert orders(requested) == [(here, "fill"), (here, "cancel")]


def test_there_and_back_again_each_pharmacy_knows_where_it_stands(
    clinic: SmallClinic, patient: Caller, requested: UUID
) -> None:
    here, there = clinic.pharmacy.id, clinic.other_pharmacy.id
    follow_all(requested)
    for pharmacy_id in (there, here):
        patient.post(f"/refills/{requested}/pharmacy", {"pharmacy_id": str(pharmacy_id)})
        follow_all(requested)
    last = dict(orders(requested))
    assert last == {here: "fill", there: "cancel"}


def test_a_new_prescription_is_filled_for_the_first_time_once(
    clinic: SmallClinic, refillable: Make
) -> None:
    rx = refillable(filled_days_ago=None, last_filled_on=None, refills_used=0)
    for _ in range(2):
        with transaction(WORKER) as session:
            service.open_first_fill(session=session, prescription_id=rx.id, now=utcnow())
    with transaction(OPERATOR) as session:
        [first] = session.scalars(select(Refill)).all()
    assert (first.kind, first.status, first.reserved) == ("first_fill", "sending", True)
    follow_all(first.id)
    assert orders(first.id) == [(clinic.pharmacy.id, "fill")]


def test_what_the_prescriber_must_solve_returns_to_the_prescriber(
    clinic: SmallClinic, requested: UUID
) -> None:
    with transaction(OPERATOR) as session:
        row = session.get(Refill, requested)
        assert row is not None
        before, row.status = RefillStatus(row.status), "not_dispensed"
        row.closed_at, row.expected_by = utcnow(), None
        row.reason_code = "prescription_problem"
        step = RefillHistory.of(
            row,
            before,
            actor=OPERATOR,
            now=utcnow(),
            reason_code=row.reason_code,
        )
        session.add(step)
    follow_all(requested)
    [item] = work_items()
    assert (item.kind, item.responsible_id) == ("refill_failed", clinic.physician.id)


def test_a_late_step_is_shown_and_told_once(
    clinic: SmallClinic, patient: Caller, requested: UUID
) -> None:
    later = utcnow() + timedelta(hours=5)
    with transaction(OPERATOR) as session:
        row = session.get(Refill, requested)
        assert row is not None
        row.expected_by = row.status_at
    assert patient.get(f"/refills/{requested}").json["late"] is True
    found = []
    for _ in range(2):
        with transaction(WORKER) as session:
            found.append(service.find_overdue(session=session, now=later, limit=100))
    assert found == [1, 0]
    [item] = work_items()
    assert (item.kind, item.pool_id) == ("refill_overdue", clinic.liaison.id)


def test_a_step_closes_the_item_about_its_lateness(requested: UUID) -> None:
    with transaction(WORKER) as session:
        row = session.get(Refill, requested)
        assert row is not None
        ask_liaison(session, row, WorkItemKind.REFILL_OVERDUE, Priority.ROUTINE, utcnow())
    follow_all(requested)
    assert [(item.kind, item.status) for item in work_items()] == [("refill_overdue", "done")]
