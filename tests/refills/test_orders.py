"""The pharmacies' pull feed: what is on it, for whom, and what acknowledging does."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from portal.core.actor import OPERATOR, ActorKind
from portal.core.db import transaction
from portal.core.tables import AuditEntry
from tests.refills.conftest import Make, ask_one, post_one, refill
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain


def pull(pharmacy: Caller, query: str = "") -> dict[str, Any]:
    answer = pharmacy.get(f"/pharmacy/orders{query}")
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json
    return page


def refills_on(page: dict[str, Any]) -> list[str]:
    return [item["refill_id"] for item in page["items"]]


def test_an_order_says_all_that_is_needed_to_fill_it(
    clinic: SmallClinic, pharmacy: Caller, requested: UUID
) -> None:
    assert refills_on(pull(pharmacy)) == []
    drain()
    [order] = pull(pharmacy)["items"]
    assert (order["kind"], order["refill_id"], order["status"]) == (
        "fill",
        str(requested),
        "sending",
    )
    assert order["prescription"]["drug"] == "Lisinopril 10 mg tablet"
    assert order["prescription"]["quantity"] == 30
    assert order["patient"]["birth_date"] == "1980-04-15"
    assert "address" not in order["patient"], "nobody needs it to hand something over a counter"
    assert order["prescriber"]["name"] == clinic.physician.name
    with transaction(OPERATOR) as session:
        read = select(AuditEntry.patient_id).where(AuditEntry.resource == "pharmacy_order")
        assert list(session.scalars(read)) == [clinic.patient.id]


def test_what_is_mailed_has_an_address(
    clinic: SmallClinic, patient: Caller, caller: Callable[..., Caller], refillable: Make
) -> None:
    rx = refillable(pharmacy_id=clinic.mail_pharmacy.id)
    item = {"prescription_id": str(rx.id), "delivery": "mail"}
    assert patient.post("/refills", {"items": [item]}).status_code == 201
    drain()
    post = caller(ActorKind.PHARMACY, clinic.mail_pharmacy.id)
    assert pull(post)["items"][0]["patient"]["address"]["line"] == "2 Oak Lane"


def test_each_pharmacy_sees_its_own(
    pharmacy: Caller, other_pharmacy: Caller, requested: UUID
) -> None:
    drain()
    assert refills_on(pull(other_pharmacy)) == []
    answer = other_pharmacy.post(f"/pharmacy/orders/{requested}/acknowledge")
    assert (answer.status_code, answer.json["code"]) == (404, "refill_not_found")
    assert pharmacy.post(f"/pharmacy/orders/{uuid4()}/acknowledge").status_code == 404


def test_acknowledging_twice_is_the_same_as_once(
    patient: Caller, pharmacy: Caller, acknowledged: UUID
) -> None:
    again = pharmacy.post(f"/pharmacy/orders/{acknowledged}/acknowledge")
    assert (again.status_code, again.json["status"]) == (200, "with_pharmacy")
    assert refills_on(pull(pharmacy)) == []
    seen = patient.get(f"/refills/{acknowledged}").json
    assert [step["status"] for step in seen["history"]] == ["sending", "with_pharmacy"]
    assert seen["with"]["kind"] == "pharmacy"


def test_a_cursor_goes_on_where_it_ended(
    patient: Caller, pharmacy: Caller, refillable: Make
) -> None:
    first = [str(ask_one(patient, refillable().id)) for _ in range(3)]
    drain()
    one = pull(pharmacy, "?limit=2")
    two = pull(pharmacy, f"?limit=2&after={one['next']}")
    assert refills_on(one) + refills_on(two) == first
    nothing_new = pull(pharmacy, f"?after={two['next']}")
    assert (nothing_new["items"], nothing_new["next"]) == ([], two["next"])
    later = str(ask_one(patient, refillable().id))
    drain()
    assert refills_on(pull(pharmacy, f"?after={two['next']}")) == [later]


@pytest.mark.parametrize("cursor", ["rubbish", "W10=", "WyJ4IiwieSJd", "WyItMSIsIngiXQ==", "é"])
def test_a_foreign_cursor_is_named(pharmacy: Caller, cursor: str) -> None:
    answer = pharmacy.get("/pharmacy/orders", query_string={"after": cursor})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "#query/after"


def test_what_was_cancelled_is_to_be_left_and_names_nobody(
    patient: Caller, pharmacy: Caller, acknowledged: UUID
) -> None:
    assert patient.post(f"/refills/{acknowledged}/cancel").status_code == 200
    drain()
    [order] = pull(pharmacy)["items"]
    assert (order["kind"], order["status"]) == ("cancel", "cancelled")
    assert "patient" not in order
    answer = pharmacy.post(f"/pharmacy/orders/{acknowledged}/acknowledge")
    assert answer.json["status"] == "cancelled"
    assert pull(pharmacy)["items"] == []


def test_what_went_elsewhere_is_withdrawn(
    clinic: SmallClinic, patient: Caller, pharmacy: Caller, other_pharmacy: Caller, requested: UUID
) -> None:
    drain()
    there = {"pharmacy_id": str(clinic.other_pharmacy.id)}
    moved = patient.post(f"/refills/{requested}/pharmacy", there)
    assert moved.status_code == 200, moved.text
    drain()
    kinds = {order["kind"] for order in pull(pharmacy)["items"]}
    assert "cancel" in kinds
    assert [order.get("patient") for order in pull(pharmacy)["items"]] == [None] * len(
        pull(pharmacy)["items"]
    )
    answer = pharmacy.post(f"/pharmacy/orders/{requested}/acknowledge")
    assert answer.json["status"] == "withdrawn"
    assert refill(requested).status == "sending"
    assert refills_on(pull(other_pharmacy)) == [str(requested)]
    assert post_one(pharmacy, requested, "preparing") == "not_found"


def test_the_health_of_the_feed_is_visible(
    clinic: SmallClinic, caller: Callable[..., Caller], pharmacy: Caller, requested: UUID
) -> None:
    quiet = pharmacy.get("/pharmacy/feed").json
    assert (quiet["last_pull_at"], quiet["last_update_at"], quiet["webhook"]) == (None, None, None)
    drain()
    pull(pharmacy)
    post_one(pharmacy, requested, "shipped")
    liaison = caller(ActorKind.STAFF, clinic.liaison_officer.id)
    for seen in (
        pharmacy.get("/pharmacy/feed").json,
        liaison.get(f"/pharmacies/{clinic.pharmacy.id}/feed").json,
    ):
        assert seen["last_pull_at"]
        assert seen["last_update_at"]
        assert (seen["unacknowledged"], seen["quarantined"]) == (1, 1)
    assert liaison.get(f"/pharmacies/{uuid4()}/feed").status_code == 404


def test_the_nurse_of_the_patient_sees_what_the_pharmacy_sent(
    clinic: SmallClinic, caller: Callable[..., Caller], pharmacy: Caller, requested: UUID
) -> None:
    post_one(pharmacy, requested, "shipped")
    path = f"/pharmacies/{clinic.pharmacy.id}/updates?outcome=quarantined"
    nurse = caller(ActorKind.STAFF, clinic.nurse.id)
    assert [one["refill_id"] for one in nurse.get(path).json["items"]] == [str(requested)]
    liaison = caller(ActorKind.STAFF, clinic.liaison_officer.id)
    assert liaison.get(path).json["items"] == [], "no open work item about it yet"
    drain()
    assert [one["refill_id"] for one in liaison.get(path).json["items"]] == [str(requested)]
