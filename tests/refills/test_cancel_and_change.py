"""Withdrawing a refill, and sending it to another pharmacy."""

from uuid import UUID

import pytest

from portal.prescriptions.model import Prescription
from tests.refills.conftest import ask, load, refill, set_status
from tests.support.api import Caller
from tests.support.clinic import SmallClinic


def used(refill_id: UUID) -> int:
    row: Prescription = load(Prescription, refill(refill_id).prescription_id)
    return row.refills_used


def test_cancelling_gives_the_refill_back(patient: Caller, requested: UUID) -> None:
    assert used(requested) == 2
    answer = patient.post(f"/refills/{requested}/cancel", {"reason": "Found some"})
    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")
    assert used(requested) == 1
    assert ask(patient, refill(requested).prescription_id).status_code == 201


def test_cancelling_a_renewal_closes_the_work_item(
    patient: Caller, physician: Caller, waiting: UUID
) -> None:
    assert patient.post(f"/refills/{waiting}/cancel").json["status"] == "cancelled"
    answer = physician.post(f"/refills/{waiting}/decision", {"decision": "approve"})
    assert (answer.status_code, answer.json["decided_by"]) == (409, "the patient")


@pytest.mark.parametrize("status", ["preparing", "ready_for_pickup", "shipped", "partially_ready"])
def test_what_the_pharmacy_works_on_cannot_be_cancelled_or_moved(
    clinic: SmallClinic, patient: Caller, requested: UUID, status: str
) -> None:
    set_status(requested, status)
    answer = patient.post(f"/refills/{requested}/cancel")
    assert (answer.status_code, answer.json["code"]) == (409, "not_cancellable")
    assert answer.json["status_now"] == status
    elsewhere = {"pharmacy_id": str(clinic.other_pharmacy.id)}
    answer = patient.post(f"/refills/{requested}/pharmacy", elsewhere)
    assert (answer.status_code, answer.json["code"]) == (409, "pharmacy_not_changeable")
    assert (refill(requested).status, used(requested)) == (status, 2)


def test_an_ended_refill_stays_ended(patient: Caller, requested: UUID) -> None:
    patient.post(f"/refills/{requested}/cancel")
    assert patient.post(f"/refills/{requested}/cancel").status_code == 409
    assert used(requested) == 1


@pytest.mark.parametrize("fixture", ["requested", "waiting"])
def test_before_the_pharmacy_has_it_the_same_refill_moves(
    request: pytest.FixtureRequest, clinic: SmallClinic, patient: Caller, fixture: str
) -> None:
    id_: UUID = request.getfixturevalue(fixture)
    answer = patient.post(
        f"/refills/{id_}/pharmacy", {"pharmacy_id": str(clinic.other_pharmacy.id)}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json["id"] == str(id_)
    assert answer.json["pharmacy"]["name"] == "Harbor Pharmacy"
    assert answer.json["history"][-1]["reason_code"] == "pharmacy_changed"


@pytest.mark.parametrize("status", ["with_pharmacy", "on_hold"])
def test_afterwards_another_refill_takes_its_place(
    clinic: SmallClinic, patient: Caller, requested: UUID, status: str
) -> None:
    set_status(requested, status)
    answer = patient.post(
        f"/refills/{requested}/pharmacy", {"pharmacy_id": str(clinic.mail_pharmacy.id)}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json["replaces_id"] == str(requested)
    assert (answer.json["status"], answer.json["delivery"]) == ("sending", "mail")
    assert refill(requested).status == "cancelled"
    assert used(requested) == 2, "given back once, reserved once"


def test_the_other_pharmacy_must_exist_and_serve(
    clinic: SmallClinic, patient: Caller, requested: UUID
) -> None:
    unknown = patient.post(f"/refills/{requested}/pharmacy", {"pharmacy_id": str(requested)})
    assert (unknown.status_code, unknown.json["code"]) == (422, "pharmacy_unusable")
    no_mail = {"pharmacy_id": str(clinic.other_pharmacy.id), "delivery": "mail"}
    assert patient.post(f"/refills/{requested}/pharmacy", no_mail).status_code == 422
    assert refill(requested).pharmacy_id == clinic.pharmacy.id
