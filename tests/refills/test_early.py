"""A fill before its day, where the care team allows it: once."""

from datetime import timedelta
from uuid import UUID

from portal.prescriptions.model import Prescription
from tests.refills.conftest import TODAY, Make, ask, ask_one, load, post_one
from tests.support.api import Caller
from tests.support.work import drain


def until(nurse: Caller, prescription_id: UUID) -> None:
    body = {"until": (TODAY + timedelta(days=60)).isoformat()}
    allowed = nurse.post(f"/prescriptions/{prescription_id}/early-refill", body)
    assert allowed.status_code == 200, allowed.text


def hand_over(pharmacy: Caller, refill_id: UUID) -> None:
    drain()
    assert pharmacy.post(f"/pharmacy/orders/{refill_id}/acknowledge").status_code == 200
    for status in ("ready_for_pickup", "picked_up"):
        assert post_one(pharmacy, refill_id, status) == "applied"
    drain()


def test_one_early_fill_is_allowed_and_not_every_one_until_that_day(
    patient: Caller, nurse: Caller, pharmacy: Caller, refillable: Make
) -> None:
    rx = refillable(last_filled_on=TODAY - timedelta(days=5), refills_authorized=5)
    assert ask(patient, rx.id).status_code == 422
    for _ in range(2):  # also where the fill before was handed over on the same day
        until(nurse, rx.id)
        hand_over(pharmacy, ask_one(patient, rx.id))
        row: Prescription = load(Prescription, rx.id)
        assert row.early_refill_until is None
        assert ask(patient, rx.id).status_code == 422


def test_what_was_not_handed_over_leaves_it(
    patient: Caller, nurse: Caller, refillable: Make
) -> None:
    rx = refillable(last_filled_on=TODAY - timedelta(days=5), refills_authorized=5)
    until(nurse, rx.id)
    refill_id = ask_one(patient, rx.id)
    assert patient.post(f"/refills/{refill_id}/cancel", {"reason": "Not now"}).status_code == 200
    drain()
    assert ask(patient, rx.id).status_code == 201
