"""A practitioner's care of a patient ends: what they answered for is with who answers now, whether
it was open before or is opened later, and nobody has it twice."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from portal.core import loops
from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.directory.model import Pool, PoolMember, Practitioner
from portal.worklist import service
from portal.worklist.rules import CARE_ENDED
from portal.worklist.states import IN_PERSON, WorkItemKind
from tests.patients.endings import broken
from tests.support.api import Caller
from tests.support.clinic import NOW, SmallClinic, add, care_team, practitioner
from tests.support.work import drain
from tests.workers.conftest import events, set_event
from tests.worklist.conftest import Open, cover, item, told, way
from workers.runner import run_events

LEFT_WITH = "a work item is with somebody whose care of the patient has ended"
MOVING = sorted(set(WorkItemKind) - IN_PERSON)


def tomorrow() -> set[str]:
    """The rules that are broken once the day on which the care ended is over everywhere."""
    with transaction(OPERATOR) as session:
        return {one.rule for one in loops.check(session, now=utcnow() + timedelta(days=3))}


@pytest.fixture
def staff(clinic: SmallClinic) -> UUID:
    """The pool of the clinic's staff, with the nurse in it."""
    pool = Pool(id=new_id(), clinic_id=clinic.clinic.id, kind="clinic_staff", name="Front desk")
    member = PoolMember(pool_id=pool.id, member_id=clinic.nurse.id, member_kind="staff", lead=True)
    add(pool, member)
    return pool.id


@pytest.fixture
def end(clinic: SmallClinic, nurse: Caller) -> Callable[[Practitioner], None]:
    def end_(who: Practitioner) -> None:
        path = f"/patients/{clinic.patient.id}/care-team/{who.id}"
        assert nurse.delete(path).status_code == 204

    return end_


@pytest.fixture
def begin(clinic: SmallClinic, staff: UUID, nurse: Caller) -> Callable[[Practitioner], None]:
    assert staff is not None, "the front desk still sees the patient"

    def begin_(who: Practitioner) -> None:
        body = {"practitioner_id": str(who.id), "role": "primary"}
        answer = nurse.post(f"/patients/{clinic.patient.id}/care-team", body)
        assert answer.status_code == 200, answer.text

    return begin_


Change = Callable[[Practitioner], None]


@pytest.mark.parametrize("first", ["opened", "ended"])
def test_every_kind_goes_to_who_answers_now_but_what_is_done_in_person(
    clinic: SmallClinic, opened: Open, end: Change, begin: Change, first: str
) -> None:
    """Whether it was open when the care ended, or is opened afterwards."""
    if first == "ended":
        end(clinic.physician)
        begin(clinic.colleague)
        drain()
    ids = {kind: opened(kind=kind) for kind in WorkItemKind}
    drain()
    if first == "opened":
        assert {item(id_).assignee_id for id_ in ids.values()} == {clinic.physician.id}
        end(clinic.physician)
        begin(clinic.colleague)
        drain()
    for kind, id_ in ids.items():
        whose = clinic.physician if kind in IN_PERSON else clinic.colleague
        assert (item(id_).assignee_id, item(id_).responsible_id) == (whose.id, whose.id), kind
        if kind not in IN_PERSON:
            assert way(id_)[-1] == (clinic.colleague.id, CARE_ENDED)
            assert (clinic.colleague.id, "work_assigned") in told(id_)
    assert LEFT_WITH not in broken()


def test_with_nobody_it_is_the_staffs_until_somebody_begins(
    clinic: SmallClinic, staff: UUID, opened: Open, end: Change, begin: Change
) -> None:
    due_at = utcnow()
    before = opened(due_at=due_at)
    drain()
    end(clinic.physician)
    drain()
    later = opened(due_at=due_at)
    drain()
    for id_ in (before, later):
        seen = item(id_)
        assert (seen.assignee_id, seen.pool_id, seen.status) == (None, staff, "open")
        assert way(id_)[-1] == (None, CARE_ENDED)
    assert broken() == []
    with transaction(WORKER) as session:
        assert service.escalate_due(session=session, actor=WORKER, now=utcnow(), limit=9) == 2
    drain()
    for id_ in (before, later):
        people = {who for who, _event in told(id_)}
        assert clinic.nurse.id in people
        assert (clinic.physician.id, "work_escalated") not in told(id_)
    begin(clinic.colleague)
    drain()
    for id_ in (before, later):
        seen = item(id_)
        assert (seen.assignee_id, seen.pool_id) == (clinic.colleague.id, clinic.nurses.id)
    assert broken() == []


