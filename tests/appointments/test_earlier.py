"""Waiting for an earlier time: the first in line is asked, for a while, then the next."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from portal.appointments import service
from portal.appointments.offer_model import AppointmentOffer, EarlierWish
from portal.core.actor import WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from tests.appointments.conftest import (
    act,
    book,
    booked,
    broken,
    change,
    coming,
    in_days,
    open_slots,
    rows,
    told,
)
from tests.requisitions.conftest import CT, order
from tests.requisitions.conftest import offer as offer_imaging
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain


def wish(who: Caller, appointment_id: str) -> Any:
    answer = act(who, appointment_id, "earlier")
    assert answer.status_code == 200, answer.text
    return answer.json


def offers(who: Caller) -> list[Any]:
    return list(who.get("/appointments/offers").json["items"])


def accept(who: Caller, offer: Any) -> Any:
    body = {"slot_id": offer["slots"][0]["id"]}
    return who.post(f"/appointments/offers/{offer['id']}/accept", body)


def run_out() -> None:
    """The time in which the open offer could be answered passes."""
    for row in rows(AppointmentOffer, status="open"):
        change(row, expires_at=utcnow() - timedelta(seconds=1))
    with transaction(WORKER) as session:
        service.expire_offers(session=session, now=utcnow(), limit=100)
    drain()


@pytest.fixture
def waiting(physician: Caller, patient: Caller, other_patient: Caller) -> tuple[str, str]:
    """Two appointments whose patients would come earlier, the first patient's wish first."""
    slots = open_slots(physician, in_days(20), in_days(21))
    mine, theirs = booked(patient, slots[0]), booked(other_patient, slots[1])
    assert wish(patient, mine)["waits_for_earlier"] is True
    wish(other_patient, theirs)
    drain()
    return mine, theirs


def test_the_first_in_line_is_asked_then_the_next(
    clinic: SmallClinic,
    physician: Caller,
    patient: Caller,
    other_patient: Caller,
    waiting: tuple[str, str],
) -> None:
    [freed] = open_slots(physician, in_days(5))
    drain()
    [mine] = offers(patient)
    assert (mine["instead_of"], mine["slots"][0]["id"]) == (waiting[0], str(freed))
    assert offers(other_patient) == []
    assert told(clinic.patient.id)[-1] == "appointment_earlier"
    assert book(other_patient, freed).json["code"] == "slot_taken", "it is held"
    run_out()
    assert offers(patient) == []
    [theirs] = offers(other_patient)
    answer = accept(other_patient, theirs)
    assert answer.status_code == 200, answer.text
    assert coming(other_patient) == [answer.json["id"]]
    assert answer.json["waits_for_earlier"] is False
    drain()
    assert coming(patient) == [waiting[0]], "who did not answer keeps what they had"
    assert broken() == set()


def test_what_one_leaves_goes_to_the_next(
    physician: Caller, patient: Caller, other_patient: Caller, waiting: tuple[str, str]
) -> None:
    """The second waits for a time before the 21st: the first one's, once that one has moved."""
    open_slots(physician, in_days(5))
    drain()
    accept(patient, offers(patient)[0])
    drain()
    [left] = offers(other_patient)
    assert left["slots"][0]["starts_at"].startswith(in_days(20).date().isoformat())
    assert [row.status for row in rows(EarlierWish)] == ["found", "waiting"]


def test_a_refusal_passes_it_on_and_nobody_is_asked_twice(
    physician: Caller, patient: Caller, other_patient: Caller, waiting: tuple[str, str]
) -> None:
    open_slots(physician, in_days(5))
    drain()
    for who in (patient, other_patient):
        [asked] = offers(who)
        who.post(f"/appointments/offers/{asked['id']}/decline", {})
        drain()
    assert offers(patient) == offers(other_patient) == []
    assert len(rows(AppointmentOffer)) == 2
    assert [row.status for row in rows(EarlierWish)] == ["waiting", "waiting"]


def test_a_cancelled_appointment_frees_its_time_for_who_waits(
    physician: Caller, patient: Caller, other_patient: Caller
) -> None:
    near, far = open_slots(physician, in_days(5), in_days(20))
    theirs, mine = booked(other_patient, near), booked(patient, far)
    wish(patient, mine)
    drain()
    assert offers(patient) == []
    act(other_patient, theirs, "cancel")
    drain()
    assert [one["slots"][0]["id"] for one in offers(patient)] == [str(near)]


@pytest.mark.parametrize(
    "changes", [{"service_type": "procedure"}, {"practitioner": "colleague"}, {"day": 25}]
)
def test_what_is_not_an_earlier_time_of_the_same(
    changes: dict[str, Any],
    clinic: SmallClinic,
    physician: Caller,
    patient: Caller,
    other_patient: Caller,
    waiting: tuple[str, str],
) -> None:
    body: dict[str, Any] = {}
    if "practitioner" in changes:
        body["practitioner_id"] = str(clinic.colleague.id)
    if "service_type" in changes:
        body["service_type"] = changes["service_type"]
    open_slots(physician, in_days(changes.get("day", 5)), **body)
    drain()
    assert offers(patient) == offers(other_patient) == []


def test_who_leaves_is_not_asked(
    physician: Caller, patient: Caller, other_patient: Caller, waiting: tuple[str, str]
) -> None:
    mine, _ = waiting
    assert wish(patient, mine)["waits_for_earlier"] is True, "to ask twice is to ask once"
    assert len(rows(EarlierWish)) == 2
    left = patient.delete(f"/appointments/{mine}/earlier")
    assert (left.status_code, left.json["waits_for_earlier"]) == (200, False)
    assert patient.delete(f"/appointments/{mine}/earlier").json["code"] == "not_waiting"
    open_slots(physician, in_days(5))
    drain()
    assert offers(patient) == []
    assert len(offers(other_patient)) == 1


def test_the_wait_ends_with_the_appointment(
    physician: Caller, patient: Caller, other_patient: Caller, waiting: tuple[str, str]
) -> None:
    open_slots(physician, in_days(5))
    drain()
    [asked] = offers(patient)
    act(patient, waiting[0], "cancel")
    assert accept(patient, asked).json["code"] == "appointment_ended"
    drain()
    assert offers(patient) == []
    assert [row.status for row in rows(EarlierWish)] == ["ended", "waiting"]
    starts = {offer["slots"][0]["starts_at"][:10] for offer in offers(other_patient)}
    assert len(starts) == 1, "one is held for the next in line"
    assert broken() == set()


def test_an_earlier_time_for_imaging(
    clinic: SmallClinic, physician: Caller, patient: Caller, radiology: Caller
) -> None:
    first = in_days(10).date().isoformat()
    [scan] = order(physician, clinic, CT, not_before=first)
    [late] = offer_imaging(radiology, in_days(20))
    made = patient.post(f"/imaging/slots/{late}/book", {"requisition_id": str(scan)})
    wish(patient, made.json["appointment"]["id"])
    too_early: list[UUID] = offer_imaging(radiology, in_days(9))
    drain()
    assert offers(patient) == [], f"not before {first}: {too_early}"
    [fits] = offer_imaging(radiology, in_days(11))
    drain()
    [asked] = offers(patient)
    assert accept(patient, asked).status_code == 200
    seen = patient.get(f"/requisitions/{scan}").json
    assert (seen["status"], seen["appointment"]["slot_id"]) == ("scheduled", str(fits))
    assert seen["history"][-1]["reason_code"] == "appointment_changed"
