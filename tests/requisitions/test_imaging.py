"""Appointments: offered, booked, changed, called off, kept or missed; and who wins a race."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.appointments.model import Appointment, Slot
from portal.core.actor import ActorKind
from portal.core.clock import utcnow
from tests.requisitions.conftest import (
    CT,
    in_days,
    items,
    load,
    offer,
    order,
    rows,
    sent,
    statuses,
    told,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, laboratory
from tests.support.races import at_once
from tests.support.work import drain


@pytest.fixture
def slot(radiology: Caller) -> UUID:
    return offer(radiology, in_days(3))[0]


def book(who: Caller, slot_id: UUID, requisition_id: UUID) -> Any:
    return who.post(f"/imaging/slots/{slot_id}/book", {"requisition_id": str(requisition_id)})


def act(who: Caller, appointment_id: Any, what: str, body: Any = None) -> Any:
    return who.post(f"/imaging/appointments/{appointment_id}/{what}", body)


@pytest.fixture
def appointment(patient: Caller, scan: UUID, slot: UUID) -> str:
    answer = book(patient, slot, scan)
    assert answer.status_code == 200, answer.text
    return str(answer.json["appointment"]["id"])


def free(who: Caller, requisition_id: UUID, query: str = "") -> list[str]:
    answer = who.get(f"/imaging/slots?requisition_id={requisition_id}{query}")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json["items"]]


def test_free_times_are_those_that_fit(
    clinic: SmallClinic, patient: Caller, radiology: Caller, scan: UUID
) -> None:
    later, sooner = offer(radiology, in_days(4), in_days(3))
    offer(radiology, in_days(3), room="MR 1", modality="MR")
    short = {
        "modality": "CT",
        "room": "CT 2",
        "starts_at": in_days(3).isoformat(),
        "ends_at": (in_days(3) + timedelta(minutes=10)).isoformat(),
    }
    assert radiology.post("/imaging/slots", {"slots": [short]}).status_code == 201
    assert free(patient, scan) == [str(sooner), str(later)]
    page = patient.get(f"/imaging/slots?requisition_id={scan}&limit=1").json
    assert free(patient, scan, f"&cursor={page['next']}") == [str(later)]
    day = in_days(4, 0).isoformat().replace("+00:00", "Z")
    assert free(patient, scan, f"&from={day}") == [str(later)]
    assert free(patient, scan, f"&to={day}") == [str(sooner)]
    assert free(patient, scan, f"&laboratory_id={clinic.other_laboratory.id}") == []
    book(patient, sooner, scan)
    assert free(patient, scan) == [str(later)]
    radiology.post(f"/imaging/slots/{later}/withdraw")
    assert free(patient, scan) == []


def test_booking_moves_the_order_and_says_how_to_prepare(
    clinic: SmallClinic, patient: Caller, scan: UUID, slot: UUID
) -> None:
    drain()
    seen = book(patient, slot, scan).json
    assert (seen["status"], statuses(seen)) == ("scheduled", ["placed", "scheduled"])
    assert seen["appointment"]["room"] == "CT 1"
    assert seen["appointment"]["starts_at"] == in_days(3).isoformat().replace("+00:00", "Z")
    assert seen["preparation"]["text"] == "Nothing to eat for four hours before."
    assert load(scan).expected_by == in_days(3) + timedelta(days=1, minutes=30)
    drain()
    assert told() == ["requisition_placed", "appointment_booked"]


@pytest.mark.parametrize("who", ["physician", "nurse"])
def test_the_care_team_books_too(
    who: str, request: pytest.FixtureRequest, scan: UUID, slot: UUID
) -> None:
    assert book(request.getfixturevalue(who), slot, scan).json["status"] == "scheduled"


def test_what_is_not_to_be_booked(
    clinic: SmallClinic, physician: Caller, patient: Caller, radiology: Caller, scan: UUID
) -> None:
    [mr] = offer(radiology, in_days(3), room="MR 1", modality="MR")
    [ct, second] = offer(radiology, in_days(3), in_days(5))
    [blood] = order(physician, clinic)
    assert book(patient, ct, blood).json["code"] == "not_bookable"
    assert book(patient, mr, scan).json["code"] == "slot_unusable"
    assert book(patient, uuid4(), scan).json["code"] == "slot_not_found"
    assert book(patient, ct, uuid4()).json["code"] == "requisition_not_found"
    [late] = order(physician, clinic, CT, not_before=in_days(20).date().isoformat())
    assert book(patient, ct, late).json["code"] == "slot_unusable"
    assert book(radiology, ct, scan).status_code == 403
    assert book(patient, ct, scan).status_code == 200
    assert book(patient, second, scan).json["code"] == "not_bookable"


def test_a_time_that_is_over_is_not_booked(
    clinic: SmallClinic, patient: Caller, scan: UUID
) -> None:
    begins = utcnow() - timedelta(minutes=5)
    past = Slot(
        id=uuid4(),
        laboratory_id=clinic.radiology.id,
        service_type="CT",
        room="CT 1",
        resource=f"{clinic.radiology.id} CT 1",
        starts_at=begins,
        ends_at=begins + timedelta(hours=1),
    )
    add(past)
    assert free(patient, scan) == []
    assert book(patient, past.id, scan).json["code"] == "slot_unusable"


def test_somebody_elses_time_is_taken(
    clinic: SmallClinic, physician: Caller, patient: Caller, scan: UUID, slot: UUID
) -> None:
    [other] = order(physician, clinic, CT)
    assert book(patient, slot, scan).status_code == 200
    answer = book(patient, slot, other)
    assert (answer.status_code, answer.json["code"]) == (409, "slot_taken")
    assert load(other).status == "placed"


def test_of_many_who_book_one_time_one_gets_it(
    clinic: SmallClinic, physician: Caller, patient: Caller, slot: UUID
) -> None:
    wanting = [order(physician, clinic, CT)[0] for _ in range(6)]
    answers = at_once(*(partial(book, patient, slot, one) for one in wanting))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 5}
    assert len(rows(Appointment)) == 1
    assert Counter(load(one).status for one in wanting) == {"scheduled": 1, "placed": 5}


def test_one_order_gets_one_time(patient: Caller, radiology: Caller, scan: UUID) -> None:
    slots = offer(radiology, *(in_days(day) for day in range(2, 7)))
    answers = at_once(*(partial(book, patient, one, scan) for one in slots))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 4}
    assert [one.status for one in rows(Appointment)] == ["booked"]


def test_booked_or_withdrawn_but_never_both(patient: Caller, radiology: Caller, scan: UUID) -> None:
    for day in range(2, 8):
        [one] = offer(radiology, in_days(day))
        withdraw = f"/imaging/slots/{one}/withdraw"
        at_once(partial(book, patient, one, scan), partial(radiology.post, withdraw))
        [there] = rows(Slot, id=one)
        held = [row for row in rows(Appointment, slot_id=one) if row.status == "booked"]
        assert not (there.withdrawn_at and held)
        for row in held:
            act(patient, row.id, "cancel")
        assert load(scan).status in ("placed", "accepted")


def test_another_time_instead(
    patient: Caller, radiology: Caller, scan: UUID, slot: UUID, appointment: str
) -> None:
    [other] = offer(radiology, in_days(6))
    drain()
    answer = act(patient, appointment, "change", {"slot_id": str(other)})
    assert answer.status_code == 200, answer.text
    assert answer.json["appointment"]["slot_id"] == str(other)
    assert answer.json["history"][-1]["reason_code"] == "appointment_changed"
    assert free(patient, scan) == [str(slot)]
    assert load(scan).expected_by == in_days(6) + timedelta(days=1, minutes=30)
    drain()
    assert told().count("appointment_booked") == 2
    ended = act(patient, appointment, "change", {"slot_id": str(slot)})
    assert (ended.status_code, ended.json["code"]) == (409, "appointment_ended")


def test_a_change_that_cannot_be_leaves_everything(
    clinic: SmallClinic,
    physician: Caller,
    patient: Caller,
    radiology: Caller,
    scan: UUID,
    appointment: str,
) -> None:
    [taken] = offer(radiology, in_days(6))
    [other] = order(physician, clinic, CT)
    book(patient, taken, other)
    answer = act(patient, appointment, "change", {"slot_id": str(taken)})
    assert (answer.status_code, answer.json["code"]) == (409, "slot_taken")
    seen = patient.get(f"/requisitions/{scan}").json
    assert (seen["status"], seen["appointment"]["id"]) == ("scheduled", appointment)


def test_called_off_the_order_waits_for_another(
    patient: Caller, scan: UUID, slot: UUID, appointment: str
) -> None:
    drain()
    answer = act(patient, appointment, "cancel", {"reason": "I am away"})
    assert (answer.status_code, answer.json["status"]) == (200, "accepted"), answer.text
    assert answer.json["appointment"] is None
    drain()
    assert told()[-1] == "appointment_cancelled"
    assert book(patient, slot, scan).status_code == 200
    assert act(patient, appointment, "cancel").json["code"] == "appointment_ended"
    assert act(patient, uuid4(), "cancel").json["code"] == "appointment_not_found"


def test_a_withdrawn_time_sends_its_patient_for_another(
    patient: Caller, radiology: Caller, scan: UUID, slot: UUID, appointment: str
) -> None:
    drain()
    assert radiology.post(f"/imaging/slots/{slot}/withdraw").status_code == 200
    assert patient.get(f"/requisitions/{scan}").json["status"] == "accepted"
    drain()
    assert told()[-1] == "appointment_cancelled"
    assert book(patient, slot, scan).json["code"] == "slot_taken"
    assert radiology.post(f"/imaging/slots/{slot}/withdraw").status_code == 200, "twice is once"
    assert radiology.post(f"/imaging/slots/{uuid4()}/withdraw").status_code == 404
    assert offer(radiology, in_days(3)), "the room is free for another time"


def test_the_department_says_who_came(
    clinic: SmallClinic, patient: Caller, radiology: Caller, scan: UUID, appointment: str
) -> None:
    listed = radiology.get("/imaging/appointments").json["items"]
    assert [one["id"] for one in listed] == [appointment]
    assert listed[0]["patient"]["mrn"] == clinic.patient.mrn
    answer = act(radiology, appointment, "attended")
    assert (answer.status_code, answer.json["requisition_status"]) == (200, "collected")
    assert rows(Appointment)[0].status == "attended"
    row = load(scan)
    assert row.collected_at is not None
    assert row.expected_by == row.collected_at + timedelta(hours=24)
    assert act(radiology, appointment, "attended").status_code == 409
    assert act(patient, appointment, "attended").status_code == 403


def test_who_did_not_come_is_asked_why(
    clinic: SmallClinic, patient: Caller, radiology: Caller, scan: UUID, appointment: str
) -> None:
    drain()
    answer = act(radiology, appointment, "no-show")
    assert answer.json["requisition_status"] == "accepted"
    drain()
    [item] = items("requisition_uncollected")
    assert (item.subject_id, item.responsible_id) == (scan, None)
    assert item.pool_id == clinic.nurses.id
    assert "appointment_cancelled" not in told()
    [other] = offer(radiology, in_days(8))
    assert book(patient, other, scan).status_code == 200
    drain()
    assert [item.status for item in items("requisition_uncollected")] == ["done"]


def test_another_department_sees_and_ends_nothing_here(
    clinic: SmallClinic, caller: Callable[..., Caller], slot: UUID, appointment: str
) -> None:
    elsewhere = laboratory("Harbor Radiology", "HARBOR", "HARBOR RAD", kind="radiology")
    add(elsewhere)
    stranger = caller(ActorKind.LABORATORY, elsewhere.id)
    assert stranger.get("/imaging/appointments").json["items"] == []
    assert act(stranger, appointment, "no-show").status_code == 404
    assert stranger.post(f"/imaging/slots/{slot}/withdraw").status_code == 404


def test_booked_at_another_department_the_order_goes_there(
    clinic: SmallClinic, caller: Callable[..., Caller], patient: Caller, scan: UUID
) -> None:
    elsewhere = laboratory("Harbor Radiology", "HARBOR", "HARBOR RAD", kind="radiology")
    add(elsewhere)
    drain()
    [there] = offer(caller(ActorKind.LABORATORY, elsewhere.id), in_days(2))
    assert free(patient, scan) == []
    assert free(patient, scan, f"&laboratory_id={elsewhere.id}") == [str(there)]
    seen = book(patient, there, scan).json
    assert (seen["status"], seen["laboratory"]["name"]) == ("scheduled", "Harbor Radiology")
    drain()
    assert sent(scan) == [
        (clinic.radiology.id, "new", "queued"),
        (elsewhere.id, "new", "queued"),
        (clinic.radiology.id, "cancel", "queued"),
    ] or sent(scan) == [
        (clinic.radiology.id, "new", "queued"),
        (clinic.radiology.id, "cancel", "queued"),
        (elsewhere.id, "new", "queued"),
    ]
