"""Critical values: who is asked, until somebody reads back what they were told."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.directory.model import Coverage
from portal.results.review_model import CriticalAlert
from portal.worklist.model import WorkItem
from tests.results.conftest import (
    CRITICAL,
    HIGH,
    NORMAL,
    Value,
    items,
    receive,
    receive_next,
    received,
    told,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, care_team, practitioner, token_for
from tests.support.work import drain
from workers import schedule

GLUCOSE = Value("30", "critical", "2345-7", "Glucose", "mg/dL")
CULTURE = Value("Gram positive cocci", "critical", "600-7", "Blood culture", "")


def alerts() -> list[CriticalAlert]:
    with transaction(OPERATOR) as session:
        return list(session.scalars(select(CriticalAlert).order_by(CriticalAlert.raised_at)))


def critical_item() -> WorkItem:
    [item] = items(kind="result_critical")
    return item


def let_it_pass() -> None:
    """The first deadline passes without an answer."""
    with transaction(OPERATOR) as session:
        for item in session.scalars(select(WorkItem).where(WorkItem.kind == "result_critical")):
            item.due_at = utcnow() - timedelta(seconds=1)
    assert schedule.escalate() == 1
    drain()


@pytest.mark.parametrize("status", ["partial", "preliminary", "final", "corrected", "amended"])
def test_somebody_is_asked_at_once_and_once(clinic: SmallClinic, status: str) -> None:
    report = received(clinic, CRITICAL, status)
    item = critical_item()
    assert (item.subject_id, item.priority, item.assignee_id) == (
        report,
        "stat",
        clinic.physician.id,
    )
    wait = item.due_at - item.created_at
    assert wait == timedelta(minutes=30), "day and night"
    [alert] = alerts()
    assert alert.criticals == [
        {"code": "2823-3", "name": "Potassium", "value": "6.8", "unit": "mmol/L"}
    ]
    receive_next(report, CRITICAL, "corrected")
    drain()
    assert [row.id for row in alerts()] == [alert.id]
    assert critical_item().id == item.id


@pytest.mark.parametrize(
    ("values", "status"),
    [
        (NORMAL, "final"),
        (HIGH, "final"),
        (CRITICAL, "cancelled"),
        (CRITICAL, "entered_in_error"),
        ((Value("6.8", "critical", changes={"status": "entered_in_error"}),), "final"),
    ],
)
def test_nobody_is_asked_about_anything_else(clinic: SmallClinic, values: Any, status: str) -> None:
    received(clinic, values, status)
    assert (alerts(), items(kind="result_critical")) == ([], [])


def test_a_second_critical_value_joins_the_open_alert(
    clinic: SmallClinic, physician: Caller
) -> None:
    report = received(clinic, CRITICAL, "preliminary")
    receive_next(report, (Value("7.1", "critical"), GLUCOSE), "final")
    drain()
    [alert] = alerts()
    assert [one["value"] for one in alert.criticals] == ["7.1", "30"]
    assert critical_item().subject_id == report
    said = physician.post(f"/results/{report}/acknowledge", {"read_back": "potassium 7.1"})
    assert (said.status_code, said.json["code"]) == (422, "read_back_incomplete")
    assert [error["message"] for error in said.json["errors"]] == ["Missing: Glucose, 30 mg/dL."]
    both = {"read_back": "potassium 7,10 and glucose 30"}
    assert physician.post(f"/results/{report}/acknowledge", both).status_code == 200


def test_a_new_critical_value_after_the_acknowledgement_asks_again(
    clinic: SmallClinic, physician: Caller
) -> None:
    report = received(clinic, CRITICAL)
    physician.post(f"/results/{report}/acknowledge", {"read_back": "6.8"})
    receive_next(report, CRITICAL, "corrected")
    drain()
    assert items(kind="result_critical") == [], "the same value was read back"
    receive_next(report, (Value("7.4", "critical"),), "corrected")
    drain()
    assert len(alerts()) == 2
    assert critical_item().subject_id == report


def test_the_covering_colleague_is_asked_first(clinic: SmallClinic) -> None:
    now = utcnow()
    add(
        Coverage(
            id=new_id(),
            practitioner_id=clinic.physician.id,
            covering_id=clinic.colleague.id,
            starts_at=now - timedelta(days=1),
            ends_at=now + timedelta(days=1),
            reason="Leave",
            created_by=clinic.physician.id,
            created_at=now,
        )
    )
    received(clinic, CRITICAL)
    item = critical_item()
    assert item.assignee_id == clinic.colleague.id
    assert item.alternate_ids == [], "nobody is asked twice"


def test_unanswered_it_goes_to_the_alternates_the_team_and_its_lead(
    clinic: SmallClinic, physician: Caller, colleague: Caller
) -> None:
    report = received(clinic, CRITICAL)
    assert critical_item().alternate_ids == [clinic.colleague.id], "of the same team"
    assert colleague.get(f"/results/{report}").status_code == 404
    let_it_pass()
    assert critical_item().assignee_id == clinic.colleague.id
    assert colleague.get(f"/results/{report}").status_code == 200
    let_it_pass()
    assert critical_item().assignee_id is None
    let_it_pass()
    assert critical_item().assignee_id == clinic.nurse.id
    chain = physician.get(f"/results/{report}").json["critical"]["chain"]
    assert [step["to"] for step in chain] == [
        clinic.physician.name,
        clinic.colleague.name,
        clinic.nurses.name,
        clinic.nurse.name,
    ]


def test_the_care_team_comes_before_the_team(clinic: SmallClinic) -> None:
    others = [practitioner(clinic.clinic, clinic.nurses, f"Dr. {n}") for n in range(3)]
    away = practitioner(clinic.clinic, clinic.nurses, "Dr. Gone")
    away.active = False
    add(*others, away)
    add(*(care_team(clinic.patient, who, "specialist") for who in [away, *others]))
    received(clinic, CRITICAL)
    assert critical_item().alternate_ids == [others[0].id, others[1].id]


def test_an_alternate_acknowledges_after_the_first_deadline(
    clinic: SmallClinic, colleague: Caller, physician: Caller
) -> None:
    report = received(clinic, CRITICAL)
    let_it_pass()
    body = {"read_back": "Potassium 6.8 mmol per litre", "note": "Called the patient in."}
    answer = colleague.post(f"/results/{report}/acknowledge", body)
    assert answer.status_code == 200, answer.text
    [alert] = answer.json["critical"]["alerts"]
    assert (alert["acknowledged_by"], alert["read_back"], alert["note"]) == (
        clinic.colleague.name,
        body["read_back"],
        body["note"],
    )
    assert items(kind="result_critical") == []
    late = physician.post(f"/results/{report}/acknowledge", {"read_back": "6.8"})
    assert (late.status_code, late.json["code"]) == (409, "already_acknowledged")
    assert late.json["acknowledged_by"] == clinic.colleague.name
    assert late.json["acknowledged_at"]


@pytest.mark.parametrize(
    ("read_back", "status"),
    [
        ("potassium six point eight", 422),
        ("potassium 68", 422),
        ("potassium 6.9", 422),
        ("potassium 16.8", 422),
        ("K 6.80", 200),
        ("K 6,8", 200),
    ],
)
def test_numbers_are_read_back_as_numbers(
    clinic: SmallClinic, physician: Caller, read_back: str, status: int
) -> None:
    report = received(clinic, CRITICAL)
    answer = physician.post(f"/results/{report}/acknowledge", {"read_back": read_back})
    assert answer.status_code == status
    assert (alerts()[0].acknowledged_at is None) == (status == 422)


def test_words_are_read_back_as_words(clinic: SmallClinic, physician: Caller) -> None:
    report = received(clinic, (CULTURE,))
    wrong = physician.post(f"/results/{report}/acknowledge", {"read_back": "gram negative rods"})
    assert wrong.status_code == 422
    right = {"read_back": "Blood culture:  GRAM positive   cocci"}
    assert physician.post(f"/results/{report}/acknowledge", right).status_code == 200


def test_what_is_not_critical_is_not_acknowledged(clinic: SmallClinic, physician: Caller) -> None:
    report = received(clinic)
    answer = physician.post(f"/results/{report}/acknowledge", {"read_back": "4.1"})
    assert (answer.status_code, answer.json["code"]) == (409, "not_critical")


def test_two_at_once_one_acknowledges(app: Flask, clinic: SmallClinic) -> None:
    add(care_team(clinic.patient, clinic.colleague, "specialist"))
    report = receive(clinic, CRITICAL)
    drain()
    people = (clinic.physician, clinic.colleague)
    tokens = [token_for(ActorKind.PRACTITIONER, who.id, who.name) for who in people]
    start = Barrier(2)

    def acknowledge(token: str) -> int:
        start.wait()
        body = {"read_back": "6.8"}
        return Caller(app, token).post(f"/results/{report}/acknowledge", body).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(acknowledge, tokens)) == [200, 409]


def test_who_had_it_is_told_when_it_is_corrected(clinic: SmallClinic, colleague: Caller) -> None:
    report = received(clinic, CRITICAL)
    let_it_pass()
    receive_next(report, NORMAL, "corrected")
    drain()
    assert told(clinic.colleague.id) == ["result_corrected"], "who has it now"
    assert told(clinic.physician.id) == []
