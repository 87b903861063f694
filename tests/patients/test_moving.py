"""A patient's clinic is another from now on: who had something open, or somebody of the new clinic
has it, can see it; and the new clinic knows of the rest."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from portal.core.actor import OPERATOR, ActorKind
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.directory.model import Clinic, Pool, PoolKind, PoolMember, StaffMember
from tests.patients.endings import Life, broken
from tests.support.api import Caller
from tests.support.clinic import ZONE, add
from tests.support.work import drain
from tests.workers.conftest import set_event
from workers.runner import run_events

Sign = Callable[..., Caller]
_ITEMS = text(
    "SELECT w.id, w.kind, w.status, w.responsible_id, p.kind AS pool, p.clinic_id, w.pool_id "
    "FROM work_item w JOIN pool p ON p.id = w.pool_id "
    "WHERE w.patient_id = :id AND w.status IN ('open', 'claimed') ORDER BY w.id"
)
_CORRECTED = text("SELECT id FROM outbox_event WHERE kind = 'patient.corrected'")
_OTHERS_LETTERS = text(
    "SELECT count(*) FROM letter l JOIN patient p ON p.id = l.patient_id "
    "WHERE l.status = 'queued' AND l.clinic_id <> p.clinic_id"
)


@dataclass(frozen=True)
class Elsewhere:
    """A clinic with a team of each kind, and somebody in each."""

    clinic: Clinic
    people: dict[UUID, UUID]


@pytest.fixture
def oak(life: Life) -> Elsewhere:
    assert life.clinic.clinic.name
    clinic = Clinic(id=new_id(), name="Oak Clinic", time_zone=ZONE, phone="555-0111")
    add(clinic)
    people = {}
    for kind in PoolKind:
        pool = Pool(id=new_id(), clinic_id=clinic.id, kind=kind, name=f"Oak {kind}")
        person = StaffMember(id=new_id(), clinic_id=clinic.id, name=f"Of {kind}", title="Staff")
        member = PoolMember(pool_id=pool.id, member_id=person.id, member_kind="staff")
        add(pool, person, member)
        people[pool.id] = person.id
    return Elsewhere(clinic, people)


def items(patient_id: UUID) -> list[Any]:
    with transaction(OPERATOR) as session:
        return list(session.execute(_ITEMS, {"id": patient_id}).all())


def move(life: Life, to: Clinic, who: Caller | None = None) -> None:
    body = {"clinic_id": str(to.id), "reason": "The patient has moved to Oak Street"}
    answer = (who or life.nurse).post(f"/patients/{life.clinic.patient.id}/corrections", body)
    assert answer.status_code == 200, answer.text
    drain()


def test_what_is_open_is_with_somebody_who_sees_it(
    life: Life, oak: Elsewhere, caller: Sign
) -> None:
    life.open_everything()
    drain()
    patient_id = life.clinic.patient.id
    before = {item.id: item for item in items(patient_id)}
    assert {item.responsible_id is None for item in before.values()} == {True, False}
    move(life, oak.clinic)
    moved = {item.id: item for item in items(patient_id) if item.clinic_id == oak.clinic.id}
    for id_, item in before.items():
        teams = item.responsible_id is None and not item.kind.startswith("referral_")
        assert (id_ in moved) == teams, item.kind
        if teams:
            assert moved[id_].pool == item.pool
    holders = {pool: caller(ActorKind.STAFF, person) for pool, person in oak.people.items()}
    for item in moved.values():
        seen = holders[item.pool_id].get(f"/worklist/{item.id}")
        assert seen.status_code == 200, (item.kind, seen.text)
    [asked] = [item for item in moved.values() if item.kind == "patient_moved"]
    clerk = holders[asked.pool_id]
    link = clerk.get(f"/worklist/{asked.id}").json["link"]
    answer = clerk.request("GET", link)
    assert answer.status_code == 200, answer.text
    left = answer.json["items"]
    assert sum(one["open"] for one in left) == len(before) - (len(moved) - 1)
    assert {one["clinic"] for one in left} <= {life.clinic.clinic.name}
    here = {life.clinic.physician.name, life.clinic.colleague.name, None}
    assert {one["person"] for one in left} <= here
    with transaction(OPERATOR) as session:
        assert session.execute(_OTHERS_LETTERS).scalar() == 0
    assert broken() == []


def clerk_of(oak: Elsewhere) -> UUID:
    with transaction(OPERATOR) as session:
        query = text("SELECT id FROM pool WHERE clinic_id = :id AND kind = 'clinic_staff'")
        return oak.people[session.execute(query, {"id": oak.clinic.id}).scalar_one()]


def test_twice_is_once_and_back_is_back(life: Life, oak: Elsewhere, caller: Sign) -> None:
    life.open_everything()
    drain()
    patient_id = life.clinic.patient.id
    before = {(item.id, item.pool_id) for item in items(patient_id)}
    move(life, oak.clinic)
    once = items(patient_id)
    with transaction(OPERATOR) as session:
        [event] = session.scalars(_CORRECTED).all()
    set_event(event, status="published")
    run_events("patient.corrected", [event])
    assert items(patient_id) == once
    move(life, life.clinic.clinic, caller(ActorKind.STAFF, clerk_of(oak)))
    back = {(item.id, item.pool_id) for item in items(patient_id) if item.kind != "patient_moved"}
    assert back == before


def test_nobody_else_reads_where_it_is(life: Life, oak: Elsewhere, caller: Sign) -> None:
    stranger = caller(ActorKind.STAFF, clerk_of(oak))
    path = f"/patients/{life.clinic.patient.id}/open-elsewhere"
    assert stranger.get(path).status_code == 404
    assert life.patient.get(path).status_code == 403
