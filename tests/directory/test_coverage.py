"""Who covers for whom, by HTTP: arranging it, calling it off, and what then moves."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
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
from portal.core.tables import OutboxEvent
from portal.directory.model import Clinic, Coverage, Pool, Practitioner, StaffMember
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, practitioner, token_for
from tests.support.work import drain
from tests.worklist.conftest import item, opened

__all__ = ["opened"]

SignIn = Callable[..., Caller]
HOUR = timedelta(hours=1)


def body(covering: Practitioner | UUID, **changes: Any) -> dict[str, Any]:
    """Two days of leave from now on."""
    now = utcnow()
    return {
        "covering_id": str(covering if isinstance(covering, UUID) else covering.id),
        "starts_at": (now - HOUR).isoformat(),
        "ends_at": (now + timedelta(days=2)).isoformat(),
        "reason": "Leave",
        **changes,
    }


def arrange(caller: Caller, covering: Practitioner | UUID, **changes: Any) -> Any:
    return caller.post("/coverage", body(covering, **changes))


def arranged(caller: Caller, covering: Practitioner, **changes: Any) -> str:
    answer = arrange(caller, covering, **changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def standing() -> int:
    with transaction(OPERATOR) as session:
        rows = session.scalars(select(Coverage).where(Coverage.cancelled_at.is_(None)))
        return len(rows.all())


def changes_due() -> list[datetime]:
    query = select(OutboxEvent.due_at).filter_by(kind="coverage.changed")
    with transaction(OPERATOR) as session:
        return sorted(session.scalars(query))


@pytest.fixture
def third(clinic: SmallClinic) -> Practitioner:
    row = practitioner(clinic.clinic, clinic.nurses, "Dr. Third")
    add(row)
    return row


def other_clinic() -> tuple[Practitioner, StaffMember]:
    clinic = Clinic(id=new_id(), name="Far Clinic", time_zone="America/Chicago", phone="555-0111")
    pool = Pool(id=new_id(), clinic_id=clinic.id, kind="nurses", name="Far nurses")
    doctor = practitioner(clinic, pool, "Dr. Far Away")
    staff = StaffMember(id=new_id(), clinic_id=clinic.id, name="Far Nurse", title="RN")
    add(clinic, pool, doctor, staff)
    return doctor, staff


def test_a_practitioner_arranges_their_own(clinic: SmallClinic, physician: Caller) -> None:
    answer = arrange(physician, clinic.colleague)
    assert answer.status_code == 201, answer.text
    assert answer.json["practitioner_name"] == clinic.physician.name
    assert answer.json["covering_name"] == clinic.colleague.name
    assert answer.json["cancelled_at"] is None
    [listed] = physician.get("/coverage").json["items"]
    assert listed == answer.json


def test_items_move_when_it_begins_and_return_when_it_is_called_off(
    clinic: SmallClinic, physician: Caller, opened: Callable[..., UUID]
) -> None:
    id_ = opened()
    drain()
    coverage_id = arranged(physician, clinic.colleague)
    drain()
    assert item(id_).assignee_id == clinic.colleague.id
    cancelled = physician.post(f"/coverage/{coverage_id}/cancel")
    assert (cancelled.status_code, cancelled.json["cancelled_at"] is None) == (200, False)
    drain()
    assert item(id_).assignee_id == clinic.physician.id


def test_the_workers_look_again_at_its_start_and_at_its_end(
    clinic: SmallClinic, physician: Caller
) -> None:
    starts_at, ends_at = utcnow() + HOUR, utcnow() + 5 * HOUR
    period = {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
    arranged(physician, clinic.colleague, **period)
    assert changes_due() == [starts_at, ends_at]


def test_staff_arrange_it_within_their_clinic(
    clinic: SmallClinic, nurse: Caller, caller: SignIn
) -> None:
    who = {"practitioner_id": str(clinic.physician.id)}
    doctor, staff = other_clinic()
    far = caller(ActorKind.STAFF, staff.id)
    refused = arrange(far, clinic.colleague, **who)
    assert (refused.status_code, refused.json["code"]) == (403, "not_your_coverage")
    assert arrange(nurse, clinic.colleague, **who).status_code == 201
    elsewhere = arrange(nurse, clinic.colleague, practitioner_id=str(doctor.id))
    assert elsewhere.status_code == 403


def test_a_practitioner_arranges_nobody_elses(
    clinic: SmallClinic, colleague: Caller, physician: Caller
) -> None:
    answer = arrange(colleague, clinic.colleague, practitioner_id=str(clinic.physician.id))
    assert (answer.status_code, answer.json["code"]) == (403, "not_your_coverage")
    coverage_id = arranged(physician, clinic.colleague)
    assert colleague.post(f"/coverage/{coverage_id}/cancel").status_code == 403
    assert standing() == 1


def test_an_administrator_must_say_who_is_away(clinic: SmallClinic, caller: SignIn) -> None:
    administrator = caller(ActorKind.ADMINISTRATOR, new_id())
    answer = arrange(administrator, clinic.colleague)
    assert [error["pointer"] for error in answer.json["errors"]] == ["/practitioner_id"]
    who = {"practitioner_id": str(clinic.physician.id)}
    assert arrange(administrator, clinic.colleague, **who).status_code == 201


def test_others_may_neither_arrange_nor_read_it(
    clinic: SmallClinic, caller: SignIn, anonymous: Caller
) -> None:
    patient = caller(ActorKind.PATIENT, clinic.patient.id)
    for kind, status in ((anonymous, 401), (patient, 403)):
        assert kind.get("/coverage").status_code == status
        assert arrange(kind, clinic.colleague).status_code == status
        assert kind.post(f"/coverage/{uuid4()}/cancel").status_code == status
    assert standing() == 0


def now_and(**delta: float) -> str:
    return (utcnow() + timedelta(**delta)).isoformat()


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"ends_at": now_and(days=-2)}, "/ends_at"),
        ({"starts_at": now_and(days=-3), "ends_at": now_and(hours=-1)}, "/ends_at"),
        ({"ends_at": now_and(days=400)}, "/ends_at"),
        ({"starts_at": now_and(days=2000), "ends_at": now_and(days=2001)}, "/ends_at"),
        ({"starts_at": "2030-01-01T00:00:00"}, "/starts_at"),
        ({"starts_at": "tomorrow"}, "/starts_at"),
        ({"covering_id": str(uuid4())}, "/covering_id"),
        ({"reason": ""}, "/reason"),
        ({"practitioner_id": str(uuid4())}, "/practitioner_id"),
        ({"until": "Monday"}, "/until"),
    ],
)
def test_bad_input_names_the_member(
    clinic: SmallClinic, physician: Caller, changes: dict[str, Any], pointer: str
) -> None:
    answer = arrange(physician, clinic.colleague, **changes)
    assert answer.status_code == 422, answer.text
    assert {error["pointer"] for error in answer.json["errors"]} == {pointer}
    assert standing() == 0


def test_who_cannot_cover(
    clinic: SmallClinic, physician: Caller, colleague: Caller, third: Practitioner
) -> None:
    with transaction(OPERATOR) as session:
        session.get_one(Practitioner, third.id).active = False
    arranged(colleague, clinic.physician, starts_at=now_and(days=1))
    for nobody in (clinic.physician, third, other_clinic()[0], clinic.colleague):
        answer = arrange(physician, nobody)
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json["errors"]] == ["/covering_id"]
    before = {"ends_at": now_and(hours=5)}
    assert arrange(physician, clinic.colleague, **before).status_code == 201


def test_one_covers_at_a_time(clinic: SmallClinic, physician: Caller, third: Practitioner) -> None:
    first = arrange(physician, clinic.colleague).json
    answer = arrange(physician, third)
    assert (answer.status_code, answer.json["code"]) == (409, "coverage_overlaps")
    assert answer.json["coverage_id"] == first["id"]
    follows = {"starts_at": first["ends_at"], "ends_at": now_and(days=5)}
    assert arrange(physician, third, **follows).status_code == 201
    physician.post(f"/coverage/{first['id']}/cancel")
    assert arrange(physician, third, ends_at=first["ends_at"]).status_code == 201


def test_of_two_at_once_one_stands(app: Flask, clinic: SmallClinic, third: Practitioner) -> None:
    token = token_for(ActorKind.PRACTITIONER, clinic.physician.id)
    start = Barrier(2)

    def send(covering: Practitioner) -> int:
        start.wait()
        return int(arrange(Caller(app, token), covering).status_code)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(send, (clinic.colleague, third))) == [201, 409]
    assert standing() == 1


def test_two_who_cover_for_each_other_at_once_make_no_circle(
    app: Flask, clinic: SmallClinic
) -> None:
    pairs = [(clinic.physician, clinic.colleague), (clinic.colleague, clinic.physician)]
    tokens = [token_for(ActorKind.PRACTITIONER, away.id) for away, _covering in pairs]
    start = Barrier(2)

    def send(number: int) -> int:
        start.wait()
        return int(arrange(Caller(app, tokens[number]), pairs[number][1]).status_code)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(send, range(2))) == [201, 422]


def test_calling_off_twice_changes_nothing_and_what_is_over_stays(
    clinic: SmallClinic, physician: Caller
) -> None:
    coverage_id = arranged(physician, clinic.colleague)
    first, again = (physician.post(f"/coverage/{coverage_id}/cancel") for _ in range(2))
    assert (first.status_code, again.json) == (200, first.json)
    assert physician.get("/coverage").json["items"] == []
    past = Coverage(
        id=new_id(),
        practitioner_id=clinic.physician.id,
        covering_id=clinic.colleague.id,
        starts_at=utcnow() - 2 * HOUR,
        ends_at=utcnow() - HOUR,
        reason="Leave",
        created_by=clinic.physician.id,
        created_at=utcnow() - 2 * HOUR,
    )
    add(past)
    over = physician.post(f"/coverage/{past.id}/cancel")
    assert (over.status_code, over.json["code"]) == (409, "coverage_ended")
    unknown = physician.post(f"/coverage/{uuid4()}/cancel")
    assert (unknown.status_code, unknown.json["code"]) == (404, "coverage_unknown")


def test_the_list_pages_and_can_be_of_one_practitioner(
    clinic: SmallClinic, physician: Caller, colleague: Caller, third: Practitioner
) -> None:
    for day in range(3):
        period = {"starts_at": now_and(days=day), "ends_at": now_and(days=day, hours=20)}
        arranged(physician, third, **period)
    arranged(colleague, third, starts_at=now_and(days=9), ends_at=now_and(days=10))
    first = physician.get("/coverage?limit=3").json
    second = physician.get(f"/coverage?limit=3&cursor={first['next']}").json
    starts = [found["starts_at"] for found in first["items"] + second["items"]]
    assert (len(starts), starts, second["next"]) == (4, sorted(starts), None)
    mine = physician.get(f"/coverage?practitioner_id={clinic.colleague.id}").json["items"]
    assert [found["practitioner_name"] for found in mine] == [clinic.colleague.name]
    later = physician.get("/coverage", query_string={"from": now_and(days=5)}).json["items"]
    assert len(later) == 1
