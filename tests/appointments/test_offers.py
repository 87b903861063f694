"""Several times for a patient: held, taken, refused, forgotten."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.appointments import service
from portal.appointments.offer_model import AppointmentOffer
from portal.core.actor import WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from tests.appointments.conftest import (
    book,
    booked,
    broken,
    change,
    free,
    in_days,
    items,
    offer,
    open_slots,
    rows,
    told,
)
from tests.requisitions.conftest import CT, order
from tests.requisitions.conftest import offer as offer_imaging
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain


@pytest.fixture
def slots(physician: Caller) -> list[UUID]:
    return open_slots(physician, *(in_days(day) for day in (3, 4, 5)))


@pytest.fixture
def offered(clinic: SmallClinic, physician: Caller, slots: list[UUID]) -> str:
    answer = offer(physician, clinic, *slots[:2])
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def accept(who: Caller, offer_id: Any, slot_id: Any) -> Any:
    return who.post(f"/appointments/offers/{offer_id}/accept", {"slot_id": str(slot_id)})


def decline(who: Caller, offer_id: Any, **body: Any) -> Any:
    return who.post(f"/appointments/offers/{offer_id}/decline", body)


def expire() -> int:
    with transaction(WORKER) as session:
        return service.expire_offers(session=session, now=utcnow(), limit=100)


def run_out(offer_id: str) -> None:
    [row] = rows(AppointmentOffer, id=UUID(offer_id))
    change(row, expires_at=utcnow() - timedelta(seconds=1))


def test_one_is_taken_and_the_others_are_free_again(
    clinic: SmallClinic, patient: Caller, other_patient: Caller, slots: list[UUID], offered: str
) -> None:
    drain()
    assert told() == ["appointment_offered"]
    [seen] = patient.get("/appointments/offers").json["items"]
    assert (seen["id"], [one["id"] for one in seen["slots"]]) == (
        offered,
        [str(one) for one in slots[:2]],
    )
    assert other_patient.get("/appointments/offers").json["items"] == []
    assert book(other_patient, slots[0]).json["code"] == "slot_taken"
    answer = accept(patient, offered, slots[1])
    assert answer.status_code == 200, answer.text
    assert answer.json["slot_id"] == str(slots[1])
    assert free(other_patient) == [str(slots[0]), str(slots[2])]
    again = accept(patient, offered, slots[0])
    assert (again.status_code, again.json["code"]) == (409, "offer_ended")
    [ended] = patient.get("/appointments/offers?status=closed").json["items"]
    assert (ended["status"], ended["appointment_id"]) == ("accepted", answer.json["id"])
    drain()
    assert items("appointment_offer_untaken") == []
    assert broken() == set()


def test_not_one_of_these(
    clinic: SmallClinic, patient: Caller, physician: Caller, slots: list[UUID], offered: str
) -> None:
    assert accept(patient, offered, slots[2]).json["code"] == "not_offered"
    answer = decline(patient, offered, reason="I work on these days")
    assert (answer.json["status"], answer.json["reason"]) == ("declined", "I work on these days")
    drain()
    [item] = items("appointment_offer_untaken")
    assert (str(item.subject_id), item.responsible_id) == (offered, clinic.physician.id)
    assert item.assignee_id == clinic.physician.id
    [mine] = physician.get("/worklist?kind=appointment_offer_untaken").json["items"]
    assert physician.request("GET", mine["link"]).json["id"] == offered
    assert len(free(patient)) == 3
    booked(patient, slots[2])
    drain()
    assert [item.status for item in items("appointment_offer_untaken")] == ["done"]


def test_nobody_answers(
    clinic: SmallClinic, nurse: Caller, patient: Caller, slots: list[UUID]
) -> None:
    offered = offer(nurse, clinic, slots[0]).json["id"]
    assert expire() == 0
    run_out(offered)
    late = accept(patient, offered, slots[0])
    assert (late.status_code, late.json["code"]) == (409, "offer_ended")
    assert str(slots[0]) in free(patient), "held no longer, before anybody has looked"
    assert broken() == {"an offer of an appointment is past its end and has not ended"}
    assert (expire(), expire()) == (1, 0)
    drain()
    [item] = items("appointment_offer_untaken")
    assert (item.responsible_id, item.pool_id) == (None, clinic.nurses.id)
    assert broken() == set()


def test_taken_back(
    clinic: SmallClinic, physician: Caller, patient: Caller, slots: list[UUID], offered: str
) -> None:
    answer = physician.post(f"/appointments/offers/{offered}/withdraw")
    assert answer.json["status"] == "withdrawn"
    assert accept(patient, offered, slots[0]).json["code"] == "offer_ended"
    drain()
    assert items("appointment_offer_untaken") == []
    assert told() == [], "what was taken back before anybody heard of it"


def test_what_cannot_be_offered(
    clinic: SmallClinic,
    physician: Caller,
    patient: Caller,
    other_patient: Caller,
    slots: list[UUID],
    offered: str,
) -> None:
    assert offered
    booked(other_patient, slots[2])
    answer = offer(physician, clinic, slots[0], slots[2], uuid4())
    assert (answer.status_code, answer.json["code"]) == (422, "offer_unusable")
    assert [error["pointer"] for error in answer.json["errors"]] == [
        f"/slot_ids/{number}" for number in range(3)
    ]
    assert offer(physician, clinic, slots[0], slots[0]).status_code == 422
    assert offer(physician, clinic, slots[0], patient_id=str(uuid4())).status_code == 404
    [later] = open_slots(physician, in_days(9))
    soon = (utcnow() + timedelta(minutes=10)).isoformat()
    answer = offer(physician, clinic, later, expires_at=soon)
    assert answer.json["errors"][0]["pointer"] == "/expires_at"
    assert offer(patient, clinic, later).status_code == 403


def test_an_offer_ends_with_its_last_time(clinic: SmallClinic, physician: Caller) -> None:
    [tomorrow] = open_slots(physician, in_days(2))
    assert offer(physician, clinic, tomorrow).json["expires_at"] == in_days(2).isoformat().replace(
        "+00:00", "Z"
    )


def test_a_time_that_was_withdrawn_meanwhile(
    clinic: SmallClinic, physician: Caller, patient: Caller, slots: list[UUID], offered: str
) -> None:
    physician.post(f"/slots/{slots[0]}/withdraw")
    seen = patient.get(f"/appointments/offers/{offered}").json
    assert [one["id"] for one in seen["slots"]] == [str(slots[1])]
    assert accept(patient, offered, slots[0]).json["code"] == "slot_taken"
    assert accept(patient, offered, slots[1]).status_code == 200


def test_times_for_an_order(
    clinic: SmallClinic, physician: Caller, nurse: Caller, patient: Caller, radiology: Caller
) -> None:
    [scan] = order(physician, clinic, CT)
    [ct] = offer_imaging(radiology, in_days(3))
    [mr] = offer_imaging(radiology, in_days(3), room="MR 1", modality="MR")
    about = {"kind": "requisition", "id": str(scan)}
    assert offer(nurse, clinic, mr, about=about).json["code"] == "offer_unusable"
    another = offer(nurse, clinic, ct, about=about, patient_id=str(clinic.other_patient.id))
    assert another.json["errors"][0]["pointer"] == "/patient_id"
    offered = offer(nurse, clinic, ct, about=about).json
    assert offered["about"] == about
    answer = accept(patient, offered["id"], ct)
    assert answer.status_code == 200, answer.text
    assert answer.json["about"] == about
    seen = patient.get(f"/requisitions/{scan}").json
    assert (seen["status"], seen["appointment"]["id"]) == ("scheduled", answer.json["id"])
