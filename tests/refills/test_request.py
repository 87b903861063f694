"""Asking for refills, by HTTP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from portal.core.actor import OPERATOR, ActorKind
from portal.core.db import transaction
from portal.prescriptions.model import Prescription
from portal.refills.model import Refill, RefillHistory
from portal.worklist.model import WorkItem
from tests.refills.conftest import TODAY, Make, ask
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, token_for
from tests.support.statements import recorded


def used(prescription_id: UUID) -> int:
    with transaction(OPERATOR) as session:
        row = session.get(Prescription, prescription_id)
        assert row is not None
        return row.refills_used


def count(model: type[Any]) -> int:
    with transaction(OPERATOR) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_refillable_prescription_goes_to_the_pharmacy(refillable: Make, patient: Caller) -> None:
    rx = refillable()
    answer = ask(patient, rx.id)
    assert answer.status_code == 201, answer.text
    [item] = answer.json["items"]
    assert item["outcome"] == "accepted"
    assert item["refill"]["status"] == "sending"
    assert item["refill"]["with"] == "careloop"
    assert item["refill"]["pharmacy"]["name"] == "Corner Pharmacy"
    [listed] = patient.get("/prescriptions").json["items"]
    assert listed["refill"]["refills_remaining"] == 3
    assert listed["refill"]["open_refill_id"] == item["refill"]["id"]
    assert listed["refill"]["action"] == "wait"
    one = patient.get(f"/refills/{item['refill']['id']}").json
    assert [move["status"] for move in one["history"]] == ["sending"]
    assert one["late"] is False


def test_without_refills_left_it_goes_to_the_prescriber(
    refillable: Make, clinic: SmallClinic, patient: Caller
) -> None:
    rx = refillable(refills_used=5)
    [item] = ask(patient, rx.id).json["items"]
    assert item["refill"]["status"] == "awaiting_prescriber"
    assert item["refill"]["kind"] == "renewal"
    one = patient.get(f"/refills/{item['refill']['id']}").json
    assert one["with"]["kind"] == "prescriber"
    assert used(rx.id) == 5
    with transaction(OPERATOR) as session:
        work = session.scalars(select(WorkItem)).one()
    assert work.subject_id == UUID(item["refill"]["id"])
    assert work.responsible_id == clinic.physician.id
    assert work.priority == "urgent", "it ran out ten days ago"


def test_each_item_of_a_batch_stands_for_itself(refillable: Make, patient: Caller) -> None:
    good, early = refillable(), refillable(last_filled_on=TODAY)
    answer = ask(patient, good.id, early.id, uuid4(), good.id)
    assert answer.status_code == 207
    items = answer.json["items"]
    assert [item["outcome"] for item in items] == ["accepted", "rejected", "rejected", "rejected"]
    assert items[1]["problem"]["code"] == "refill_not_allowed"
    assert items[1]["problem"]["reasons"] == ["too_soon"]
    assert items[1]["problem"]["next_eligible_on"] == str(TODAY + timedelta(days=23))
    assert items[2]["problem"]["code"] == "prescription_not_found"
    assert items[3]["problem"]["code"] == "open_request"
    assert count(Refill) == 1


def test_nothing_accepted_is_a_422_and_changes_nothing(refillable: Make, patient: Caller) -> None:
    rx = refillable(status="on_hold")
    answer = ask(patient, rx.id)
    assert answer.status_code == 422
    assert answer.json["items"][0]["problem"]["action"] == "contact_prescriber"
    assert (count(Refill), used(rx.id)) == (0, 1)


def test_somebody_elses_prescription_does_not_exist(
    refillable: Make, clinic: SmallClinic, patient: Caller
) -> None:
    rx = refillable(patient_id=clinic.other_patient.id)
    assert ask(patient, rx.id).json["items"][0]["problem"]["code"] == "prescription_not_found"
    assert patient.get(f"/prescriptions/{rx.id}").status_code == 404
    assert patient.get("/prescriptions").json["items"] == []


def test_where_and_how_it_is_wanted_must_be_possible(
    refillable: Make, clinic: SmallClinic, patient: Caller
) -> None:
    rx = refillable(pharmacy_id=clinic.other_pharmacy.id)

    def problem(**options: Any) -> Any:
        return ask(patient, rx.id, **options).json["items"][0].get("problem", {}).get("code")

    assert problem(delivery="mail") == "pharmacy_unusable"
    assert problem(pharmacy_id=str(uuid4())) == "pharmacy_unusable"
    assert problem(pharmacy_id=str(clinic.mail_pharmacy.id)) == "pharmacy_unusable"
    assert problem(pharmacy_id=str(clinic.mail_pharmacy.id), delivery="mail") is None


def test_mail_needs_an_address(refillable: Make, patient: Caller) -> None:
    rx = refillable()
    with transaction(OPERATOR) as session:
        session.execute(text("UPDATE patient SET line = NULL"))
    [item] = ask(patient, rx.id, delivery="mail").json["items"]
    assert item["problem"]["code"] == "mailing_address_missing"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/items"),
        ({"items": []}, "/items"),
        ({"items": [{}]}, "/items/0/prescription_id"),
        ({"items": [{"prescription_id": "x"}]}, "/items/0/prescription_id"),
        ({"items": [{"prescription_id": str(uuid4()), "delivery": "owl"}]}, "/items/0/delivery"),
        ({"items": [{"prescription_id": str(uuid4()), "notes": ""}]}, "/items/0/notes"),
        (
            {"items": [{"prescription_id": str(uuid4()), "note": "nul\u0000"}]},
            "/items/0/note",
        ),
        ({"items": [{"prescription_id": str(uuid4())}] * 21}, "/items"),
        ({"items": "all"}, "/items"),
        ([], ""),
    ],
)
def test_bad_input_names_the_member(patient: Caller, body: Any, pointer: str) -> None:
    answer = patient.post("/refills", body)
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_the_same_key_gives_the_same_answer(refillable: Make, patient: Caller) -> None:
    rx, other = refillable(), refillable()
    key = {"Idempotency-Key": "tuesday-morning"}
    body = {"items": [{"prescription_id": str(rx.id)}]}
    first = patient.post("/refills", body, headers=key)
    again = patient.post("/refills", body, headers=key)
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    changed = patient.post("/refills", {"items": [{"prescription_id": str(other.id)}]}, headers=key)
    assert (changed.status_code, changed.json["code"]) == (422, "idempotency_key_reused")
    assert count(Refill) == 1


def test_fifty_at_once_leave_one_open_refill(
    refillable: Make, app: Flask, clinic: SmallClinic, config: Any
) -> None:
    rx = refillable()
    token = token_for(ActorKind.PATIENT, clinic.patient.id)
    start = Barrier(10)

    def request(_number: int) -> list[int]:
        start.wait()
        caller = Caller(app, token)
        return [ask(caller, rx.id).status_code for _ in range(5)]

    with ThreadPoolExecutor(10) as pool:
        statuses = [status for batch in pool.map(request, range(10)) for status in batch]
    assert sorted(statuses) == [201] + [422] * 49
    assert (count(Refill), count(RefillHistory), used(rx.id)) == (1, 1, 2)


def test_batches_in_opposite_order_do_not_block_each_other(
    refillable: Make, app: Flask, clinic: SmallClinic
) -> None:
    rxs = [refillable().id for _ in range(6)]
    token = token_for(ActorKind.PATIENT, clinic.patient.id)
    start = Barrier(4)

    def request(number: int) -> int:
        start.wait()
        ids = rxs if number % 2 else rxs[::-1]
        return int(ask(Caller(app, token), *ids).status_code)

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(request, range(4)))
    assert sorted(statuses) == [201, 422, 422, 422]
    assert count(Refill) == 6


@pytest.mark.parametrize("number", [1, 5])
def test_the_number_of_statements_does_not_grow(
    refillable: Make, patient: Caller, number: int
) -> None:
    renewable = [refillable(refills_used=5).id for _ in range(number)]
    with recorded() as seen:
        assert ask(patient, *renewable).status_code == 201
    assert len(seen) == 8, "\n".join(seen)


def test_the_list_takes_few_statements_and_pages(refillable: Make, patient: Caller) -> None:
    for _ in range(5):
        refillable()
    with recorded() as seen:
        first = patient.get("/prescriptions?limit=3").json
    assert len(seen) <= 6
    second = patient.get(f"/prescriptions?limit=3&cursor={first['next']}").json
    ids = [item["id"] for item in first["items"] + second["items"]]
    assert (len(first["items"]), len(set(ids)), second["next"]) == (3, 5, None)
