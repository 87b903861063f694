"""The same Idempotency-Key: the same answer, at once or later, and for nobody else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import KEPT_FOR
from portal.core.ids import new_id
from portal.core.tables import IdempotencyKey
from portal.directory.model import Pharmacy
from tests.support.api import Caller
from tests.support.clinic import token_for

KEY = {"Idempotency-Key": "tuesday-morning"}


def pharmacy(**changes: Any) -> dict[str, Any]:
    return {
        "name": "New Pharmacy",
        "phone": "555-0100",
        "line": "1 Main Street",
        "city": "Springfield",
        "state": "NY",
        "postal_code": "12345",
        "hours": "Mon-Fri 9-18",
        "time_zone": "America/New_York",
        **changes,
    }


@pytest.fixture
def administrator(caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.ADMINISTRATOR, new_id(), "Ada Admin")


def add(caller: Caller, headers: dict[str, str] = KEY, **changes: Any) -> Any:
    return caller.post("/pharmacies", pharmacy(**changes), headers=headers)


def pharmacies() -> int:
    with transaction(OPERATOR) as session:
        return session.scalar(select(func.count()).select_from(Pharmacy)) or 0


def keys() -> list[IdempotencyKey]:
    with transaction(OPERATOR) as session:
        return list(session.scalars(select(IdempotencyKey)))


def test_the_same_request_has_the_same_answer(administrator: Caller) -> None:
    first, again = add(administrator), add(administrator)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.data == first.data
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert pharmacies() == 1


def test_another_body_under_the_same_key_is_refused(administrator: Caller) -> None:
    add(administrator)
    answer = add(administrator, name="Other Pharmacy")
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")
    assert pharmacies() == 1


def test_another_address_under_the_same_key_is_refused(administrator: Caller) -> None:
    path = f"/clinics/{new_id()}/closures"
    body = {"day": utcnow().date().isoformat(), "reason": "Holiday"}
    add(administrator)
    answer = administrator.post(path, body, headers=KEY)
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")


def test_a_key_is_its_actors_own(administrator: Caller, caller: Callable[..., Caller]) -> None:
    other = caller(ActorKind.ADMINISTRATOR, new_id())
    first, second = add(administrator), add(other, name="Other Pharmacy")
    assert (first.status_code, second.status_code) == (201, 201)
    assert pharmacies() == 2


def test_what_failed_leaves_the_key_free(administrator: Caller) -> None:
    taken: dict[str, Any] = {"ncpdp_id": "1234567"}
    add(administrator, {"Idempotency-Key": "earlier"}, **taken)
    assert add(administrator, **taken).status_code == 409
    assert add(administrator, ncpdp_id="7654321").status_code == 201
    assert (pharmacies(), len(keys())) == (2, 2)


def test_without_a_key_each_request_stands_for_itself(administrator: Caller) -> None:
    for _ in range(2):
        answer = administrator.request("POST", "/api/v1/pharmacies", json=pharmacy())
        assert answer.status_code == 201
    assert (pharmacies(), keys()) == (2, [])


@pytest.mark.parametrize("key", ["", "x" * 256, "two\tparts"])
def test_a_key_that_cannot_be_one_is_named(administrator: Caller, key: str) -> None:
    answer = add(administrator, {"Idempotency-Key": key})
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert answer.json["errors"][0]["pointer"] == "#header/Idempotency-Key"
    assert pharmacies() == 0


def test_a_key_is_kept_for_two_days(administrator: Caller) -> None:
    before = utcnow()
    add(administrator)
    [kept] = keys()
    assert before + KEPT_FOR <= kept.expires_at <= utcnow() + KEPT_FOR


def test_an_answer_with_a_secret_is_given_once(administrator: Caller) -> None:
    body = {"kind": "phone", "name": "Phone line", "organization_id": str(new_id())}
    first, again = (administrator.post("/clients", body, headers=KEY) for _ in range(2))
    assert first.status_code == 201, first.text
    assert len(first.json["client_secret"]) > 30
    assert (again.status_code, again.json) == (201, {})
    assert first.json["client_secret"].encode() not in b"".join(key.body or b"" for key in keys())


def test_many_at_once_under_one_key_are_one(app: Flask) -> None:
    token = token_for(ActorKind.ADMINISTRATOR, new_id())
    start = Barrier(6)

    def send(_number: int) -> Any:
        start.wait()
        return add(Caller(app, token))

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers].count("true") == 5
    assert pharmacies() == 1


def test_of_two_bodies_at_once_under_one_key_one_is_refused(app: Flask) -> None:
    token = token_for(ActorKind.ADMINISTRATOR, new_id())
    start = Barrier(2)

    def send(number: int) -> int:
        start.wait()
        return int(add(Caller(app, token), name=f"Pharmacy {number}").status_code)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(send, range(2))) == [201, 422]
    assert pharmacies() == 1
