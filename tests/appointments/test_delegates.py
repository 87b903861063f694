"""Appointments as those make and see them who act for the patient, and what is kept from them."""

from uuid import UUID

import pytest

from portal.appointments.model import Appointment
from portal.core.actor import ActorKind
from portal.patients.delegation_model import Delegation
from tests.appointments.conftest import (
    act,
    book,
    booked,
    coming,
    free,
    in_days,
    load,
    offer,
    open_slots,
    rows,
    told,
)
from tests.patients.conftest import Sign
from tests.patients.delegates import acting_for, give, new_person
from tests.requisitions.conftest import CT, order
from tests.requisitions.conftest import offer as offer_imaging
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.races import at_once
from tests.support.work import drain

KEEP = {"reason": "Asked not to tell at home"}


@pytest.fixture
def driver(clinic: SmallClinic, caller: Sign) -> Caller:
    """Somebody who arranges the first patient's appointments, and nothing else."""
    return acting_for(clinic.patient, caller, "appointments")


def keep(physician: Caller, path: str) -> None:
    answer = physician.post(f"{path}/confidential", KEEP)
    assert answer.status_code == 200, answer.text


def test_who_may_arranges_all_of_it(
    clinic: SmallClinic, driver: Caller, patient: Caller, physician: Caller, slot: UUID
) -> None:
    later = open_slots(physician, in_days(6))[0]
    assert set(free(driver)) == {str(slot), str(later)}
    made = booked(driver, slot)
    drain()
    assert told(clinic.patient.id) == ["appointment_booked"]
    assert coming(driver) == coming(patient) == [made]
    row = load(made)
    assert (row.booked_by_kind, row.patient_id) == ("delegate", clinic.patient.id)
    step = physician.get(f"/appointments/{made}").json["history"][0]
    assert step["by"] == {"kind": "delegate", "name": "Robin Other"}
    assert driver.get(f"/appointments/{made}/calendar").status_code == 200
    assert act(driver, made, "earlier").status_code == 200
    moved = act(driver, made, "change", slot_id=str(later))
    assert moved.status_code == 200, moved.text
    assert act(driver, moved.json["id"], "cancel").status_code == 200
    assert coming(patient) == []


def test_who_may_answers_an_offer(
    clinic: SmallClinic, driver: Caller, physician: Caller, slot: UUID
) -> None:
    offered = offer(physician, clinic, slot).json["id"]
    drain()
    [seen] = driver.get("/appointments/offers").json["items"]
    assert seen["id"] == offered
    answer = driver.post(f"/appointments/offers/{offered}/accept", {"slot_id": str(slot)})
    assert answer.status_code == 200, answer.text
    assert answer.json["slot_id"] == str(slot)


def test_other_categories_give_no_appointments(
    clinic: SmallClinic, caller: Sign, appointment: str, slot: UUID
) -> None:
    nephew = acting_for(clinic.patient, caller, "medicines", "results", "messages", "visits")
    for answer in (
        nephew.get("/slots"),
        nephew.get("/appointments"),
        nephew.get(f"/appointments/{appointment}"),
        nephew.get("/appointments/offers"),
        book(nephew, slot),
        act(nephew, appointment, "cancel"),
    ):
        assert (answer.status_code, answer.json["code"]) == (403, "category_not_delegated")


def test_of_another_patient_nothing_is_seen_or_moved(
    clinic: SmallClinic, caller: Sign, other_patient: Caller, slot: UUID
) -> None:
    theirs = booked(other_patient, slot)
    person = new_person()
    give(clinic.patient, person)
    give(clinic.other_patient, person)
    robin = caller(ActorKind.DELEGATE, person, "Robin Other")
    first, other = robin.acting_for(clinic.patient.id), robin.acting_for(clinic.other_patient.id)
    assert coming(first) == []
    assert first.get(f"/appointments/{theirs}").status_code == 404
    assert act(first, theirs, "cancel").status_code == 404
    assert coming(other) == [theirs]


def test_a_confidential_order_takes_along_its_appointment(
    clinic: SmallClinic, driver: Caller, patient: Caller, physician: Caller, radiology: Caller
) -> None:
    [scan] = order(physician, clinic, CT)
    drain()
    [time] = offer_imaging(radiology, in_days(5))
    made = booked(driver, time, about={"kind": "requisition", "id": str(scan)})
    drain()
    assert coming(driver) == [made]
    assert len(driver.get("/notifications").json["items"]) > 0
    keep(physician, f"/requisitions/{scan}")
    assert coming(driver) == []
    assert driver.get(f"/appointments/{made}").status_code == 404
    assert driver.get("/notifications").json["items"] == []
    assert act(driver, made, "cancel").status_code == 404
    assert coming(patient) == [made]
    [row] = rows(Appointment, id=UUID(made))
    assert row.confidential is True


def test_an_appointment_for_something_confidential_is_so_from_the_first(
    clinic: SmallClinic, driver: Caller, patient: Caller, physician: Caller, radiology: Caller
) -> None:
    [scan] = order(physician, clinic, CT)
    keep(physician, f"/requisitions/{scan}")
    drain()
    first, second = offer_imaging(radiology, in_days(5), in_days(6))
    about = {"kind": "requisition", "id": str(scan)}
    assert book(driver, first, about=about).status_code == 404
    made = booked(patient, first, about=about)
    moved = act(patient, made, "change", slot_id=str(second)).json["id"]
    assert coming(driver) == []
    assert coming(patient) == [moved]


def test_access_that_ends_meanwhile_books_nothing(
    driver: Caller, patient: Caller, slot: UUID
) -> None:
    """Either it is booked and then access ends, or access has ended and nothing is booked."""
    [given] = rows(Delegation)
    answer, ended = at_once(
        lambda: book(driver, slot), lambda: patient.post(f"/delegations/{given.id}/revoke")
    )
    assert ended.status_code == 200, ended.text
    made = rows(Appointment)
    assert (answer.status_code, len(made)) in ((201, 1), (403, 0)), answer.text
    again = driver.get("/appointments")
    assert (again.status_code, again.json["code"]) == (403, "access_ended")
