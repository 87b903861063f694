"""A referral's times when two act at once, and when somebody acts for the patient."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from portal.appointments.model import Appointment
from portal.visits.model import Visit
from tests.appointments.conftest import act, book, booked, open_slots, rows
from tests.appointments.conftest import in_days as at_ten
from tests.appointments.conftest import load as appointment
from tests.patients.delegates import acting_for
from tests.referrals.conftest import done, kept_promise, load, step
from tests.referrals.test_own_times import about, accept, offered, open_items, told
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.races import at_once
from tests.support.work import drain


@pytest.fixture
def times(specialist: Caller) -> list[UUID]:
    return open_slots(specialist, at_ten(3), at_ten(5), at_ten(9))


@pytest.fixture
def daughter(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    """Somebody who may arrange the first patient's appointments."""
    return acting_for(clinic.patient, caller, "appointments")


def codes(answers: list[Any]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def test_two_book_for_the_same_referral(
    clinic: SmallClinic, clerk: Caller, physician: Caller, accepted: str, times: list[UUID]
) -> None:
    answers = at_once(
        lambda: book(clerk, times[0], **about(accepted)),
        lambda: book(physician, times[1], **about(accepted)),
    )
    assert codes(answers) == [201, 409]
    drain()
    assert len(rows(Appointment, status="booked")) == 1
    assert len(rows(Visit)) == 1
    kept_promise()


@pytest.mark.parametrize("turn", range(3))
def test_one_accepts_while_another_cancels(
    clinic: SmallClinic,
    clerk: Caller,
    patient: Caller,
    physician: Caller,
    accepted: str,
    times: list[UUID],
    turn: int,
) -> None:
    offer = offered(clerk, accepted, *times)
    answers = at_once(
        lambda: accept(patient, offer, times[turn]),
        lambda: physician.post(f"/referrals/{accepted}/cancel"),
    )
    assert codes(answers) in ([200, 200], [200, 409])
    drain()
    assert load(accepted).status == "cancelled"
    assert rows(Appointment, status="booked") == []
    assert done(patient.get(f"/appointments/offers/{offer['id']}"))["status"] != "open"
    assert open_items(clinic.patient.id) == []
    kept_promise()


def test_one_moves_it_while_another_says_what_came_of_it(
    clinic: SmallClinic,
    clerk: Caller,
    patient: Caller,
    specialist: Caller,
    accepted: str,
    times: list[UUID],
) -> None:
    mine = booked(clerk, times[1], **about(accepted))
    drain()
    answers = at_once(
        lambda: act(patient, mine, "change", slot_id=str(times[2])),
        lambda: specialist.post(f"/referrals/{accepted}/note", {"text": "Seen on the ward."}),
    )
    assert codes(answers) in ([200, 200], [200, 409])
    drain()
    assert load(accepted).status == "report_received"
    assert rows(Appointment, status="booked") == []
    kept_promise()


def test_who_acts_for_the_patient_picks_a_time_and_calls_it_off(
    clinic: SmallClinic, clerk: Caller, daughter: Caller, accepted: str, times: list[UUID]
) -> None:
    offer = offered(clerk, accepted, *times)
    answer = accept(daughter, offer, times[0])
    assert answer.status_code == 200, answer.text
    drain()
    assert load(accepted).status == "scheduled"
    moved = act(daughter, answer.json["id"], "change", slot_id=str(times[1]))
    assert moved.status_code == 200, moved.text
    drain()
    called_off = act(daughter, moved.json["id"], "cancel", reason="She is ill")
    assert called_off.status_code == 200, called_off.text
    drain()
    assert open_items(clinic.patient.id) == ["referral_scheduling"]
    assert told(clinic.patient.id)[-1] == "appointment_cancelled"
    kept_promise()


def test_a_referral_whose_time_is_kept_is_not_for_who_may_not_see_it(
    clerk: Caller,
    specialist: Caller,
    daughter: Caller,
    accepted: str,
    times: list[UUID],
) -> None:
    mine = booked(clerk, times[1], **about(accepted))
    drain()
    [visit] = rows(Visit)
    keep = {"confidential": True, "reason": "Asked not to tell at home"}
    done(specialist.post(f"/visits/{visit.id}/confidential", keep))
    assert daughter.get(f"/appointments/{mine}").status_code == 404
    assert daughter.post(f"/referrals/{accepted}/cancel").status_code == 404
    drain()
    assert (appointment(mine).status, load(accepted).status) == ("booked", "scheduled")
    kept_promise()


def test_a_visit_that_is_opened_does_not_open_the_time_of_a_referral_that_is_kept(
    clinic: SmallClinic,
    clerk: Caller,
    physician: Caller,
    specialist: Caller,
    daughter: Caller,
    accepted: str,
    times: list[UUID],
) -> None:
    mine = booked(clerk, times[1], **about(accepted))
    drain()
    [visit] = rows(Visit)
    for path, keep in (
        (f"/referrals/{accepted}/confidential", True),
        (f"/visits/{visit.id}/confidential", True),
        (f"/visits/{visit.id}/confidential", False),
    ):
        done(physician.post(path, {"confidential": keep, "reason": "Asked not to tell at home"}))
    assert daughter.get(f"/appointments/{mine}").status_code == 404
    opened = {"confidential": False, "reason": "May be told"}
    done(physician.post(f"/referrals/{accepted}/confidential", opened))
    assert daughter.get(f"/appointments/{mine}").status_code == 200
    assert step(clerk, accepted, "appointment/cancel")["status"] == "accepted"
