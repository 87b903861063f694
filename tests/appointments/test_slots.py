"""Times: opened by a clinic's people, listed for those who may book, withdrawn."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError

from portal.appointments.model import Slot
from portal.config import Config
from portal.core.actor import ActorKind
from portal.core.clock import utcnow
from portal.core.db import violated
from portal.directory.model import Clinic, Pool
from tests.appointments.conftest import (
    act,
    book,
    booked,
    free,
    in_days,
    items,
    new_slot,
    offer,
    open_slots,
    rows,
    told,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, practitioner
from tests.support.work import drain


def pointers(answer: Any) -> list[str]:
    return [error["pointer"] for error in answer.json["errors"]]


def test_ones_own_times_and_a_colleagues(
    clinic: SmallClinic, physician: Caller, nurse: Caller
) -> None:
    [mine] = open_slots(physician, in_days(3))
    [theirs] = open_slots(nurse, in_days(3), practitioner_id=str(clinic.colleague.id))
    assert {row.id: row.practitioner_id for row in rows(Slot)} == {
        mine: clinic.physician.id,
        theirs: clinic.colleague.id,
    }
    answer = nurse.post("/slots", {"slots": [new_slot(in_days(4))]})
    assert (answer.status_code, pointers(answer)) == (422, ["/slots/0/practitioner_id"])


def test_nobody_opens_times_of_another_clinic(clinic: SmallClinic, physician: Caller) -> None:
    elsewhere = Clinic(id=uuid4(), name="Far Clinic", time_zone="UTC", phone="555-0900")
    pool = Pool(id=uuid4(), clinic_id=elsewhere.id, kind="nurses", name="Nurses")
    stranger = practitioner(elsewhere, pool, "Dr. Far Away")
    add(elsewhere, pool, stranger)
    for who in (stranger.id, uuid4()):
        body = {"slots": [new_slot(in_days(3)), new_slot(in_days(4), practitioner_id=str(who))]}
        answer = physician.post("/slots", body)
        assert (answer.status_code, pointers(answer)) == (422, ["/slots/1/practitioner_id"])
    assert rows(Slot) == []


def test_a_person_is_at_one_place_at_a_time(clinic: SmallClinic, physician: Caller) -> None:
    start = in_days(3)
    half = timedelta(minutes=15)
    open_slots(physician, start)
    for begin in (start - half, start, start + half):
        answer = physician.post("/slots", {"slots": [new_slot(begin)]})
        assert (answer.status_code, answer.json["code"]) == (422, "slots_overlap")
        assert pointers(answer) == ["/slots/0"]
    assert open_slots(physician, start - 2 * half, start + 2 * half)
    other = str(clinic.colleague.id)
    assert open_slots(physician, start, practitioner_id=other), "somebody else is free"


def test_the_database_itself_refuses_an_overlap(
    clinic: SmallClinic, config: Config, physician: Caller
) -> None:
    [there] = open_slots(physician, in_days(3))
    engine = create_engine(config.owner_database_url)
    again = (
        "INSERT INTO slot (id, practitioner_id, service_type, resource, starts_at, ends_at) "
        "SELECT gen_random_uuid(), practitioner_id, service_type, resource, "
        f"starts_at + interval '29 minutes', ends_at + interval '1 hour' FROM slot "
        f"WHERE id = '{there}'"
    )
    with pytest.raises(IntegrityError) as refused, engine.begin() as connection:
        connection.exec_driver_sql(again)
    assert violated(refused.value) == "ex_slot_overlap"
    with engine.begin() as connection:
        connection.exec_driver_sql(again.replace("29 minutes", "30 minutes"))
    engine.dispose()
    assert len(rows(Slot, practitioner_id=clinic.physician.id)) == 2


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"ends_at": "2020-01-01T00:00:00Z"}, "/slots/0/ends_at"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "/slots/0/starts_at"),
        ({"starts_at": "9999-12-31T23:00:00-14:00", "ends_at": "9999-12-31T23:30:00-14:00"}, None),
        ({"starts_at": "2026-03-04T10:00:00"}, "/slots/0/starts_at"),
        ({"service_type": "a\nb"}, "/slots/0/service_type"),
        ({"service_type": ""}, "/slots/0/service_type"),
    ],
)
def test_times_that_cannot_be(physician: Caller, changes: dict[str, Any], where: Any) -> None:
    answer = physician.post("/slots", {"slots": [new_slot(in_days(3), **changes)]})
    assert answer.status_code == 422, answer.text
    assert where is None or set(pointers(answer)) == {where}
    assert rows(Slot) == []


def test_patients_see_what_is_free_at_their_clinic(
    clinic: SmallClinic, physician: Caller, patient: Caller, other_patient: Caller
) -> None:
    later, sooner = open_slots(physician, in_days(5), in_days(3))
    [long] = open_slots(physician, in_days(4), practitioner_id=str(clinic.colleague.id))
    [other] = open_slots(physician, in_days(6), service_type="telehealth visit")
    assert free(patient) == [str(one) for one in (sooner, long, later, other)]
    assert free(patient, f"&practitioner_id={clinic.colleague.id}") == [str(long)]
    assert free(patient, "&service_type=telehealth visit") == [str(other)]
    page = patient.get("/slots?limit=1").json
    assert free(patient, f"&cursor={page['next']}") == [str(one) for one in (long, later, other)]
    booked(other_patient, sooner)
    offer(physician, clinic, later)
    assert free(other_patient) == [str(long), str(other)], "taken, and held for somebody else"
    shown = {one["id"]: one for one in physician.get("/slots").json["items"]}
    assert [shown[str(one)]["free"] for one in (sooner, later, other)] == [False, False, True]
    assert shown[str(sooner)]["appointment_id"] is not None


def test_times_are_by_the_clock_of_the_place(
    clinic: SmallClinic, physician: Caller, patient: Caller
) -> None:
    """Ten o'clock stays ten o'clock, also where clocks change between now and then."""
    summer = in_days(3).replace(month=7, day=6) + timedelta(days=365)
    winter = summer.replace(month=1)
    open_slots(physician, *(one for one in (summer, winter) if one > utcnow()))
    for item in patient.get("/slots").json["items"]:
        offset = "-04:00" if item["starts_at"][5:7] == "07" else "-05:00"
        assert item["starts_at"].endswith(offset)
        assert item["place"]["time_zone"] == clinic.clinic.time_zone
        assert item["place"]["phone"] == clinic.clinic.phone


def test_a_withdrawn_time_sends_its_patient_to_others(
    clinic: SmallClinic, physician: Caller, nurse: Caller, patient: Caller
) -> None:
    first, *others = open_slots(physician, *(in_days(day) for day in (2, 3, 4, 5, 6)))
    mine = booked(patient, first)
    drain()
    assert nurse.post(f"/slots/{first}/withdraw").status_code == 200
    assert nurse.post(f"/slots/{first}/withdraw").status_code == 200, "twice is once"
    drain()
    assert told() == ["appointment_booked", "appointment_cancelled", "appointment_offered"]
    seen = patient.get(f"/appointments/{mine}").json
    assert (seen["status"], seen["reason_code"]) == ("cancelled", "slot_withdrawn")
    [held] = patient.get("/appointments/offers").json["items"]
    assert [slot["id"] for slot in held["slots"]] == [str(one) for one in others[:3]]
    assert book(patient, first).json["code"] == "slot_taken"
    taken = patient.post(f"/appointments/offers/{held['id']}/accept", {"slot_id": str(others[1])})
    assert taken.status_code == 200, taken.text


def test_without_another_time_the_team_looks_for_one(
    clinic: SmallClinic, physician: Caller, patient: Caller, slot: Any, appointment: str
) -> None:
    physician.post(f"/slots/{slot}/withdraw")
    drain()
    [item] = items("appointment_to_arrange")
    assert (item.responsible_id, str(item.subject_id)) == (clinic.physician.id, appointment)
    [mine] = physician.get("/worklist?kind=appointment_to_arrange").json["items"]
    assert physician.request("GET", mine["link"]).json["id"] == appointment
    [later] = open_slots(physician, in_days(8))
    booked(patient, later)
    drain()
    assert [item.status for item in items("appointment_to_arrange")] == ["done"]


def test_who_withdraws(
    clinic: SmallClinic,
    caller: Callable[..., Caller],
    colleague: Caller,
    slot: Any,
    patient: Caller,
) -> None:
    stranger = caller(ActorKind.PRACTITIONER, uuid4())
    assert stranger.post(f"/slots/{slot}/withdraw").status_code == 404
    assert colleague.post(f"/slots/{uuid4()}/withdraw").status_code == 404
    assert patient.post(f"/slots/{slot}/withdraw").status_code == 403
    assert colleague.post(f"/slots/{slot}/withdraw").status_code == 200
    assert act(patient, uuid4(), "cancel").json["code"] == "appointment_not_found"
    assert free(patient) == []
