"""Working a worklist by HTTP: who sees an item, claims it, gives it back or gives it away."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.core.tables import AuditEntry
from portal.directory.model import Clinic, Pool, PoolMember, Practitioner
from portal.worklist.states import Priority, WorkItemKind
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, practitioner, token_for
from tests.support.work import drain
from tests.worklist.conftest import Open, SignIn, item, route, told, way

ACTIONS: dict[str, Any] = {
    "claim": {},
    "release": {},
    "reassign": {"assignee_id": None, "reason": "Busy"},
    "complete": {"outcome": "Called them"},
}


def act(caller: Caller, item_id: UUID, action: str, body: Any = None, **kwargs: Any) -> Any:
    chosen = ACTIONS[action] if body is None else body
    if action == "complete":
        kwargs.setdefault("headers", {"If-Match": "*"})
    return caller.post(f"/worklist/{item_id}/{action}", chosen, **kwargs)


def give(caller: Caller, item_id: UUID, to: UUID | None) -> Any:
    body = {"assignee_id": str(to) if to else None, "reason": "Knows her"}
    return act(caller, item_id, "reassign", body)


def seen(caller: Caller, query: str = "") -> list[str]:
    answer = caller.get(f"/worklist{query}")
    assert answer.status_code == 200, answer.text
    return [found["id"] for found in answer.json["items"]]


@pytest.fixture
def routed(opened: Open) -> UUID:
    """An item that is with the physician."""
    id_ = opened()
    route(id_)
    return id_


@pytest.fixture
def shared(opened: Open) -> UUID:
    """An item that is with the nurses' pool."""
    id_ = opened(responsible_id=None)
    route(id_)
    return id_


@pytest.fixture
def stranger(clinic: SmallClinic, caller: SignIn) -> Caller:
    """A practitioner of another clinic."""
    return caller(ActorKind.PRACTITIONER, other_clinic().id, "Dr. Far Away")


def other_clinic() -> Practitioner:
    clinic = Clinic(id=new_id(), name="Far Clinic", time_zone="America/Chicago", phone="555-0111")
    pool = Pool(id=new_id(), clinic_id=clinic.id, kind="nurses", name="Far nurses")
    doctor = practitioner(clinic, pool, "Dr. Far Away")
    member = PoolMember(pool_id=pool.id, member_id=doctor.id, member_kind="practitioner", lead=True)
    add(clinic, pool, doctor, member)
    return doctor


def test_what_is_routed_is_its_assignees_and_under_the_staffs_eyes(
    physician: Caller, colleague: Caller, nurse: Caller, routed: UUID
) -> None:
    assert seen(physician) == seen(nurse) == [str(routed)]
    assert seen(colleague) == []
    assert seen(physician, "?mine=true") == [str(routed)]
    assert seen(nurse, "?mine=true") == []


def test_what_the_pool_has_is_seen_by_all_of_it(
    physician: Caller, colleague: Caller, nurse: Caller, stranger: Caller, shared: UUID
) -> None:
    assert seen(physician) == seen(colleague) == seen(nurse) == [str(shared)]
    assert seen(stranger) == []


def test_an_item_says_what_it_is_about_and_how_it_came(
    clinic: SmallClinic, physician: Caller, routed: UUID
) -> None:
    answer = physician.get(f"/worklist/{routed}")
    assert answer.status_code == 200, answer.text
    found = answer.json
    assert found["patient"] == {
        "id": str(clinic.patient.id),
        "name": "Avery Testpatient",
        "birth_date": "1980-04-15",
    }
    assert found["assignee"] == {"id": str(clinic.physician.id), "name": clinic.physician.name}
    assert (found["status"], found["claimed_by"], found["late"]) == ("open", None, False)
    [hop] = found["hops"]
    assert (hop["to"], hop["reason"]) == (clinic.physician.name, "responsible")
    assert answer.headers["ETag"] == f'"{found["version"]}"'


def test_a_claim_a_release_and_their_hops(
    clinic: SmallClinic, physician: Caller, routed: UUID
) -> None:
    claimed = act(physician, routed, "claim").json
    assert (claimed["status"], claimed["claimed_by"]["name"]) == ("claimed", clinic.physician.name)
    assert act(physician, routed, "claim").json["version"] == claimed["version"], "claimed once"
    released = act(physician, routed, "release").json
    assert (released["status"], released["claimed_by"]) == ("open", None)
    who = clinic.physician
    assert way(routed) == [
        (who.id, "responsible"),
        (who.id, f"claimed by {who.name}"),
        (who.id, f"released by {who.name}"),
    ]


def test_only_who_claimed_it_releases_it(physician: Caller, nurse: Caller, routed: UUID) -> None:
    assert act(physician, routed, "claim").status_code == 200
    refused = act(nurse, routed, "release")
    assert (refused.status_code, refused.json["code"]) == (403, "not_the_claimer")
    assert item(routed).status == "claimed"


