"""Days are local: where it is tomorrow by UTC already, today is a day like any other."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import local_day
from portal.core.db import transaction
from portal.requisitions.service import make_standing
from portal.results.envelope import Source
from portal.results.intake import take_fhir
from portal.results.states import IntakeTransport
from tests.patients.test_care import new_patient
from tests.patients.test_corrections import correct
from tests.requisitions.conftest import order as order_tests
from tests.results.messages import obr, obx, oru, pid
from tests.results.test_intake import cases, code_of, reports, take
from tests.results.test_reporting import bundle
from tests.support.api import Answer, Caller
from tests.support.clinic import SmallClinic
from tests.support.clock import put_clock

AUCKLAND = "Pacific/Auckland"
# After noon by UTC the next day has begun there, in winter as in summer.
AFTERNOON = time(13, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Here:
    """A clinic in New Zealand, on a day that has not begun by UTC."""

    app: Flask
    clinic: SmallClinic
    now: datetime
    nurse: Caller
    physician: Caller
    administrator: Caller

    @property
    def today(self) -> date:
        return local_day(self.now, AUCKLAND)

    def newborn(self) -> UUID:
        """The first patient was born today."""
        answer = correct(self.nurse, self.clinic.patient.id, birth_date=self.today.isoformat())
        assert answer.status_code == 200, answer.text
        return self.clinic.patient.id


@pytest.fixture
def here(
    app: Flask,
    clinic: SmallClinic,
    caller: Callable[..., Caller],
    nurse: Caller,
    physician: Caller,
    monkeypatch: pytest.MonkeyPatch,
) -> Here:
    administrator = caller(ActorKind.ADMINISTRATOR, clinic.nurse.id)
    now = datetime.combine(datetime.now(UTC).date(), AFTERNOON)
    with transaction(OPERATOR) as session:
        session.execute(text("UPDATE sign_in_session SET expires_at = expires_at + interval '1d'"))
        for table in ("clinic", "patient", "pharmacy", "laboratory"):
            moved = f"UPDATE {table} SET time_zone = '{AUCKLAND}'"
            session.execute(text(moved))
    put_clock(monkeypatch, now)
    here = Here(app, clinic, now, nurse, physician, administrator)
    assert here.today == now.date() + DAY
    return here


def register(here: Here, day: date) -> Answer:
    new = new_patient(here.clinic, birth_date=day.isoformat(), time_zone=AUCKLAND)
    return here.nurse.post("/patients", new)


def correct_birth(here: Here, day: date) -> Answer:
    answer: Answer = correct(here.nurse, here.clinic.patient.id, birth_date=day.isoformat())
    return answer


def record_death(here: Here, day: date) -> Answer:
    body = {"died_on": day.isoformat(), "source": "hospital", "reason": "The ward called."}
    return here.nurse.post(f"/patients/{here.clinic.patient.id}/death", body)


def find_problem(here: Here, day: date) -> Answer:
    body = {"code": "P07.30", "text": "Preterm newborn", "onset_on": day.isoformat()}
    patient_id = str(here.clinic.patient.id)
    return here.physician.post("/problems", {"patient_id": patient_id, **body})


# Each may be today, and not a day later.
OF_THE_PAST: list[Callable[[Here, date], Answer]] = [
    register,
    correct_birth,
    record_death,
    find_problem,
]


@pytest.mark.parametrize("use", OF_THE_PAST)
def test_today_has_been_and_tomorrow_has_not(here: Here, use: Callable[..., Answer]) -> None:
    refused = use(here, here.today + DAY)
    assert refused.status_code == 422, refused.text
    assert refused.json["errors"][0]["pointer"] in ("/birth_date", "/died_on", "/onset_on")
    taken = use(here, here.today)
    assert taken.status_code in (200, 201), taken.text


def order_from(here: Here, day: date) -> Answer:
    body = {
        "patient_id": str(here.clinic.patient.id),
        "laboratory_id": str(here.clinic.laboratory.id),
        "tests": [{"code": "24323-8"}],
        "diagnoses": [{"code": "I10", "text": "Hypertension"}],
        "not_before": day.isoformat(),
    }
    return here.physician.post("/requisitions", body)


def close_clinic(here: Here, day: date) -> Answer:
    body = {"day": day.isoformat(), "reason": "Storm"}
    return here.administrator.post(f"/clinics/{here.clinic.clinic.id}/closures", body)


def leave(here: Here, day: date) -> Answer:
    body = {
        "kind": "practitioner",
        "subject_id": str(here.clinic.colleague.id),
        "last_day": day.isoformat(),
        "reason": "Moves away.",
    }
    return here.administrator.post("/departures", body)


# Each may be today, and not a day earlier.
TO_COME: list[Callable[[Here, date], Answer]] = [order_from, close_clinic, leave]


@pytest.mark.parametrize("use", TO_COME)
def test_yesterday_is_over_and_today_is_not(here: Here, use: Callable[..., Answer]) -> None:
    assert use(here, here.today - DAY).status_code == 422
    taken = use(here, here.today)
    assert taken.status_code == 201, taken.text


def test_a_newborn_is_found_and_invited(here: Here, anonymous: Caller) -> None:
    patient_id, born = here.newborn(), here.today.isoformat()
    found = here.nurse.post("/patients/search", {"birth_date": born}).json["items"]
    assert [one["id"] for one in found] == [str(patient_id)]
    path = f"/patients/{patient_id}/invitation"
    code = here.nurse.post(path, {"email": "parents@example.org"}).json["activation_code"]
    opening = {"code": code, "birth_date": born, "password": "a long enough password"}
    assert anonymous.post("/activations", opening).status_code == 201


def by_v2(_here: Here, born: date) -> None:
    raw = oru("M1", pid(born=f"{born:%Y%m%d}"), obr(), obx("potassium", "4.2"))
    assert code_of(take(raw)) == ["AA"]


def by_fhir(here: Here, born: date) -> None:
    document: Any = bundle(here.clinic)
    document["entry"][0]["resource"]["birthDate"] = born.isoformat()
    source = Source(IntakeTransport.FHIR, here.clinic.laboratory.id)
    take_fhir(json.dumps(document).encode(), source)


@pytest.mark.parametrize("send", [by_v2, by_fhir])
def test_a_newborns_result_reaches_the_chart(here: Here, send: Callable[..., None]) -> None:
    patient_id = here.newborn()
    send(here, here.today)
    assert ([one.patient_id for one in reports()], cases()) == ([patient_id], [])


def test_a_newborns_result_is_matched_by_number_and_birth_date(here: Here) -> None:
    here.newborn()
    take(oru("M1", pid("X-1", born=f"{here.today:%Y%m%d}"), obr(), obx("potassium", "4.2")))
    marks = {"mrn": here.clinic.patient.mrn, "birth_date": here.today.isoformat()}
    answer = here.nurse.post(f"/reconciliation/{cases()[0].id}/match", marks)
    assert answer.status_code == 200, answer.text


def test_a_standing_order_goes_on_by_the_patients_day(here: Here) -> None:
    """One for each day is made a day ahead."""
    order_tests(here.physician, here.clinic, standing={"count": 3, "interval_days": 1})

    def made(next_on: date) -> int:
        with transaction(OPERATOR) as session:
            session.execute(text("UPDATE standing_order SET next_on = :day"), {"day": next_on})
            return make_standing(session=session, now=here.now, limit=10)

    assert (made(here.today + 2 * DAY), made(here.today + DAY)) == (0, 1)
