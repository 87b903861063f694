"""The prescriber's decision."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from portal.core.actor import OPERATOR, ActorKind
from portal.core.db import transaction
from portal.prescriptions.model import Prescription
from portal.worklist.model import WorkItem
from tests.refills.conftest import Make, ask_one, load, refill
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, token_for

APPROVE = {"decision": "approve", "refills_authorized": 3}
DENY = {"decision": "deny", "reason_code": "visit_needed", "note": "See me first."}


def open_items() -> int:
    with transaction(OPERATOR) as session:
        items = session.scalars(select(WorkItem).where(WorkItem.closed_at.is_(None))).all()
    return len(items)


def test_an_approval_writes_the_successor_and_sends_it(
    patient: Caller, physician: Caller, waiting: UUID
) -> None:
    changes = {**APPROVE, "quantity": 90, "days_supply": 90, "directions": "One at night."}
    answer = physician.post(f"/refills/{waiting}/decision", changes)
    assert answer.status_code == 200, answer.text
    assert answer.json["status"] == "sending"
    successor: Prescription = load(Prescription, refill(waiting).prescription_id)
    old: Prescription = load(Prescription, UUID(answer.json["original_prescription_id"]))
    assert (successor.previous_id, old.status) == (old.id, "superseded")
    assert (successor.refills_authorized, successor.refills_used) == (3, 0)
    assert (successor.quantity, successor.days_supply) == (Decimal(90), 90)
    assert successor.directions == "One at night."
    assert successor.refill_number != old.refill_number
    assert open_items() == 0
    [listed] = patient.get("/prescriptions").json["items"]
    assert listed["id"] == str(successor.id), "the superseded one is not listed"
    assert set(listed["refill"]["reasons"]) == {"open_request", "first_fill_pending"}
    assert len(patient.get("/prescriptions?include=superseded").json["items"]) == 2


def test_a_denial_tells_the_patient_what_to_do(
    patient: Caller, physician: Caller, waiting: UUID
) -> None:
    assert physician.post(f"/refills/{waiting}/decision", DENY).status_code == 200
    seen = patient.get(f"/refills/{waiting}").json
    assert (seen["status"], seen["reason_code"]) == ("denied", "visit_needed")
    assert "appointment" in seen["next_step"]
    assert seen["decision_note"] == "See me first."
    assert seen["with"] is None
    assert open_items() == 0


def test_the_second_decision_is_told_who_was_first_and_when(
    app: Flask, clinic: SmallClinic, waiting: UUID
) -> None:
    covering = clinic.colleague
    with transaction(OPERATOR) as session:
        item = session.scalars(select(WorkItem)).one()
        item.assignee_id = covering.id
    tokens = [
        token_for(ActorKind.PRACTITIONER, clinic.physician.id, clinic.physician.name),
        token_for(ActorKind.PRACTITIONER, covering.id, covering.name),
    ]
    start = Barrier(2)

    def decide(number: int) -> Any:
        start.wait()
        return Caller(app, tokens[number]).post(
            f"/refills/{waiting}/decision", DENY if number else APPROVE
        )

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(decide, range(2)), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [200, 409]
    lost = answers[1].json
    assert lost["code"] == "already_decided"
    assert lost["decided_by"] in (clinic.physician.name, covering.name)
    assert lost["decided_at"]
    assert lost["status_now"] == answers[0].json["status"]
    assert open_items() == 0


def test_more_refills_than_the_law_allows_change_nothing(
    patient: Caller, physician: Caller, refillable: Make
) -> None:
    waiting = ask_one(patient, refillable(schedule=4, refills_used=5).id)
    answer = physician.post(
        f"/refills/{waiting}/decision", {"decision": "approve", "refills_authorized": 6}
    )
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/refills_authorized"
    assert "1306.22" in answer.json["errors"][0]["message"]
    assert refill(waiting).status == "awaiting_prescriber"
    assert open_items() == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"decision": "perhaps"}, "/decision"),
        ({"decision": "deny"}, "/reason_code"),
        ({"decision": "approve", "reason_code": "other"}, "/reason_code"),
        ({"decision": "deny", "reason_code": "other", "quantity": 3}, "/quantity"),
        ({"decision": "approve", "quantity": 0}, "/quantity"),
        ({"decision": "approve", "quantity": "NaN"}, "/quantity"),
        ({"decision": "approve", "days_supply": 366}, "/days_supply"),
        ({"decision": "approve", "refills_authorized": 1.5}, "/refills_authorized"),
    ],
)
def test_bad_decisions_name_the_member(
    physician: Caller, waiting: UUID, body: dict[str, Any], pointer: str
) -> None:
    answer = physician.post(f"/refills/{waiting}/decision", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert refill(waiting).status == "awaiting_prescriber"


def test_a_stranger_among_the_physicians_sees_nothing(
    clinic: SmallClinic, caller: Any, waiting: UUID
) -> None:
    stranger = caller(ActorKind.PRACTITIONER, clinic.colleague.id)
    with transaction(OPERATOR) as session:
        session.scalars(select(WorkItem)).one().assignee_id = clinic.physician.id
    assert stranger.get(f"/refills/{waiting}").status_code == 404
    assert stranger.post(f"/refills/{waiting}/decision", APPROVE).status_code == 404
    assert refill(waiting).status == "awaiting_prescriber"


def test_a_stopped_prescription_cannot_be_renewed(physician: Caller, waiting: UUID) -> None:
    rx = refill(waiting).prescription_id
    stopped = physician.post(f"/prescriptions/{rx}/stop", {"reason": "Cough"})
    assert stopped.status_code == 200, stopped.text
    answer = physician.post(f"/refills/{waiting}/decision", APPROVE)
    assert (answer.status_code, answer.json["code"]) == (409, "illegal_transition")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"quantity": 90}, "/days_supply"),
        ({"days_supply": 90}, "/quantity"),
        ({"directions": "Take two tablets by mouth every day."}, "/days_supply"),
        ({"directions": "Take two tablets a day.", "quantity": 60}, "/days_supply"),
        ({"quantity": 60, "days_supply": 30}, "/directions"),
        ({"quantity": 30, "days_supply": 90}, "/directions"),
    ],
)
def test_what_contradicts_what_it_keeps_says_what_is_missing(
    physician: Caller, waiting: UUID, changes: dict[str, Any], pointer: str
) -> None:
    answer = physician.post(f"/refills/{waiting}/decision", {"decision": "approve", **changes})
    assert (answer.status_code, answer.json["code"]) == (422, "change_incomplete")
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert refill(waiting).status == "awaiting_prescriber"


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": 30},
        {"quantity": 90, "days_supply": 90},
        {"directions": "Take two tablets by mouth every day.", "days_supply": 15},
    ],
)
def test_what_is_whole_is_taken(physician: Caller, waiting: UUID, changes: dict[str, Any]) -> None:
    answer = physician.post(f"/refills/{waiting}/decision", {"decision": "approve", **changes})
    assert answer.status_code == 200, answer.text
