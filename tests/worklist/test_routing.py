"""Whom an item goes to: who is responsible, who covers, or the pool."""

from datetime import timedelta
from uuid import UUID

import pytest

from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.directory.model import Coverage, Practitioner
from portal.worklist import service
from portal.worklist.model import WorkItem
from portal.worklist.states import Priority, WorkItemStatus
from tests.support.clinic import NOW, SmallClinic, actor, add, practitioner
from tests.support.work import drain
from tests.worklist.conftest import Open, cover, item, route, told, way


def follow(coverage_id: UUID) -> int:
    with transaction(WORKER) as session:
        return service.follow_coverage(
            session=session, actor=WORKER, coverage_id=coverage_id, now=NOW
        )


def deactivate(who: Practitioner) -> None:
    with transaction(OPERATOR) as session:
        session.get_one(Practitioner, who.id).active = False


def take(item_id: UUID, who: Practitioner) -> None:
    claimer = actor(ActorKind.PRACTITIONER, who.id, who.name)
    with transaction(claimer) as session:
        service.claim(session=session, actor=claimer, item_id=item_id, version=None, now=utcnow())


def test_who_is_responsible_gets_it_and_is_told(clinic: SmallClinic, opened: Open) -> None:
    id_ = opened()
    assert (item(id_).assignee_id, item(id_).routed_at) == (None, None)
    drain()
    assert item(id_).assignee_id == clinic.physician.id
    assert way(id_) == [(clinic.physician.id, "responsible")]
    assert told(id_) == {(clinic.physician.id, "work_assigned")}


def test_what_is_urgent_is_told_as_urgent(clinic: SmallClinic, opened: Open) -> None:
    id_ = opened(priority=Priority.URGENT)
    drain()
    assert told(id_) == {(clinic.physician.id, "work_urgent")}


def test_without_anybody_responsible_the_whole_pool_is_told(
    clinic: SmallClinic, opened: Open
) -> None:
    id_ = opened(responsible_id=None)
    drain()
    assert way(id_) == [(None, "pool")]
    everybody = (clinic.physician, clinic.colleague, clinic.nurse)
    assert told(id_) == {(who.id, "work_assigned") for who in everybody}


def test_routing_twice_is_routing_once(clinic: SmallClinic, opened: Open) -> None:
    id_ = opened()
    route(id_)
    version = item(id_).version
    route(id_)
    assert (len(way(id_)), item(id_).version) == (1, version)


def test_the_same_subject_has_one_open_item(clinic: SmallClinic, opened: Open) -> None:
    id_ = opened(subject_id=clinic.clinic.id)
    assert opened(subject_id=clinic.clinic.id, priority=Priority.STAT) == id_
    with transaction(WORKER) as session:
        row = session.get_one(WorkItem, id_)
        row.move_to(WorkItemStatus.DONE, actor=WORKER, now=NOW)
    assert opened(subject_id=clinic.clinic.id) != id_


def test_who_covers_gets_it_with_the_reason(clinic: SmallClinic, opened: Open) -> None:
    cover(clinic.physician, clinic.colleague)
    id_ = opened()
    route(id_)
    assert way(id_) == [
        (clinic.physician.id, "responsible"),
        (clinic.colleague.id, f"away: covered by {clinic.colleague.name}"),
    ]
    assert item(id_).assignee_id == clinic.colleague.id
    drain()
    assert told(id_) == {(clinic.colleague.id, "work_assigned")}, "who is away is left alone"


@pytest.mark.parametrize("days", [(-3, -1), (1, 3)])
def test_coverage_counts_only_while_it_lasts(
    clinic: SmallClinic, opened: Open, days: tuple[int, int]
) -> None:
    starts_at, ends_at = (NOW + timedelta(days=number) for number in days)
    cover(clinic.physician, clinic.colleague, starts_at, ends_at)
    id_ = opened()
    route(id_)
    assert item(id_).assignee_id == clinic.physician.id


def test_coverage_ends_at_its_end_and_begins_at_its_start(
    clinic: SmallClinic, opened: Open
) -> None:
    cover(clinic.physician, clinic.colleague, NOW, NOW + timedelta(hours=1))
    first, last = opened(), opened()
    route(first, NOW)
    route(last, NOW + timedelta(hours=1))
    assert item(first).assignee_id == clinic.colleague.id
    assert item(last).assignee_id == clinic.physician.id


def test_the_way_of_coverage_is_followed_to_who_is_there(clinic: SmallClinic, opened: Open) -> None:
    third = practitioner(clinic.clinic, clinic.nurses, "Dr. Third")
    add(third)
    cover(clinic.physician, clinic.colleague)
    cover(clinic.colleague, third)
    id_ = opened()
    route(id_)
    assert [to for to, _reason in way(id_)] == [clinic.physician.id, clinic.colleague.id, third.id]
    assert item(id_).assignee_id == third.id


def test_circular_coverage_ends_with_the_pool(clinic: SmallClinic, opened: Open) -> None:
    cover(clinic.physician, clinic.colleague)
    cover(clinic.colleague, clinic.physician)
    id_ = opened()
    route(id_)
    assert way(id_)[-1] == (None, "nobody covers: pool")
    assert [to for to, _reason in way(id_)] == [clinic.physician.id, clinic.colleague.id, None]
    drain()
    assert clinic.nurse.id in {who for who, _event in told(id_)}


def test_who_left_is_passed_over(clinic: SmallClinic, opened: Open) -> None:
    deactivate(clinic.physician)
    nobody = opened()
    route(nobody)
    assert way(nobody)[-1] == (None, "nobody covers: pool")
    cover(clinic.physician, clinic.colleague)
    covered = opened()
    route(covered)
    reason = f"no longer active: covered by {clinic.colleague.name}"
    assert way(covered)[-1] == (clinic.colleague.id, reason)


def test_when_coverage_begins_open_items_move_and_when_it_is_cancelled_return(
    clinic: SmallClinic, opened: Open
) -> None:
    id_ = opened()
    route(id_)
    coverage_id = cover(clinic.physician, clinic.colleague)
    assert (follow(coverage_id), follow(coverage_id)) == (1, 0)
    assert item(id_).assignee_id == clinic.colleague.id
    with transaction(OPERATOR) as session:
        session.get_one(Coverage, coverage_id).cancelled_at = NOW
    assert (follow(coverage_id), follow(coverage_id)) == (1, 0)
    assert item(id_).assignee_id == clinic.physician.id
    assert len(way(id_)) == 3


def test_what_somebody_claimed_stays_with_them(clinic: SmallClinic, opened: Open) -> None:
    id_ = opened()
    route(id_)
    take(id_, clinic.physician)
    assert follow(cover(clinic.physician, clinic.colleague)) == 0
    assert item(id_).assignee_id == clinic.physician.id


def test_what_is_claimed_before_it_was_routed_stays_with_the_claimer(
    clinic: SmallClinic, opened: Open
) -> None:
    id_ = opened()
    take(id_, clinic.colleague)
    route(id_)
    now = item(id_)
    assert (now.claimed_by, now.routed_at) == (clinic.colleague.id, NOW)
    assert len(way(id_)) == 1, "only the claim"


def test_nobody_is_told_of_what_was_closed_meanwhile(clinic: SmallClinic, opened: Open) -> None:
    id_ = opened()
    route(id_)
    with transaction(WORKER) as session:
        session.get_one(WorkItem, id_).move_to(WorkItemStatus.DONE, actor=WORKER, now=NOW)
    drain()
    assert told(id_) == set()