def test_what_is_not_followed_is_seen(clinic: SmallClinic, opened: Open, end: Change) -> None:
    opened()
    drain()
    end(clinic.physician)
    assert LEFT_WITH in tomorrow()
    drain()
    assert LEFT_WITH not in tomorrow()


def test_twice_is_once(clinic: SmallClinic, staff: UUID, opened: Open, end: Change) -> None:
    id_ = opened()
    drain()
    end(clinic.physician)
    drain()
    assert item(id_).pool_id == staff
    once = way(id_), item(id_).version
    [event] = events("patient.care_team_changed")
    set_event(event.id, status="published")
    run_events("patient.care_team_changed", [event.id])
    drain()
    assert (way(id_), item(id_).version) == once


def test_what_somebody_took_stays_with_them(
    clinic: SmallClinic, nurse: Caller, opened: Open, end: Change, begin: Change
) -> None:
    id_ = opened()
    drain()
    assert nurse.post(f"/worklist/{id_}/claim").status_code == 200
    end(clinic.physician)
    begin(clinic.colleague)
    drain()
    seen = item(id_)
    assert (seen.claimed_by, seen.responsible_id) == (clinic.nurse.id, clinic.colleague.id)


def test_what_they_had_claimed_is_free_again(
    clinic: SmallClinic, physician: Caller, opened: Open, end: Change, begin: Change
) -> None:
    id_ = opened()
    drain()
    assert physician.post(f"/worklist/{id_}/claim").status_code == 200
    end(clinic.physician)
    begin(clinic.colleague)
    drain()
    seen = item(id_)
    assert (seen.status, seen.claimed_by, seen.assignee_id) == ("open", None, clinic.colleague.id)


def test_who_covers_for_who_answers_now_gets_it(
    clinic: SmallClinic, opened: Open, end: Change, begin: Change
) -> None:
    third = practitioner(clinic.clinic, clinic.nurses, "Dr. Third")
    add(third)
    cover(clinic.colleague, third, utcnow() - timedelta(days=1), utcnow() + timedelta(days=3))
    id_ = opened()
    drain()
    end(clinic.physician)
    begin(clinic.colleague)
    drain()
    assert item(id_).assignee_id == third.id
    assert [who for who, _ in way(id_)[-2:]] == [clinic.colleague.id, third.id]


def test_who_covers_for_who_did_gets_nothing(
    clinic: SmallClinic, staff: UUID, opened: Open, end: Change
) -> None:
    id_ = opened()
    drain()
    end(clinic.physician)
    drain()
    away = cover(clinic.physician, clinic.colleague)
    with transaction(WORKER) as session:
        service.follow_coverage(session=session, actor=WORKER, coverage_id=away, now=NOW)
    assert (item(id_).assignee_id, item(id_).pool_id) == (None, staff)


def test_others_patients_stay_with_them(
    clinic: SmallClinic, opened: Open, end: Change, begin: Change
) -> None:
    add(care_team(clinic.other_patient, clinic.physician, "specialist"))
    theirs = opened(patient_id=clinic.other_patient.id)
    drain()
    end(clinic.physician)
    begin(clinic.colleague)
    drain()
    assert item(theirs).assignee_id == clinic.physician.id


def test_who_never_belonged_to_the_care_team_keeps_what_was_asked_of_them(
    clinic: SmallClinic, opened: Open
) -> None:
    id_ = opened(responsible_id=clinic.colleague.id)
    drain()
    assert item(id_).assignee_id == clinic.colleague.id


@pytest.mark.parametrize("kind", MOVING)
def test_who_answers_now_reads_it_and_who_did_does_not(
    clinic: SmallClinic,
    caller: Callable[..., Caller],
    opened: Open,
    end: Change,
    begin: Change,
    kind: WorkItemKind,
) -> None:
    id_ = opened(kind=kind)
    drain()
    end(clinic.physician)
    begin(clinic.colleague)
    drain()
    now = caller(ActorKind.PRACTITIONER, clinic.colleague.id)
    assert now.get(f"/worklist/{id_}").status_code == 200
