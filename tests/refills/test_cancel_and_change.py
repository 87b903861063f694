"""Withdrawing a refill, and sending it to another pharmacy."""

from functools import partial
from uuid import UUID

import pytest

from portal.prescriptions.model import Prescription
from portal.prescriptions.states import PrescriptionStatus
from tests.refills.conftest import ask, load, refill, set_status
from tests.refills.story import Story
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.races import at_once


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


@pytest.mark.parametrize("schedule", [None, 2])
def test_what_was_not_dispensed_is_replaced_once(clinic: SmallClinic, schedule: int | None) -> None:
    story = Story(clinic, schedule=schedule, refills=0)
    story.follow()
    [first] = story.refills()
    assert story.report(0, first.id, "not_dispensed") == "applied"
    assert story.change_pharmacy("delegate", first.id, 1) == "done"
    second = story.refills()[-1]
    assert (second.replaces_id, second.kind) == (first.id, "first_fill")
    assert story.change_pharmacy("patient", first.id, 0) == "already_replaced"
    story.follow()
    for status in ("with_pharmacy", "ready_for_pickup", "picked_up"):
        assert story.report(1, second.id, status) == "applied"
    assert story.change_pharmacy("patient", first.id, 0) == "already_replaced"
    assert len(story.refills()) == 2


def test_what_was_not_dispensed_is_not_sent_elsewhere_after_it_was_filled(
    clinic: SmallClinic,
) -> None:
    story = Story(clinic, schedule=2, refills=0)
    story.follow()
    [first] = story.refills()
    assert story.report(0, first.id, "not_dispensed") == "applied"
    assert story.ask("patient") == "done"
    story.follow()
    second = story.refills()[-1]
    for status in ("with_pharmacy", "ready_for_pickup", "picked_up"):
        assert story.report(0, second.id, status) == "applied"
    for who in ("patient", "delegate"):
        assert story.change_pharmacy(who, first.id, 1) == "refill_not_allowed"
    assert story.row().first_fill_used == 1


def test_replacing_at_once_replaces_once(clinic: SmallClinic) -> None:
    story = Story(clinic)
    story.follow()
    [first] = story.refills()
    story.report(0, first.id, "not_dispensed")
    found = at_once(*[partial(story.change_pharmacy, "patient", first.id, n % 2) for n in range(6)])
    assert sorted(found) == ["already_replaced"] * 5 + ["done"]


@pytest.mark.parametrize("status", ["stopped", "on_hold"])
def test_what_may_not_be_filled_goes_to_no_other_pharmacy(clinic: SmallClinic, status: str) -> None:
    story = Story(clinic)
    story.follow()
    [first] = story.refills()
    story.set_status(PrescriptionStatus(status))
    assert story.change_pharmacy("patient", first.id, 1) == "refill_not_allowed"
    assert [refill.pharmacy_id for refill in story.refills()] == [clinic.pharmacy.id]
