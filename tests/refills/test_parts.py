"""Handing over a part: the rest stays owed, and what was handed over counts."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal.core.actor import OPERATOR, WORKER
from portal.core.clock import local_day, utcnow
from portal.core.db import transaction
from portal.prescriptions.model import Dispense
from portal.refills import service
from portal.refills.model import Refill
from tests.refills.conftest import Make, event_of, post_all, post_one, refill
from tests.refills.test_taken_back import at, broken, open_items, told
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic
from tests.support.work import drain


def supply(patient: Caller, id_: UUID) -> dict[str, Any]:
    found: dict[str, Any] = patient.get(f"/prescriptions/{refill(id_).prescription_id}").json
    return found


def in_days(days: int) -> str:
    return str(local_day(utcnow(), ZONE) + timedelta(days=days))


def parts(id_: UUID) -> list[tuple[int, int | None]]:
    with transaction(OPERATOR) as session:
        found = select(Dispense).where(Dispense.refill_id == id_).order_by(Dispense.id)
        return [(int(one.quantity), one.days_supply) for one in session.scalars(found)]


def test_the_rest_is_owed_until_it_is_handed_over(
    clinic: SmallClinic, patient: Caller, pharmacy: Caller, acknowledged: UUID
) -> None:
    assert post_one(pharmacy, acknowledged, "ready_for_pickup") == "applied"
    first = {"quantity": 10, "expected_on": in_days(2)}
    [answer] = post_all(pharmacy, event_of(acknowledged, "picked_up", **first))
    assert (answer["outcome"], answer["refill_status"]) == ("applied", "rest_owed")
    drain()
    assert "refill_rest_owed" in told(clinic.patient.id)
    seen = patient.get(f"/refills/{acknowledged}").json
    assert (seen["quantity_dispensed"], seen["quantity_ordered"]) == (10, 30)
    assert (seen["with"]["kind"], seen["late"], seen["closed_at"]) == ("pharmacy", False, None)
    assert seen["expected_by"][:10] >= in_days(2)
    assert supply(patient, acknowledged)["refill"]["runs_out_on"] == in_days(10)
    assert post_one(pharmacy, acknowledged, "picked_up", quantity=21) == "quarantined"
    assert post_one(pharmacy, acknowledged, "ready_for_pickup", quantity=20) == "applied"
    assert post_one(pharmacy, acknowledged, "picked_up") == "applied"
    drain()
    assert refill(acknowledged).status == "picked_up"
    assert parts(acknowledged) == [(10, 10), (20, 20)]
    assert supply(patient, acknowledged)["refill"]["runs_out_on"] == in_days(30)
    assert supply(patient, acknowledged)["refill"]["next_eligible_on"] == in_days(23)
    assert broken() == []


def test_both_parts_in_one_batch(patient: Caller, pharmacy: Caller, acknowledged: UUID) -> None:
    answers = post_all(
        pharmacy,
        event_of(acknowledged, "partially_ready", quantity=10),
        event_of(acknowledged, "picked_up"),
        event_of(acknowledged, "ready_for_pickup"),
        event_of(acknowledged, "picked_up"),
    )
    assert [answer["refill_status"] for answer in answers] == [
        "partially_ready",
        "rest_owed",
        "ready_for_pickup",
        "picked_up",
    ]
    assert parts(acknowledged) == [(10, 10), (20, 20)]
    assert refill(acknowledged).quantity_dispensed == 30


def test_a_rest_that_is_late_has_an_owner(
    clinic: SmallClinic, patient: Caller, pharmacy: Caller, refillable: Make
) -> None:
    id_ = at("rest_owed", patient, pharmacy, refillable().id)
    due = refill(id_).expected_by
    assert due is not None
    with transaction(WORKER) as session:
        late = due + timedelta(minutes=1)
        assert service.find_overdue(session=session, now=late, limit=10) == 1
    assert [item.subject_id for item in open_items("refill_overdue")] == [id_]


def test_a_rest_is_given_up_with_a_reason(
    clinic: SmallClinic, patient: Caller, pharmacy: Caller, refillable: Make
) -> None:
    id_ = at("rest_owed", patient, pharmacy, refillable().id)
    assert post_one(pharmacy, id_, "not_dispensed") == "invalid"
    assert post_one(pharmacy, id_, "not_dispensed", reason_code="out_of_stock") == "applied"
    drain()
    seen = patient.get(f"/refills/{id_}").json
    assert (seen["status"], seen["reason_code"]) == ("partially_dispensed", "out_of_stock")
    assert seen["next_step"]
    assert [item.responsible_id for item in open_items("refill_failed")] == [clinic.physician.id]
    assert supply(patient, id_)["refill"]["runs_out_on"] == in_days(10)
    elsewhere = {"pharmacy_id": str(clinic.other_pharmacy.id)}
    assert patient.post(f"/refills/{id_}/pharmacy", elsewhere).status_code == 409
    assert broken() == []


def test_the_rest_of_schedule_ii_is_given_up_after_72_hours(
    clinic: SmallClinic, patient: Caller, pharmacy: Caller, refillable: Make
) -> None:
    """21 CFR 1306.13(a): it then needs a new prescription."""
    id_ = at("rest_owed", patient, pharmacy, refillable().id)
    now = utcnow()
    with transaction(OPERATOR) as session:
        session.get_one(Refill, id_).rest_due_at = now - timedelta(minutes=1)
    for minutes, given_up in ((-1, 0), (0, 1), (0, 0)):
        with transaction(WORKER) as session:
            moment = now + timedelta(minutes=minutes)
            assert service.give_up_rests(session=session, now=moment, limit=10) == given_up
    drain()
    assert (refill(id_).status, refill(id_).reason_code) == ("partially_dispensed", "rest_expired")
    assert [item.responsible_id for item in open_items("refill_failed")] == [clinic.physician.id]
    assert "refill_partially_dispensed" in told(clinic.patient.id)
    assert pharmacy.get("/pharmacy/orders").json["items"][-1]["kind"] == "cancel"