def test_of_many_who_claim_at_once_one_has_it_and_the_others_are_told(
    app: Flask, clinic: SmallClinic, shared: UUID
) -> None:
    before = utcnow()
    people: list[tuple[ActorKind, Any]] = [
        (ActorKind.PRACTITIONER, clinic.physician),
        (ActorKind.PRACTITIONER, clinic.colleague),
        (ActorKind.STAFF, clinic.nurse),
    ]
    callers = [Caller(app, token_for(kind, who.id, who.name)) for kind, who in people]
    start = Barrier(len(callers))

    def claim(caller: Caller) -> Any:
        start.wait()
        return act(caller, shared, "claim")

    with ThreadPoolExecutor(len(callers)) as pool:
        won, *lost = sorted(pool.map(claim, callers), key=lambda answer: answer.status_code)
    assert [won.status_code, *(answer.status_code for answer in lost)] == [200, 409, 409]
    winner = won.json["claimed_by"]
    for answer in lost:
        assert answer.json["code"] == "already_claimed"
        assert answer.json["claimed_by"] == winner["name"]
        assert winner["name"] in answer.json["detail"]
        assert before <= datetime.fromisoformat(answer.json["claimed_at"]) <= utcnow()
    assert str(item(shared).claimed_by) == winner["id"]
    assert len(way(shared)) == 2, "routed, and claimed once"


def test_reassigning_moves_it_and_tells_who_gets_it(
    clinic: SmallClinic, physician: Caller, colleague: Caller, routed: UUID
) -> None:
    act(physician, routed, "claim")
    answer = give(physician, routed, clinic.colleague.id)
    assert answer.status_code == 200, answer.text
    assert (answer.json["status"], answer.json["claimed_by"]) == ("open", None)
    assert answer.json["assignee"]["id"] == str(clinic.colleague.id)
    assert seen(colleague) == [str(routed)]
    reason = f"reassigned by {clinic.physician.name}: Knows her"
    assert way(routed)[-1] == (clinic.colleague.id, reason)
    drain()
    assert (clinic.colleague.id, "work_assigned") in told(routed)


def test_who_is_not_of_the_care_team_can_give_an_item_back(
    clinic: SmallClinic, colleague: Caller, physician: Caller, routed: UUID
) -> None:
    assert give(physician, routed, clinic.colleague.id).status_code == 200
    back = give(colleague, routed, clinic.physician.id)
    assert back.status_code == 200, back.text
    assert back.json["assignee"]["name"] == clinic.physician.name
    assert back.json["patient"] is None, "the patient is no longer theirs to see"
    assert item(routed).assignee_id == clinic.physician.id
    assert colleague.get(f"/worklist/{routed}").status_code == 200, "who gave it may ask for it"
    assert seen(colleague) == []
    assert act(colleague, routed, "claim").status_code == 404


def test_the_pool_can_be_given_it_back(nurse: Caller, colleague: Caller, routed: UUID) -> None:
    assert give(nurse, routed, None).json["assignee"] is None
    assert seen(colleague) == [str(routed)]


def test_only_somebody_of_the_clinic_can_be_given_it(physician: Caller, routed: UUID) -> None:
    for nobody in (uuid4(), other_clinic().id):
        answer = give(physician, routed, nobody)
        assert (answer.status_code, answer.json["code"]) == (422, "unassignable")
        assert answer.json["errors"][0]["pointer"] == "/assignee_id"
    assert len(way(routed)) == 1


def test_a_decision_goes_to_practitioners_and_closes_with_the_decision(
    clinic: SmallClinic, physician: Caller, opened: Open
) -> None:
    decision = opened(kind=WorkItemKind.REFILL_DECISION)
    route(decision)
    answer = give(physician, decision, clinic.nurse.id)
    assert (answer.status_code, answer.json["code"]) == (422, "unassignable")
    by_hand = act(physician, decision, "complete")
    assert (by_hand.status_code, by_hand.json["code"]) == (409, "not_closed_by_hand")
    assert item(decision).status == "open"


def test_what_is_closed_stays_closed_and_says_what_came_of_it(
    physician: Caller, routed: UUID
) -> None:
    done = act(physician, routed, "complete")
    assert (done.status_code, done.json["status"]) == (200, "done")
    for action in ACTIONS:
        again = act(physician, routed, action)
        assert (again.status_code, again.json["code"]) == (409, "already_closed")
        assert again.json["outcome"] == "Called them"
    assert seen(physician) == []


@pytest.mark.parametrize("action", ACTIONS)
def test_who_may_not_do_this(
    anonymous: Caller, clinic: SmallClinic, caller: SignIn, routed: UUID, action: str
) -> None:
    assert act(anonymous, routed, action).status_code == 401
    for kind, who in [
        (ActorKind.PATIENT, clinic.patient.id),
        (ActorKind.ADMINISTRATOR, new_id()),
        (ActorKind.PHARMACY, clinic.pharmacy.id),
    ]:
        assert act(caller(kind, who), routed, action).status_code == 403
    assert (item(routed).status, len(way(routed))) == ("open", 1)


