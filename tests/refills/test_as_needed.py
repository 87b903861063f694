"""What is taken as needed has no days' supply: the shortest time that it can last counts."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from portal.core.clock import local_day, utcnow
from portal.prescriptions.model import Prescription
from tests.prescriptions.orders import order
from tests.refills.conftest import Make, event_of, load, post_all, post_one, refill
from tests.refills.test_orders import pull
from tests.refills.test_parts import in_days, parts, supply
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic
from tests.support.work import drain
from tests.visits.conftest import plan

AS_NEEDED: dict[str, Any] = {"as_needed": True, "days_supply": None, "max_per_day": 4}
BEFORE: dict[str, Any] = {"days_supply": None, "max_per_day": Decimal(4), "quantity": Decimal(40)}


@pytest.fixture
def sent(clinic: SmallClinic, physician: Caller, pharmacy: Caller) -> dict[str, Any]:
    """The order of a first fill of 40 tablets, at most 4 a day, as its pharmacy gets it."""
    body = order(clinic, quantity=40, **AS_NEEDED)
    written = physician.post("/prescriptions", body)
    assert written.status_code == 201, written.text
    seen = (written.json["as_needed"], written.json["days_supply"], written.json["max_per_day"])
    assert seen == (True, None, 4)
    drain()
    asked: dict[str, Any]
    [asked] = pull(pharmacy)["items"]
    return asked


@pytest.fixture
def needed(pharmacy: Caller, sent: dict[str, Any]) -> UUID:
    """The same, once the pharmacy has it."""
    assert post_one(pharmacy, UUID(sent["refill_id"]), "with_pharmacy") == "applied"
    return UUID(sent["refill_id"])


def test_the_pharmacy_is_told_how_much_a_day(sent: dict[str, Any]) -> None:
    told = sent["prescription"]
    assert (told["as_needed"], told["days_supply"], told["max_per_day"]) == (True, None, 4)


def test_it_runs_out_by_no_calendar_and_is_too_soon_by_the_shortest(
    patient: Caller, pharmacy: Caller, needed: UUID
) -> None:
    assert post_one(pharmacy, needed, "ready_for_pickup") == "applied"
    assert post_one(pharmacy, needed, "picked_up") == "applied"
    seen = supply(patient, needed)
    assert (seen["as_needed"], seen["days_supply"], seen["max_per_day"]) == (True, None, 4)
    answer = seen["refill"]
    assert (answer["runs_out_on"], answer["runs_out_not_before"]) == (None, in_days(10))
    assert (answer["action"], answer["next_eligible_on"]) == ("wait", in_days(8))
    body = {"items": [{"prescription_id": seen["id"]}]}
    [item] = patient.post("/refills", body).json["items"]
    assert item["problem"]["code"] == "refill_not_allowed"
    assert f"lasts until {in_days(10)} at least" in item["problem"]["detail"]
    assert item["problem"]["runs_out_not_before"] == in_days(10)


def test_a_part_counts_as_much_as_was_handed_over(
    patient: Caller, pharmacy: Caller, needed: UUID
) -> None:
    assert post_one(pharmacy, needed, "ready_for_pickup") == "applied"
    first = {"quantity": 10, "expected_on": in_days(2)}
    [answer] = post_all(pharmacy, event_of(needed, "picked_up", **first))
    assert answer["refill_status"] == "rest_owed"
    assert supply(patient, needed)["refill"]["runs_out_not_before"] == in_days(2)
    assert post_one(pharmacy, needed, "ready_for_pickup", quantity=30) == "applied"
    assert post_one(pharmacy, needed, "picked_up") == "applied"
    assert supply(patient, needed)["refill"]["runs_out_not_before"] == in_days(10)
    assert [days for _, days in parts(needed)] == [None, None]


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"days_supply": None}, ["/days_supply"]),
        ({"max_per_day": 4}, ["/max_per_day"]),
        ({"as_needed": True, "max_per_day": 4}, ["/days_supply"]),
        ({"as_needed": True, "days_supply": None}, ["/max_per_day"]),
        ({**AS_NEEDED, "max_per_day": 31}, ["/max_per_day"]),
        ({**AS_NEEDED, "max_per_day": 0}, ["/max_per_day"]),
        ({**AS_NEEDED, "max_per_day": "0.05"}, ["/quantity"]),
        ({**AS_NEEDED, "max_per_day": "2.6666"}, ["/max_per_day"]),
        ({"quantity": 30.0004}, ["/quantity"]),
        ({"quantity": "1e300"}, ["/quantity"]),
        ({"quantity": "1e-300"}, ["/quantity"]),
    ],
)
def test_an_order_says_one_of_the_two(
    clinic: SmallClinic, physician: Caller, changes: dict[str, Any], pointers: list[str]
) -> None:
    answer = physician.post("/prescriptions", order(clinic, **changes))
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json["errors"]] == pointers


@pytest.mark.parametrize(
    ("before", "changes", "expected"),
    [
        ({}, {**AS_NEEDED, "directions": "If in pain."}, (None, 4)),
        (BEFORE, {"as_needed": False, "days_supply": 20, "directions": "Two a day."}, (20, None)),
        (BEFORE, {"quantity": 80}, (None, 4)),
        (BEFORE, {"max_per_day": 8, "directions": "Two if in pain."}, (None, 8)),
    ],
)
def test_a_renewal_may_change_how_it_is_taken(
    patient: Caller,
    physician: Caller,
    refillable: Make,
    before: dict[str, Any],
    changes: dict[str, Any],
    expected: tuple[int | None, int | None],
) -> None:
    rx = refillable(refills_used=5, **before)
    body = {"items": [{"prescription_id": str(rx.id)}]}
    asked = UUID(patient.post("/refills", body).json["items"][0]["refill"]["id"])
    decision = {"decision": "approve", "refills_authorized": 3, **changes}
    answer = physician.post(f"/refills/{asked}/decision", decision)
    assert answer.status_code == 200, answer.text
    successor: Prescription = load(Prescription, refill(asked).prescription_id)
    most = None if successor.max_per_day is None else int(successor.max_per_day)
    assert (successor.days_supply, most) == expected


def test_a_renewal_that_leaves_it_open_is_refused(
    patient: Caller, physician: Caller, refillable: Make
) -> None:
    rx = refillable(refills_used=5)
    body = {"items": [{"prescription_id": str(rx.id)}]}
    asked = patient.post("/refills", body).json["items"][0]["refill"]["id"]
    decision = {"decision": "approve", "refills_authorized": 3, "as_needed": True}
    answer = physician.post(f"/refills/{asked}/decision", decision)
    assert (answer.status_code, answer.json["code"]) == (422, "change_incomplete"), answer.text
    assert [one["pointer"] for one in answer.json["errors"]] == ["/max_per_day", "/directions"]


def test_nobody_is_reminded_before_a_visit_of_what_does_not_run_out(
    clinic: SmallClinic, patient: Caller, physician: Caller, refillable: Make
) -> None:
    month_ago = local_day(utcnow(), ZONE) - timedelta(days=30)
    regular = refillable(last_filled_on=month_ago)
    refillable(last_filled_on=month_ago, **BEFORE)
    due = patient.get(f"/visits/{plan(physician, clinic)}/due").json["items"]
    assert [one["id"] for one in due if one["kind"] == "fill"] == [str(regular.id)]


@pytest.mark.parametrize(("days_ago", "urgent"), [(9, True), (1, False)])
def test_who_may_have_none_left_does_not_wait_long(
    patient: Caller, refillable: Make, days_ago: int, urgent: bool
) -> None:
    last = local_day(utcnow(), ZONE) - timedelta(days=days_ago)
    rx = refillable(
        refills_used=5,
        last_filled_on=last,
        early_refill_until=local_day(utcnow(), ZONE) + timedelta(days=1),
        **BEFORE,
    )
    asked = patient.post("/refills", {"items": [{"prescription_id": str(rx.id)}]}).json["items"][0]
    assert asked["refill"]["urgent"] is urgent
