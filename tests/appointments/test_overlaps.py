"""Nobody is at two places at once unless somebody wanted it so; a double click books once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from portal.appointments.model import Appointment
from portal.directory.model import Practitioner
from tests.appointments.conftest import act, book, booked, in_days, offer, open_slots, rows
from tests.appointments.test_offers import accept
from tests.referrals.conftest import (  # noqa: F401
    cardiologist,
    clerk,
    refer,
    specialist,
    step,
)
from tests.requisitions.conftest import CT, order
from tests.requisitions.conftest import offer as offer_imaging
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.races import at_once
from tests.support.work import drain

CLASH = (409, "appointments_overlap")
BIT = timedelta(minutes=15)
Way = Callable[..., Any]


@pytest.fixture
def colleagues(colleague: Caller, appointment: str) -> UUID:
    """A time of somebody else, at which the patient is with the physician."""
    return open_slots(colleague, in_days(3) + BIT)[0]


def code(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, answer.json.get("code")


def by_patient(slot: UUID, patient: Caller, **more: Any) -> Any:
    return book(patient, slot, **more)


def by_staff(slot: UUID, nurse: Caller, clinic: SmallClinic, **more: Any) -> Any:
    return book(nurse, slot, patient_id=str(clinic.patient.id), **more)


def by_offer(slot: UUID, patient: Caller, nurse: Caller, clinic: SmallClinic, **more: Any) -> Any:
    made = offer(nurse, clinic, slot)
    if made.status_code == 201:
        by_offer.offered = made.json["id"]  # type: ignore[attr-defined]
    body = {"slot_id": str(slot), **more}
    return patient.post(f"/appointments/offers/{by_offer.offered}/accept", body)  # type: ignore[attr-defined]


def by_change(slot: UUID, patient: Caller, colleague: Caller, **more: Any) -> Any:
    other = [row for row in rows(Appointment) if row.starts_at == in_days(6)]
    if not other:
        booked(patient, open_slots(colleague, in_days(6))[0])
        other = [row for row in rows(Appointment) if row.starts_at == in_days(6)]
    return act(patient, other[0].id, "change", slot_id=str(slot), **more)


@pytest.mark.parametrize("way", [by_patient, by_staff, by_offer, by_change])
def test_two_at_once_are_confirmed_by_name(
    clinic: SmallClinic,
    patient: Caller,
    nurse: Caller,
    colleague: Caller,
    appointment: str,
    colleagues: UUID,
    way: Way,
) -> None:
    actors = {"clinic": clinic, "patient": patient, "nurse": nurse, "colleague": colleague}
    taken = way.__code__.co_varnames[: way.__code__.co_argcount]
    wanted = {name: actors[name] for name in taken if name in actors}
    refused = way(colleagues, **wanted)
    assert code(refused) == CLASH, refused.text
    [other] = refused.json["overlaps"]
    assert (other["id"], other["kind"]) == (appointment, "appointment")
    assert patient.get(other["link"].removeprefix("/api/v1")).status_code == 200
    wrong = way(colleagues, **wanted, confirmed_overlaps=[str(clinic.patient.id)])
    assert code(wrong) == CLASH
    confirmed = way(colleagues, **wanted, confirmed_overlaps=[appointment])
    assert confirmed.status_code in (200, 201), confirmed.text


def test_what_only_touches_is_no_overlap(
    patient: Caller, colleague: Caller, appointment: str
) -> None:
    for start in (in_days(3) - 2 * BIT, in_days(3) + 2 * BIT):
        booked(patient, open_slots(colleague, start)[0])


def test_what_was_called_off_and_the_time_itself_are_in_nobodys_way(
    patient: Caller, physician: Caller, appointment: str, colleagues: UUID
) -> None:
    [later] = open_slots(physician, in_days(4))
    assert act(patient, appointment, "change", slot_id=str(later)).status_code == 200
    booked(patient, colleagues)


def test_imaging(
    clinic: SmallClinic, physician: Caller, patient: Caller, radiology: Caller, appointment: str
) -> None:
    [scan] = order(physician, clinic, CT)
    first, second = offer_imaging(radiology, in_days(3), in_days(5))
    wanted = {"requisition_id": str(scan)}
    refused = patient.post(f"/imaging/slots/{first}/book", wanted)
    assert code(refused) == CLASH
    made = patient.post(f"/imaging/slots/{second}/book", wanted).json["appointment"]["id"]
    path = f"/imaging/appointments/{made}/change"
    assert code(patient.post(path, {"slot_id": str(first)})) == CLASH
    confirmed = {"slot_id": str(first), "confirmed_overlaps": [appointment]}
    assert patient.post(path, confirmed).status_code == 200


def test_what_is_arranged_elsewhere(
    clinic: SmallClinic,
    patient: Caller,
    physician: Caller,
    colleague: Caller,
    cardiologist: Practitioner,  # noqa: F811
    specialist: Caller,  # noqa: F811
    clerk: Caller,  # noqa: F811
    appointment: str,
) -> None:
    accepted = refer(physician, clinic, cardiologist)
    step(specialist, accepted, "accept")
    body = {"starts_at": (in_days(3) + BIT).isoformat(), "place": "Harbor Heart Center"}
    path = f"/referrals/{accepted}/appointment"
    refused = clerk.post(path, body)
    assert (code(refused), refused.json["overlaps"][0]["id"]) == (CLASH, appointment)
    assert clerk.post(path, {**body, "confirmed_overlaps": [appointment]}).status_code == 200
    clerk.post(path, {**body, "starts_at": (in_days(8) + BIT).isoformat()})
    refused = book(patient, open_slots(colleague, in_days(8))[0])
    [other] = refused.json["overlaps"]
    assert (code(refused), other["id"], other["place"]) == (CLASH, accepted, "Harbor Heart Center")


@pytest.mark.parametrize("_attempt", range(3))
def test_of_two_at_the_same_moment_one_is_asked_about(
    patient: Caller, physician: Caller, colleague: Caller, _attempt: int
) -> None:
    [one], [two] = open_slots(physician, in_days(5)), open_slots(colleague, in_days(5) + BIT)
    answers = at_once(lambda: book(patient, one), lambda: book(patient, two))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert [answer.json["code"] for answer in answers if answer.status_code == 409] == [CLASH[1]]


@pytest.mark.parametrize("_attempt", range(3))
def test_a_double_click_books_once(
    clinic: SmallClinic, patient: Caller, nurse: Caller, slot: UUID, _attempt: int
) -> None:
    answers = at_once(*(lambda: book(patient, slot) for _ in range(3)))
    answers.append(by_staff(slot, nurse, clinic))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json["id"] for answer in answers}) == len(rows(Appointment)) == 1


def test_somebody_elses_time_stays_taken(
    other_patient: Caller, slot: UUID, appointment: str
) -> None:
    assert code(book(other_patient, slot)) == (409, "slot_taken")


def test_a_double_click_in_every_other_way(
    clinic: SmallClinic, physician: Caller, patient: Caller, radiology: Caller, slot: UUID
) -> None:
    offered = offer(physician, clinic, slot).json["id"]
    answers = at_once(*(lambda: accept(patient, offered, slot) for _ in range(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
    [made] = {answer.json["id"] for answer in answers}
    [later] = open_slots(physician, in_days(4))
    answers = at_once(*(lambda: act(patient, made, "change", slot_id=str(later)) for _ in range(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len({answer.json["id"] for answer in answers}) == 1
    [scan] = order(physician, clinic, CT)
    [time] = offer_imaging(radiology, in_days(5))
    body = {"requisition_id": str(scan)}
    answers = at_once(
        *(lambda: patient.post(f"/imaging/slots/{time}/book", body) for _ in range(2))
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    drain()