def test_reading_needs_the_permission_too(
    anonymous: Caller, clinic: SmallClinic, caller: SignIn, routed: UUID
) -> None:
    patient = caller(ActorKind.PATIENT, clinic.patient.id)
    for path in ("/worklist", "/worklist/summary", f"/worklist/{routed}"):
        assert anonymous.get(path).status_code == 401
        assert patient.get(path).status_code == 403


@pytest.mark.parametrize("action", ACTIONS)
def test_an_item_on_others_worklists_does_not_exist(
    stranger: Caller, colleague: Caller, routed: UUID, action: str
) -> None:
    for caller in (stranger, colleague):
        assert caller.get(f"/worklist/{routed}").status_code == 404
        assert act(caller, routed, action).status_code == 404
    assert act(stranger, uuid4(), action).json["code"] == "work_item_unknown"
    assert (item(routed).status, len(way(routed))) == ("open", 1)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_old_version_changes_nothing(physician: Caller, routed: UUID, action: str) -> None:
    for etag, status in (('"1"', 412), ("yesterday's", 400)):
        assert act(physician, routed, action, headers={"If-Match": etag}).status_code == status
    assert len(way(routed)) == 1
    current = physician.get(f"/worklist/{routed}").headers["ETag"]
    assert act(physician, routed, "claim", headers={"If-Match": current}).status_code == 200


@pytest.mark.parametrize(
    ("action", "body", "pointer"),
    [
        ("claim", {"for": "me"}, "/for"),
        ("reassign", {"reason": "Busy"}, "/assignee_id"),
        ("reassign", {"assignee_id": None}, "/reason"),
        ("reassign", {"assignee_id": None, "reason": ""}, "/reason"),
        ("reassign", {"assignee_id": "her", "reason": "Busy"}, "/assignee_id"),
        ("complete", {"outcome": "two\nlines"}, "/outcome"),
        ("complete", {"outcome": "x" * 301}, "/outcome"),
    ],
)
def test_bad_input_names_the_member(
    physician: Caller, routed: UUID, action: str, body: Any, pointer: str
) -> None:
    answer = act(physician, routed, action, body)
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json["errors"]} == {pointer}
    assert len(way(routed)) == 1


def test_the_next_due_comes_first_and_pages_follow_each_other(
    physician: Caller, opened: Open
) -> None:
    now = utcnow()
    ids = [opened(due_at=now.replace(year=now.year + year)) for year in (3, 1, 2, 2)]
    for id_ in ids:
        route(id_)
    first = physician.get("/worklist?limit=3").json
    second = physician.get(f"/worklist?limit=3&cursor={first['next']}").json
    listed = [found["id"] for found in first["items"] + second["items"]]
    assert listed == [str(ids[number]) for number in (1, *sorted((2, 3), key=ids.__getitem__), 0)]
    assert second["next"] is None


def test_a_list_can_be_of_one_kind(physician: Caller, opened: Open, routed: UUID) -> None:
    failed = opened(kind=WorkItemKind.REFILL_FAILED)
    route(failed)
    assert seen(physician, "?kind=refill_failed") == [str(failed)]
    assert physician.get("/worklist?kind=everything").status_code == 422


def test_the_summary_counts_by_kind_what_is_late_and_what_is_mine(
    physician: Caller, nurse: Caller, opened: Open, routed: UUID, shared: UUID
) -> None:
    late = opened(priority=Priority.URGENT, due_at=utcnow().replace(year=2020))
    route(late)
    mine = physician.get("/worklist/summary").json
    assert (mine["total"], mine["overdue"], mine["mine"]) == (3, 1, 2)
    kind = {"kind": "refill_overdue"}
    assert mine["by_kind"] == [
        {**kind, "priority": "routine", "items": 2, "overdue": 0, "mine": 1},
        {**kind, "priority": "urgent", "items": 1, "overdue": 1, "mine": 1},
    ]
    act(nurse, shared, "claim")
    team = nurse.get("/worklist/summary").json
    assert (team["total"], team["overdue"], team["mine"]) == (3, 1, 1)


def test_every_look_and_every_step_is_audited(
    clinic: SmallClinic, physician: Caller, routed: UUID
) -> None:
    physician.get("/worklist")
    physician.get(f"/worklist/{routed}")
    act(physician, routed, "claim")
    with transaction(OPERATOR) as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert {row.patient_id for row in rows} == {clinic.patient.id}
    assert {row.actor_id for row in rows} == {clinic.physician.id}
    assert [row.action for row in rows] == ["read", "read", "claim", "read"]
