"""The phone line: what it says, and what it gives away to somebody who guesses (nothing)."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from portal.core.actor import NOBODY, OPERATOR, ActorKind
from portal.core.db import transaction
from portal.core.tables import AuditEntry
from portal.prescriptions.model import Prescription
from portal.refills.model import Refill
from portal.refills.service.phone import MISSES_BEFORE_LOCK
from tests.refills.conftest import TODAY, Make, ask, post_one, set_status
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain

BORN = "1980-04-15"


@pytest.fixture
def line(caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.PHONE, NOBODY, "Refill line")


def call(line: Caller, rx: Prescription | str, born: str = BORN, **changes: Any) -> Any:
    number = rx if isinstance(rx, str) else rx.refill_number
    body = {"refill_number": number, "date_of_birth": born, **changes}
    return line.post("/phone/refills", body)


def status(line: Caller, rx: Prescription | str, born: str = BORN) -> Any:
    number = rx if isinstance(rx, str) else rx.refill_number
    headers = {"X-Refill-Number": number, "X-Date-Of-Birth": born}
    return line.get("/phone/refills/status", headers=headers)


def test_a_refill_by_the_number_on_the_label(
    clinic: SmallClinic, line: Caller, patient: Caller, pharmacy: Caller, refillable: Make
) -> None:
    rx = refillable()
    typed = f"{rx.refill_number[:5].lower()} {rx.refill_number[5:]}"
    answer = call(line, typed)
    assert (answer.status_code, answer.json["code"]) == (200, "accepted"), answer.text
    with transaction(OPERATOR) as session:
        [row] = session.scalars(select(Refill))
        assert (row.channel, row.patient_id, row.status) == ("phone", clinic.patient.id, "sending")
        [entry] = session.scalars(select(AuditEntry).where(AuditEntry.resource == "refill"))
        assert (entry.actor_kind, entry.patient_id) == ("phone", clinic.patient.id)
    assert patient.get("/refills").json["items"][0]["id"] == answer.json["refill"]["id"]
    drain()
    assert len(pharmacy.get("/pharmacy/orders").json["items"]) == 1


def test_without_refills_the_prescriber_is_asked(
    line: Caller, physician: Caller, refillable: Make
) -> None:
    answer = call(line, refillable(refills_used=5))
    assert answer.json["code"] == "sent_to_prescriber"
    drain()
    assert len(physician.get("/worklist?kind=refill_decision").json["items"]) == 1


def test_one_open_refill_whatever_the_channel(
    line: Caller, patient: Caller, refillable: Make
) -> None:
    rx = refillable()
    assert ask(patient, rx.id).status_code == 201
    assert call(line, rx).json["code"] == "open_request"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"last_filled_on": TODAY}, "too_soon"),
        ({"status": "on_hold"}, "call_prescriber"),
        ({"status": "stopped"}, "call_prescriber"),
        ({"schedule": 2}, "call_prescriber"),
    ],
    ids=repr,
)
def test_it_says_why_not(
    line: Caller, refillable: Make, changes: dict[str, Any], code: str
) -> None:
    answer = call(line, refillable(**changes))
    assert (answer.status_code, answer.json["code"]) == (200, code), answer.text
    assert answer.json["say"].endswith(".")


def test_it_says_where_the_refill_stands(line: Caller, pharmacy: Caller, refillable: Make) -> None:
    rx = refillable()
    assert status(line, rx).json["code"] == "no_refill"
    call(line, rx)
    assert status(line, rx).json["code"] == "sending"
    refill_id = status(line, rx).json["refill"]["id"]
    set_status(refill_id, "preparing")
    assert post_one(pharmacy, refill_id, "ready_for_pickup") == "applied"
    ready = status(line, rx).json
    assert (ready["code"], ready["say"]) == (
        "ready_for_pickup",
        "Your refill is ready to be picked up.",
    )


def test_a_wrong_pair_learns_nothing(line: Caller, refillable: Make) -> None:
    rx = refillable()
    wrong_date, wrong_number = call(line, rx, "1980-04-16"), call(line, "NOSUCHNUMB")
    assert (wrong_date.status_code, wrong_date.json) == (200, wrong_number.json)
    assert wrong_date.json["code"] == "no_match"
    assert status(line, rx, "1980-04-16").json == wrong_date.json
    assert status(line, "NOSUCHNUMB").json == wrong_date.json


def test_after_some_misses_the_number_is_locked_also_for_the_right_date(
    line: Caller, refillable: Make
) -> None:
    rx, other = refillable(), refillable()
    for day in range(MISSES_BEFORE_LOCK):
        assert call(line, rx, f"1980-05-{day + 1:02}").json["code"] == "no_match"
    assert call(line, rx).json["code"] == "no_match"
    assert status(line, rx).json["code"] == "no_match"
    assert call(line, other).json["code"] == "accepted"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"date_of_birth": "1980-02-30"}, "/date_of_birth"),
        ({"refill_number": 7}, "/refill_number"),
        ({"refill_number": "\x00"}, "/refill_number"),
        ({"delivery": "drone"}, "/delivery"),
        ({"name": "Avery"}, "/name"),
    ],
    ids=repr,
)
def test_bad_input_names_the_member(
    line: Caller, refillable: Make, changes: dict[str, Any], pointer: str
) -> None:
    body = {"refill_number": refillable().refill_number, "date_of_birth": BORN, **changes}
    answer = line.post("/phone/refills", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_the_status_needs_both_headers(line: Caller) -> None:
    answer = line.get("/phone/refills/status", headers={"X-Refill-Number": "BCDF2345GH"})
    assert answer.status_code == 400
    assert answer.json["errors"][0]["pointer"] == "#header/X-Date-Of-Birth"
    answer = line.get("/phone/refills/status", headers={"X-Date-Of-Birth": BORN})
    assert answer.json["errors"][0]["pointer"] == "#header/X-Refill-Number"


def test_nobody_else_may_use_the_line(
    patient: Caller, pharmacy: Caller, physician: Caller, anonymous: Caller, refillable: Make
) -> None:
    rx = refillable()
    for person in (patient, pharmacy, physician):
        assert call(person, rx).status_code == 403
    assert call(anonymous, rx).status_code == 401
