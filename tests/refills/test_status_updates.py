"""Pharmacies' status updates by HTTP: what each outcome does to the refill and what is kept."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.prescriptions.model import Dispense, Prescription
from portal.refills.model import RefillHistory
from portal.worklist.model import WorkItem
from tests.refills.conftest import (
    Make,
    ask_one,
    event_of,
    load,
    post_all,
    post_one,
    refill,
    set_status,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.statements import recorded
from tests.support.work import drain


def outcomes(items: list[dict[str, Any]]) -> list[str]:
    return [item["outcome"] for item in items]


def steps(refill_id: UUID) -> list[str]:
    with transaction(OPERATOR) as session:
        query = select(RefillHistory.to_status).where(RefillHistory.refill_id == refill_id)
        return list(session.scalars(query.order_by(RefillHistory.id)))


def prescription_of(refill_id: UUID) -> Prescription:
    row: Prescription = load(Prescription, refill(refill_id).prescription_id)
    return row


def test_a_batch_is_applied_in_the_order_of_what_happened(
    patient: Caller, pharmacy: Caller, acknowledged: UUID
) -> None:
    now = utcnow()
    at = [(now - timedelta(minutes=m)).isoformat() for m in (1, 3, 2)]
    batch = [
        event_of(acknowledged, "picked_up", occurred_at=at[0], quantity=30),
        event_of(acknowledged, "preparing", occurred_at=at[1]),
        event_of(acknowledged, "ready_for_pickup", occurred_at=at[2]),
    ]
    assert outcomes(post_all(pharmacy, *batch)) == ["applied"] * 3
    assert outcomes(post_all(pharmacy, *batch)) == ["duplicate"] * 3
    seen = patient.get(f"/refills/{acknowledged}").json
    assert seen["status"] == "picked_up"
    assert [step["status"] for step in seen["history"]][-3:] == [
        "preparing",
        "ready_for_pickup",
        "picked_up",
    ]
    with transaction(OPERATOR) as session:
        supplies = session.scalars(select(Dispense).where(Dispense.refill_id == acknowledged)).all()
    assert [float(supply.quantity) for supply in supplies] == [30.0]
    assert prescription_of(acknowledged).last_filled_on in (now.date(), (now - timedelta(1)).date())


def test_the_same_event_with_other_content_is_a_conflict(
    pharmacy: Caller, acknowledged: UUID
) -> None:
    sent = event_of(acknowledged, "preparing")
    other = {**sent, "status": "on_hold", "reason_code": "insurance"}
    assert outcomes(post_all(pharmacy, sent, sent, other)) == ["applied", "duplicate", "conflict"]
    assert outcomes(post_all(pharmacy, other)) == ["conflict"]
    reordered = dict(reversed(list(sent.items())))
    assert outcomes(post_all(pharmacy, reordered)) == ["duplicate"]
    assert refill(acknowledged).status == "preparing"


def test_an_older_event_is_late_and_changes_nothing(pharmacy: Caller, acknowledged: UUID) -> None:
    assert post_one(pharmacy, acknowledged, "ready_for_pickup") == "applied"
    old = (utcnow() - timedelta(hours=2)).isoformat()
    assert (
        post_one(pharmacy, acknowledged, "on_hold", reason_code="insurance", occurred_at=old)
        == "late"
    )
    assert refill(acknowledged).status == "ready_for_pickup"
    assert pharmacy.get("/pharmacy/feed").json["late"] == 1


def test_an_impossible_step_is_somebodys_to_look_into(
    clinic: SmallClinic, pharmacy: Caller, acknowledged: UUID
) -> None:
    assert post_one(pharmacy, acknowledged, "delivered") == "quarantined"
    drain()
    drain()
    with transaction(OPERATOR) as session:
        [item] = session.scalars(select(WorkItem).where(WorkItem.kind == "quarantined_update"))
    assert (item.pool_id, item.subject_id) == (clinic.liaison.id, acknowledged)
    assert pharmacy.get("/pharmacy/feed").json["quarantined"] == 1


def test_what_was_kept_aside_can_be_replayed(pharmacy: Caller, acknowledged: UUID) -> None:
    early = event_of(acknowledged, "picked_up")
    assert outcomes(post_all(pharmacy, early)) == ["quarantined"]
    path = f"/pharmacy/updates/{early['event_id']}/replay"
    assert pharmacy.post(path).json["outcome"] == "quarantined"
    set_status(acknowledged, "ready_for_pickup")
    assert pharmacy.post(path).json == {
        "event_id": early["event_id"],
        "outcome": "applied",
        "refill_status": "picked_up",
    }
    again = pharmacy.post(path)
    assert (again.status_code, again.json["code"]) == (409, "not_replayable")
    assert pharmacy.post(f"/pharmacy/updates/{uuid4()}/replay").status_code == 404


def test_another_pharmacy_finds_nothing(
    pharmacy: Caller, other_pharmacy: Caller, acknowledged: UUID
) -> None:
    sent = event_of(acknowledged, "preparing")
    assert outcomes(post_all(other_pharmacy, sent)) == ["not_found"]
    assert outcomes(post_all(pharmacy, sent)) == ["applied"], "event ids are each pharmacy's own"
    assert post_one(pharmacy, uuid4(), "preparing") == "not_found"


def test_what_waits_for_its_prescriber_is_not_the_pharmacys(
    pharmacy: Caller, waiting: UUID
) -> None:
    assert post_one(pharmacy, waiting, "with_pharmacy") == "not_found"


def test_not_dispensed_gives_the_refill_back_and_offers_the_next_step(
    patient: Caller, pharmacy: Caller, acknowledged: UUID
) -> None:
    used = prescription_of(acknowledged).refills_used
    sent = {"reason_code": "out_of_stock", "note": "None to be had this month"}
    assert post_one(pharmacy, acknowledged, "not_dispensed", **sent) == "applied"
    assert prescription_of(acknowledged).refills_used == used - 1
    seen = patient.get(f"/refills/{acknowledged}").json
    assert "another pharmacy" in seen["next_step"]
    assert isinstance(ask_one(patient, prescription_of(acknowledged).id), UUID)


def test_a_correction_goes_back(pharmacy: Caller, acknowledged: UUID) -> None:
    assert post_one(pharmacy, acknowledged, "ready_for_pickup") == "applied"
    back = {"correction": True, "reason_code": "scanned_by_mistake"}
    assert post_one(pharmacy, acknowledged, "preparing", **back) == "applied"
    assert steps(acknowledged)[-2:] == ["ready_for_pickup", "preparing"]


def test_what_was_said_once_stays(patient: Caller, pharmacy: Caller, mailed: UUID) -> None:
    parcel = {"carrier": "USPS", "tracking_number": "9400 1000"}
    assert post_one(pharmacy, mailed, "shipped", **parcel) == "applied"
    assert post_one(pharmacy, mailed, "delivered") == "applied"
    seen = patient.get(f"/refills/{mailed}").json
    assert (seen["carrier"], seen["tracking_number"]) == ("USPS", "9400 1000")


def test_a_hold_with_a_day_moves_the_expectation(
    patient: Caller, pharmacy: Caller, acknowledged: UUID
) -> None:
    day = (utcnow() + timedelta(days=6)).date().isoformat()
    hold = {"reason_code": "out_of_stock", "expected_on": day}
    assert post_one(pharmacy, acknowledged, "on_hold", **hold) == "applied"
    seen = patient.get(f"/refills/{acknowledged}").json
    assert (seen["reason_code"], seen["late"]) == ("out_of_stock", False)
    assert seen["expected_by"][:10] >= day


BROKEN: list[Any] = [
    "text",
    7,
    None,
    [],
    {},
    {"event_id": 7},
    {"event_id": ""},
    {"event_id": "a b"},
    {"event_id": "nul\x00"},
    {"event_id": "x" * 101},
]


@pytest.mark.parametrize("item", BROKEN, ids=repr)
def test_what_has_no_event_id_is_answered_in_its_place(
    pharmacy: Caller, acknowledged: UUID, item: Any
) -> None:
    answers = post_all(pharmacy, item, event_of(acknowledged, "preparing"))
    assert outcomes(answers) == ["invalid", "applied"]
    assert answers[0]["problem"]["code"] == "update_invalid"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"status": "lost"}, "/status"),
        ({"refill_id": "7"}, "/refill_id"),
        ({"occurred_at": "2026-02-30T10:00:00Z"}, "/occurred_at"),
        ({"occurred_at": "2026-02-03T10:00:00"}, "/occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "/occurred_at"),
        ({"quantity": -1}, "/quantity"),
        ({"quantity": "NaN"}, "/quantity"),
        ({"quantity": 1e300}, "/quantity"),
        ({"expected_on": "soon"}, "/expected_on"),
        ({"note": "nul \x00"}, "/note"),
        ({"unknown\x00": "\x00"}, "/unknown"),
        ({"carrier": "x" * 81}, "/carrier"),
        ({"correction": "perhaps"}, "/correction"),
        ({"reason_code": ["insurance"]}, "/reason_code"),
    ],
    ids=repr,
)
def test_what_cannot_be_read_is_kept_with_its_problem(
    pharmacy: Caller, acknowledged: UUID, changes: dict[str, Any], pointer: str
) -> None:
    sent = {**event_of(acknowledged, "preparing"), **changes}
    [answer] = post_all(pharmacy, sent)
    assert answer["outcome"] == "invalid"
    assert any(part["pointer"].startswith(pointer) for part in answer["problem"]["errors"])
    [kept] = pharmacy.get("/pharmacy/updates?outcome=invalid").json["items"]
    assert kept["event_id"] == sent["event_id"]
    assert kept["problem"]["errors"] == answer["problem"]["errors"]
    assert refill(acknowledged).status == "with_pharmacy"


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 422, "/updates"),
        ({"updates": []}, 422, "/updates"),
        ({"updates": {}}, 422, "/updates"),
        ({"updates": [{}] * 1001}, 422, "/updates"),
        ({"updates": [{}], "more": 1}, 422, "/more"),
        ([], 422, ""),
    ],
)
def test_bad_batches_name_the_member(
    pharmacy: Caller, body: Any, status: int, pointer: str
) -> None:
    answer = pharmacy.request("POST", "/api/v1/pharmacy/status-updates", json=body)
    assert answer.status_code == status
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_the_list_pages_through_all_that_was_received(
    pharmacy: Caller, other_pharmacy: Caller, acknowledged: UUID
) -> None:
    sent = [event_of(uuid4(), "preparing") for _ in range(5)]
    post_all(pharmacy, *sent)
    found: list[str] = []
    path = "/pharmacy/updates?limit=2"
    page = pharmacy.get(path).json
    while True:
        found += [item["event_id"] for item in page["items"]]
        if page["next"] is None:
            break
        page = pharmacy.get(f"{path}&cursor={page['next']}").json
    assert sorted(found) == sorted(one["event_id"] for one in sent)
    assert other_pharmacy.get("/pharmacy/updates").json["items"] == []
    assert pharmacy.get("/pharmacy/updates?cursor=rubbish").status_code == 422


def test_statements_do_not_grow_with_the_batch(
    patient: Caller, pharmacy: Caller, refillable: Make
) -> None:
    ids = [ask_one(patient, refillable().id) for _ in range(6)]
    drain()
    for refill_id in ids:
        pharmacy.post(f"/pharmacy/orders/{refill_id}/acknowledge")
    counts = []
    for batch in (ids[:1], ids[1:]):
        with recorded() as seen:
            post_all(pharmacy, *[event_of(refill_id, "preparing") for refill_id in batch])
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_the_same_event_from_many_threads_is_applied_once(
    app: Flask, pharmacy: Caller, acknowledged: UUID
) -> None:
    sent = event_of(acknowledged, "preparing")
    start = Barrier(8)

    def send(_number: int) -> str:
        start.wait()
        return outcomes(post_all(Caller(app, pharmacy.token), sent))[0]

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(send, range(8)))
    assert found == ["applied"] + ["duplicate"] * 7
    with transaction(OPERATOR) as session:
        moved = select(func.count()).select_from(RefillHistory)
        count = session.scalar(moved.where(RefillHistory.to_status == "preparing"))
    assert count == 1


def test_cancelling_and_preparing_at_once_leaves_one_of_them(
    app: Flask, patient: Caller, pharmacy: Caller, acknowledged: UUID
) -> None:
    start = Barrier(2)

    def prepare() -> str:
        start.wait()
        return post_one(Caller(app, pharmacy.token), acknowledged, "preparing")

    def cancel() -> int:
        start.wait()
        return int(Caller(app, patient.token).post(f"/refills/{acknowledged}/cancel").status_code)

    with ThreadPoolExecutor(2) as pool:
        prepared, cancelled = pool.submit(prepare), pool.submit(cancel)
        found = (prepared.result(), cancelled.result(), refill(acknowledged).status)
    assert found in {("applied", 409, "preparing"), ("quarantined", 200, "cancelled")}
