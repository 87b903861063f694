"""What the workers do after each step, and what they find at intervals."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from uuid import UUID

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.core import loops
from portal.core.actor import OPERATOR, WORKER
from portal.core.clock import local_day, utcnow
from portal.core.db import db, transaction
from portal.requisitions import service
from portal.requisitions.model import Requisition, RequisitionHistory, StandingOrder
from portal.requisitions.oml import Party
from portal.requisitions.states import RequisitionStatus
from tests.requisitions.conftest import (
    CMP,
    change,
    items,
    load,
    order,
    rows,
    sent,
    told,
)
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic
from tests.support.work import drain

US = Party("CARELOOP", "CLINIC")
WHY = {"reason": "Done elsewhere"}


def follow_all(requisition_id: UUID) -> None:
    """Follow every step, the last one first, twice: as a queue may deliver them."""
    with transaction(OPERATOR) as session:
        steps = session.scalars(
            select(RequisitionHistory.id)
            .where(RequisitionHistory.requisition_id == requisition_id)
            .order_by(RequisitionHistory.id.desc())
        ).all()
    for step in [*steps, *steps]:
        with transaction(WORKER) as session:
            service.follow_move(
                session=session,
                requisition_id=requisition_id,
                history_id=step,
                us=US,
                now=utcnow(),
            )


def tick(what: Callable[..., int], now: datetime) -> list[int]:
    """What a tick finds, twice."""
    found = []
    for _ in range(2):
        with transaction(WORKER) as session:
            found.append(what(session=session, now=now, limit=100))
    return found


def broken(now: datetime | None = None) -> set[str]:
    """The rules of the promise about requisitions that are broken at a time."""
    with transaction(WORKER) as session:
        found = loops.check(session, now=now or utcnow() + timedelta(minutes=6))
    words = ("requisition", "standing order", "appointment")
    return {one.rule for one in found if any(word in one.rule for word in words)}


def test_steps_in_any_order_and_twice_end_alike(
    clinic: SmallClinic, physician: Caller, ordered: UUID
) -> None:
    follow_all(ordered)
    assert [kind for _, kind, _ in sent(ordered)] == ["new"]
    physician.post(f"/requisitions/{ordered}/cancel", WHY)
    follow_all(ordered)
    assert [kind for _, kind, _ in sent(ordered)] == ["new", "cancel"]
    assert sorted(told()) == ["requisition_cancelled", "requisition_placed"]


def test_what_was_never_followed_is_found(ordered: UUID) -> None:
    assert broken() == {"a requisition was placed and its laboratory was never sent it"}
    drain()
    assert broken() == set()


def test_what_a_laboratory_was_never_told_to_leave_is_found(
    physician: Caller, ordered: UUID
) -> None:
    drain()
    physician.post(f"/requisitions/{ordered}/cancel", WHY)
    assert broken() == {"a laboratory was never told to leave a requisition"}
    drain()
    assert broken() == set()


def test_the_patient_is_reminded_once_then_the_team_asks(
    clinic: SmallClinic, ordered: UUID
) -> None:
    drain()
    due = load(ordered).collect_by
    assert tick(service.remind_uncollected, due - timedelta(days=8)) == [0, 0]
    assert tick(service.remind_uncollected, due - timedelta(days=6)) == [1, 0]
    assert told() == ["requisition_placed", "requisition_uncollected"]
    assert load(ordered).reminded_at == due - timedelta(days=6)
    assert tick(service.find_uncollected, due - timedelta(minutes=1)) == [0, 0]
    late = due + timedelta(minutes=1)
    assert broken(due + timedelta(minutes=6)) == {
        "a requisition was not collected in time and nobody was told"
    }
    assert tick(service.find_uncollected, late) == [1, 0]
    [item] = items("requisition_uncollected")
    assert (item.pool_id, item.responsible_id) == (clinic.nurses.id, None)
    assert broken(due + timedelta(minutes=6)) == set()


def test_an_urgent_test_is_asked_for_sooner(clinic: SmallClinic, physician: Caller) -> None:
    [urgent] = order(physician, clinic, priority="stat")
    assert load(urgent).collect_by < utcnow() + timedelta(days=1, minutes=1)
    late = load(urgent).collect_by + timedelta(seconds=1)
    assert tick(service.find_uncollected, late) == [1, 0]
    assert items("requisition_uncollected")[0].priority == "stat"


def test_a_step_closes_the_item_about_its_lateness(nurse: Caller, ordered: UUID) -> None:
    late = load(ordered).collect_by + timedelta(minutes=1)
    tick(service.find_uncollected, late)
    nurse.post(f"/requisitions/{ordered}/collected")
    follow_all(ordered)
    assert [(one.kind, one.status) for one in items()] == [("requisition_uncollected", "done")]


def test_a_specimen_without_a_result_is_asked_for(
    clinic: SmallClinic, nurse: Caller, ordered: UUID
) -> None:
    nurse.post(f"/requisitions/{ordered}/collected")
    drain()
    due = load(ordered).expected_by
    assert due is not None
    assert tick(service.find_unresulted, due - timedelta(minutes=1)) == [0, 0]
    assert broken(due + timedelta(minutes=6)) == {
        "a requisition was collected, has no result in time and nobody was told"
    }
    assert tick(service.find_unresulted, due + timedelta(minutes=1)) == [1, 0]
    [item] = items("requisition_unresulted")
    assert item.pool_id == clinic.nurses.id
    assert broken(due + timedelta(minutes=6)) == set()
    with transaction(WORKER) as session:
        assert service.report_progress(
            session=session,
            actor=WORKER,
            requisition_id=ordered,
            status=RequisitionStatus.RESULTED,
            now=utcnow(),
        )
    drain()
    assert [one.status for one in items("requisition_unresulted")] == ["done"]


def test_what_was_never_collected_expires_onto_a_worklist(
    clinic: SmallClinic, patient: Caller, ordered: UUID
) -> None:
    drain()
    row = load(ordered)
    assert row.expires_at == row.ordered_at + timedelta(days=180)
    assert tick(service.expire_requisitions, row.expires_at - timedelta(minutes=1)) == [0, 0]
    ago, now = row.ordered_at - timedelta(days=181), utcnow()
    change(
        row,
        ordered_at=ago,
        status_at=ago,
        collect_by=ago + timedelta(days=30),
        expected_by=ago + timedelta(days=30),
        expires_at=ago + timedelta(days=180),
    )
    assert "a requisition is past its end and has not ended" in broken()
    assert tick(service.find_uncollected, now) == [1, 0]
    assert tick(service.expire_requisitions, now) == [1, 0]
    assert "a requisition expired or was rejected and nobody was told" in broken()
    drain()
    assert broken() == set()
    [item] = items("requisition_expired")
    assert (item.responsible_id, item.status) == (clinic.physician.id, "open")
    assert [one.status for one in items("requisition_uncollected")] == ["done"]
    assert [kind for _, kind, _ in sent(ordered)] == ["new", "cancel"]
    assert told()[-1] == "requisition_expired"
    assert patient.get(f"/requisitions/{ordered}").json["status"] == "expired"


def made(standing: StandingOrder) -> list[Requisition]:
    return rows(Requisition, standing_order_id=standing.id)


def test_a_standing_order_makes_the_next_ahead_of_its_day_until_the_last(
    clinic: SmallClinic, physician: Caller, patient: Caller
) -> None:
    standing = {"count": 3, "interval_days": 30}
    order(physician, clinic, standing=standing, note="Before breakfast")
    today = local_day(utcnow(), ZONE)
    [one] = rows(StandingOrder)
    assert (one.made, one.next_on) == (1, today + timedelta(days=30))
    first = made(one)[0]
    assert first.expires_at == first.ordered_at + timedelta(days=30)
    assert first.collect_by == first.ordered_at + timedelta(days=30)
    assert tick(service.make_standing, utcnow() + timedelta(days=20)) == [0, 0]
    change(one, next_on=today + timedelta(days=7))
    assert tick(service.make_standing, utcnow() + timedelta(days=1)) == [1, 0]
    second = made(one)[1]
    assert (second.test_code, second.status, second.note) == (CMP, "placed", "Before breakfast")
    assert second.not_before == today + timedelta(days=7)
    assert second.orderer_id == clinic.physician.id
    assert second.placer_number != first.placer_number
    late = utcnow() + timedelta(days=39, minutes=6)
    assert "a standing order is past its day and its next requisition was not made" in broken(late)
    change(rows(StandingOrder)[0], next_on=today + timedelta(days=7))
    assert tick(service.make_standing, utcnow() + timedelta(days=1)) == [1, 0]
    [one] = rows(StandingOrder)
    assert (one.status, one.made, one.next_on) == ("completed", 3, None)
    assert len(made(one)) == 3
    for each in made(one):
        follow_all(each.id)
    assert told().count("requisition_placed") == 3
    shown = patient.get("/requisitions").json["items"][0]["standing"]
    assert (shown["count"], shown["made"], shown["status"]) == (3, 3, "completed")


def test_two_workers_make_one(app: Flask, clinic: SmallClinic, physician: Caller) -> None:
    order(physician, clinic, standing={"count": 9, "interval_days": 30})
    now, barrier = utcnow(), Barrier(2)
    change(rows(StandingOrder)[0], next_on=local_day(now, ZONE) + timedelta(days=5))

    def make(_number: int) -> int:
        with app.app_context(), transaction(WORKER) as session:
            barrier.wait(120)
            found = service.make_standing(session=session, now=now, limit=10)
            db.session.flush()
            return found

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(make, range(2))) == [0, 1]
    [one] = rows(StandingOrder)
    assert (one.made, len(made(one))) == (2, 2)


def test_a_called_off_standing_order_makes_nothing(clinic: SmallClinic, physician: Caller) -> None:
    [first] = order(physician, clinic, standing={"count": 9, "interval_days": 30})
    physician.post(f"/requisitions/{first}/cancel", {**WHY, "standing": True})
    assert tick(service.make_standing, utcnow() + timedelta(days=365)) == [0, 0]


def test_a_batch_takes_what_others_have_not_locked(
    app: Flask, clinic: SmallClinic, physician: Caller
) -> None:
    one, _two = (order(physician, clinic)[0] for _ in range(2))
    late = load(one).collect_by + timedelta(minutes=5)

    def locked(session: Session) -> None:
        session.execute(select(Requisition).where(Requisition.id == one).with_for_update())

    def find(_nothing: int) -> int:
        with app.app_context(), transaction(WORKER) as session:
            return service.find_uncollected(session=session, now=late, limit=100)

    with transaction(WORKER) as session:
        locked(session)
        with ThreadPoolExecutor(1) as pool:
            assert list(pool.map(find, [0])) == [1]
    assert find(0) == 1
