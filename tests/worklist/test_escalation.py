"""What is late moves a step up: practitioner, pool, the pool's lead. Hours are business hours."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.worklist import rules, service
from portal.worklist.states import Priority, WorkItemKind
from tests.support.clinic import NOW, SmallClinic, actor
from tests.support.work import drain
from tests.worklist.conftest import Open, escalate, item, route, told, way
from workers import schedule

FRIDAY_EVENING = datetime(2026, 3, 6, 21, 30, tzinfo=UTC)  # 16:30 in New York, before 8 March's DST
MONDAY = datetime(2026, 3, 9, 19, 30, tzinfo=UTC)  # 15:30 in New York, daylight saving time


@pytest.fixture
def late(opened: Open) -> UUID:
    """An item of the physician that was due at NOW."""
    id_ = opened(now=NOW - timedelta(days=1), due_at=NOW)
    route(id_, NOW - timedelta(days=1))
    return id_


def test_nothing_moves_before_its_time(late: UUID) -> None:
    assert escalate(NOW - timedelta(seconds=1)) == 0
    assert (item(late).escalation_level, len(way(late))) == (0, 1)


def test_step_by_step_to_the_lead_who_is_reminded(clinic: SmallClinic, late: UUID) -> None:
    for level in range(1, 5):
        assert escalate(item(late).due_at) == 1
        assert item(late).escalation_level == level
    assert way(late)[1:] == [
        (None, "not answered in time: pool"),
        (clinic.nurse.id, "not answered in time: the pool's lead"),
        (clinic.nurse.id, "still not answered: reminder to the lead"),
        (clinic.nurse.id, "still not answered: reminder to the lead"),
    ]
    assert item(late).assignee_id == clinic.nurse.id


def test_the_pool_is_told_then_the_lead_and_who_is_responsible(
    clinic: SmallClinic, late: UUID
) -> None:
    drain()
    assert told(late) == {(clinic.physician.id, "work_assigned")}
    escalate(NOW)
    drain()
    first = {(who.id, "work_escalated") for who in (clinic.physician, clinic.colleague)}
    assert told(late) >= first | {(clinic.nurse.id, "work_escalated")}
    before = notifications_of(late)
    escalate(item(late).due_at)
    drain()
    assert notifications_of(late) - before == 2, "the lead, and who is responsible"


def notifications_of(item_id: UUID) -> int:
    with transaction(OPERATOR) as session:
        query = text("SELECT count(*) FROM notification WHERE subject_id = :id")
        return int(session.execute(query, {"id": item_id}).scalar_one())


def test_a_pools_item_goes_to_its_lead_at_once(clinic: SmallClinic, opened: Open) -> None:
    id_ = opened(responsible_id=None, now=NOW, due_at=NOW)
    route(id_)
    assert escalate(NOW) == 1
    assert item(id_).assignee_id == clinic.nurse.id


def test_a_pool_without_a_lead_keeps_its_items_and_is_told_again(
    clinic: SmallClinic, late: UUID
) -> None:
    with transaction(OPERATOR) as session:
        session.execute(text("UPDATE pool_member SET lead = false"))
    escalate(NOW)
    escalate(item(late).due_at)
    assert way(late)[-1] == (None, "not answered in time: the pool has no lead")


def test_a_late_claim_is_freed(clinic: SmallClinic, late: UUID) -> None:
    claimer = actor(ActorKind.PRACTITIONER, clinic.physician.id, clinic.physician.name)
    with transaction(claimer) as session:
        service.claim(session=session, actor=claimer, item_id=late, version=None, now=utcnow())
    escalate(NOW)
    freed = item(late)
    assert (freed.status, freed.claimed_by, freed.assignee_id) == ("open", None, None)


def test_whoever_lets_it_get_late_a_second_time_it_goes_to_the_lead(
    clinic: SmallClinic, late: UUID
) -> None:
    escalate(NOW)
    claimer = actor(ActorKind.PRACTITIONER, clinic.colleague.id, clinic.colleague.name)
    with transaction(claimer) as session:
        service.claim(session=session, actor=claimer, item_id=late, version=None, now=utcnow())
    escalate(item(late).due_at)
    assert item(late).assignee_id == clinic.nurse.id


def test_what_is_closed_does_not_move(clinic: SmallClinic, late: UUID) -> None:
    doer = actor(ActorKind.PRACTITIONER, clinic.physician.id, clinic.physician.name)
    with transaction(doer) as session:
        service.complete(
            session=session, actor=doer, item_id=late, outcome="Called", version=None, now=utcnow()
        )
    assert escalate(NOW + timedelta(days=9)) == 0


def test_twice_at_the_same_moment_is_once(late: UUID) -> None:
    assert (escalate(NOW), escalate(NOW)) == (1, 0)
    assert (item(late).escalation_level, len(way(late))) == (1, 2)


def test_many_at_the_same_moment_are_one(app: Flask, opened: Open) -> None:
    ids = [opened(due_at=utcnow() - timedelta(minutes=number)) for number in range(20)]
    for id_ in ids:
        route(id_)
    start = Barrier(4)

    def tick(_number: int) -> int:
        with app.app_context():
            start.wait()
            return schedule.escalate()

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(tick, range(4)))
    assert sum(counts) == len(ids)
    assert {(item(id_).escalation_level, len(way(id_))) for id_ in ids} == {(1, 2)}


def test_the_next_step_waits_for_business_hours(opened: Open) -> None:
    id_ = opened(now=FRIDAY_EVENING, due_at=FRIDAY_EVENING)
    route(id_, FRIDAY_EVENING)
    escalate(FRIDAY_EVENING)
    assert item(id_).due_at == MONDAY, "half an hour on Friday, the rest on Monday"
    assert escalate(FRIDAY_EVENING + timedelta(days=2)) == 0


@pytest.mark.parametrize(
    ("priority", "due", "step"),
    [
        (Priority.ROUTINE, timedelta(days=1, hours=7), timedelta(hours=8)),
        (Priority.URGENT, timedelta(hours=4), timedelta(hours=2)),
        (Priority.STAT, timedelta(hours=1), timedelta(minutes=30)),
    ],
)
def test_how_long_each_priority_may_wait(
    clinic: SmallClinic, priority: Priority, due: timedelta, step: timedelta
) -> None:
    with transaction(OPERATOR) as session:
        calendar = directory.calendar_of(session, clinic.clinic.id)
    opening = NOW.replace(hour=13)  # 8:00 in New York
    assert rules.due_at(calendar, priority, opening) == opening + due
    kind = WorkItemKind.REFILL_DECISION
    assert rules.step_due_at(calendar, kind, priority, opening) == opening + step


def test_a_critical_result_waits_by_the_clock_and_not_by_opening_hours(clinic: SmallClinic) -> None:
    with transaction(OPERATOR) as session:
        calendar = directory.calendar_of(session, clinic.clinic.id)
    night = NOW.replace(hour=4)
    due = rules.step_due_at(calendar, WorkItemKind.RESULT_CRITICAL, Priority.STAT, night)
    assert due == night + timedelta(minutes=30)


def test_alternates_are_asked_in_turn_before_the_pool_and_its_lead() -> None:
    first, second, lead, responsible = (new_id() for _ in range(4))
    asked = [
        rules.step_up(
            assignee_id=now_with, lead_id=lead, level=level, alternates=[first, second]
        ).assignee_id
        for level, now_with in enumerate((responsible, first, second, None, lead))
    ]
    assert asked == [first, second, None, lead, lead]
