"""Booking, taking another time instead, calling off; what is too late, and whose it is."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.appointments.model import Appointment
from portal.core.actor import ActorKind
from portal.core.clock import utcnow
from portal.directory.model import Clinic, Pool
from tests.appointments.conftest import (
    act,
    began,
    book,
    booked,
    change,
    coming,
    free,
    in_days,
    load,
    open_slots,
    past_slot,
    rows,
    told,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, practitioner
from tests.support.work import drain


def test_a_patient_books(
    clinic: SmallClinic, patient: Caller, physician: Caller, slot: UUID
) -> None:
    answer = book(patient, slot)
    assert answer.status_code == 201, answer.text
    seen = answer.json
    assert (seen["status"], seen["about"]) == ("booked", None)
    assert seen["practitioner"]["name"] == clinic.physician.name
    assert seen["place"]["name"] == clinic.clinic.name
    assert [step["status"] for step in seen["history"]] == ["booked"]
    assert coming(patient) == [seen["id"]] == coming(physician)
    drain()
    assert told(clinic.patient.id) == ["appointment_booked"]
    [notification] = patient.get("/notifications").json["items"]
    assert notification["link"] == f"/api/v1/appointments/{seen['id']}"


def test_the_same_key_books_once(patient: Caller, slot: UUID) -> None:
    key = {"Idempotency-Key": "once"}
    answers = [patient.post(f"/slots/{slot}/book", {}, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json


def test_the_care_team_books_for_a_patient(
    clinic: SmallClinic, nurse: Caller, patient: Caller, slot: UUID
) -> None:
    assert book(nurse, slot).json["errors"][0]["pointer"] == "/patient_id"
    assert book(nurse, slot, patient_id=str(uuid4())).status_code == 404
    mine = booked(nurse, slot, patient_id=str(clinic.patient.id))
    assert coming(patient) == [mine]
    assert load(mine).booked_by_kind == "staff"


def test_nobody_books_for_somebody_else(clinic: SmallClinic, patient: Caller, slot: UUID) -> None:
    mine = booked(patient, slot, patient_id=str(clinic.other_patient.id))
    assert load(mine).patient_id == clinic.patient.id


def test_what_cannot_be_booked(
    clinic: SmallClinic, patient: Caller, physician: Caller, other_patient: Caller, slot: UUID
) -> None:
    assert book(patient, uuid4()).json["code"] == "slot_not_found"
    over = past_slot(clinic, utcnow() - timedelta(minutes=5))
    assert book(patient, over.id).json["code"] == "slot_unusable"
    unknown = book(patient, slot, about={"kind": "owl", "id": str(uuid4())})
    assert (unknown.status_code, unknown.json["errors"][0]["pointer"]) == (422, "/about/kind")
    gone = book(patient, slot, about={"kind": "referral", "id": str(uuid4())})
    assert (gone.status_code, gone.json["code"]) == (404, "referral_not_found")
    booked(patient, slot)
    taken = book(other_patient, slot)
    assert (taken.status_code, taken.json["code"]) == (409, "slot_taken")
    assert len(rows(Appointment)) == 1


def test_another_clinics_practitioner_is_reached_by_a_referral(
    clinic: SmallClinic, caller: Callable[..., Caller], patient: Caller
) -> None:
    elsewhere = Clinic(id=uuid4(), name="Far Clinic", time_zone="UTC", phone="555-0900")
    pool = Pool(id=uuid4(), clinic_id=elsewhere.id, kind="nurses", name="Nurses")
    stranger = practitioner(elsewhere, pool, "Dr. Far Away")
    add(elsewhere, pool, stranger)
    [there] = open_slots(caller(ActorKind.PRACTITIONER, stranger.id), in_days(3))
    assert free(patient) == []
    assert book(patient, there).json["code"] == "slot_unusable"


def test_another_time_instead(
    clinic: SmallClinic, patient: Caller, physician: Caller, slot: UUID, appointment: str
) -> None:
    [other] = open_slots(physician, in_days(6))
    drain()
    answer = act(patient, appointment, "change", slot_id=str(other))
    assert answer.status_code == 200, answer.text
    moved = answer.json
    assert (moved["slot_id"], moved["status"]) == (str(other), "booked")
    assert coming(patient) == [moved["id"]]
    assert patient.get("/appointments?when=past").json["items"] == []
    assert free(patient) == [str(slot)]
    assert load(appointment).reason_code == "changed"
    same = act(patient, moved["id"], "change", slot_id=str(other))
    assert same.json["id"] == moved["id"], "the same time again changes nothing"
    ended = act(patient, appointment, "change", slot_id=str(slot))
    assert (ended.status_code, ended.json["code"]) == (409, "appointment_ended")
    drain()
    assert told() == ["appointment_booked", "appointment_booked"]


def test_a_change_that_cannot_be_leaves_everything(
    patient: Caller, physician: Caller, other_patient: Caller, appointment: str
) -> None:
    [taken] = open_slots(physician, in_days(6))
    [other_kind] = open_slots(physician, in_days(7), service_type="procedure")
    booked(other_patient, taken)
    for slot_id, code in ((taken, "slot_taken"), (other_kind, "slot_unusable")):
        assert act(patient, appointment, "change", slot_id=str(slot_id)).json["code"] == code
    assert coming(patient) == [appointment]


def test_called_off(patient: Caller, slot: UUID, appointment: str) -> None:
    drain()
    answer = act(patient, appointment, "cancel", reason="I am away")
    assert answer.json["reason"] == "I am away"
    assert (answer.json["status"], answer.json["reason_code"]) == ("cancelled", "called_off")
    assert coming(patient) == []
    past = patient.get("/appointments?when=past").json["items"]
    assert [one["id"] for one in past] == [appointment]
    assert free(patient) == [str(slot)]
    drain()
    assert told()[-1] == "appointment_cancelled"
    assert act(patient, appointment, "cancel").json["code"] == "appointment_ended"


def test_shortly_before_only_a_call_is_left(
    clinic: SmallClinic, patient: Caller, nurse: Caller, physician: Caller, appointment: str
) -> None:
    soon = utcnow() + timedelta(hours=3, minutes=59)
    change(load(appointment), starts_at=soon, ends_at=soon + timedelta(minutes=30))
    [other] = open_slots(physician, in_days(6))
    for what, body in (("cancel", {}), ("change", {"slot_id": str(other)})):
        answer = act(patient, appointment, what, **body)
        assert (answer.status_code, answer.json["code"]) == (409, "too_late_to_change")
        assert clinic.clinic.phone in answer.json["detail"]
        assert answer.json["phone"] == clinic.clinic.phone
    assert act(nurse, appointment, "cancel").status_code == 200, "the clinic still can"


def test_just_in_time(patient: Caller, appointment: str) -> None:
    soon = utcnow() + timedelta(hours=4, minutes=1)
    change(load(appointment), starts_at=soon, ends_at=soon + timedelta(minutes=30))
    assert act(patient, appointment, "cancel").status_code == 200


@pytest.mark.parametrize("what", ["cancel", "change", "earlier", "attended", "no-show"])
def test_nobody_touches_somebody_elses(
    what: str,
    other_patient: Caller,
    caller: Callable[..., Caller],
    physician: Caller,
    appointment: str,
) -> None:
    [other] = open_slots(physician, in_days(6))
    body = {"slot_id": str(other)} if what == "change" else {}
    stranger = caller(ActorKind.PRACTITIONER, uuid4())
    settles = what in ("attended", "no-show")
    for who in (other_patient, stranger):
        answer = act(who, appointment, what, **body)
        assert answer.status_code in (403, 404)
        asks = other_patient if not settles else stranger
        if who is asks:
            assert answer.status_code == 404
    assert load(appointment).status == "booked"


def test_lists_by_pages(patient: Caller, physician: Caller) -> None:
    slots = open_slots(physician, *(in_days(day) for day in (6, 2, 4)))
    mine = [booked(patient, one) for one in slots]
    order = [mine[1], mine[2], mine[0]]
    page = patient.get("/appointments?limit=2").json
    assert [one["id"] for one in page["items"]] == order[:2]
    assert coming(patient, f"&cursor={page['next']}") == order[2:]
    for one in mine[:2]:
        began(one)
    past = patient.get("/appointments?when=past&limit=1").json
    rest = patient.get(f"/appointments?when=past&cursor={past['next']}").json["items"]
    assert {past["items"][0]["id"], rest[0]["id"]} == set(mine[:2])


def test_the_clinic_sees_who_comes(
    clinic: SmallClinic, nurse: Caller, physician: Caller, colleague: Caller, appointment: str
) -> None:
    with_whom = f"&practitioner_id={clinic.physician.id}"
    assert coming(nurse, with_whom) == [appointment] == coming(physician)
    assert coming(nurse, f"&patient_id={clinic.patient.id}") == [appointment]
    assert coming(colleague, with_whom) == []
    unsaid: Any = nurse.get("/appointments")
    assert (unsaid.status_code, unsaid.json["errors"][0]["pointer"]) == (422, "#query/patient_id")


def test_who_sees_a_patient_may_read_the_record(
    clinic: SmallClinic, colleague: Caller, patient: Caller
) -> None:
    where = f"/patients/{clinic.patient.id}"
    assert colleague.get(where).status_code == 404
    [theirs] = open_slots(colleague, in_days(3))
    mine = booked(patient, theirs)
    assert colleague.get(where).status_code == 200
    act(patient, mine, "cancel")
    assert colleague.get(where).status_code == 404
