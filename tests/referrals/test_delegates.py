"""Referrals as those see them who act for the patient, and what is kept from them."""

from typing import Any

import pytest
from sqlalchemy import select

from portal.core.actor import OPERATOR
from portal.core.db import transaction
from portal.directory.model import Practitioner
from portal.patients.confidentiality_model import ConfidentialityEntry
from portal.referrals.service.refer import ABOUT_CONFIDENTIAL
from tests.appointments.conftest import booked, open_slots
from tests.appointments.conftest import in_days as at_ten
from tests.patients.conftest import Sign
from tests.patients.delegates import acting_for
from tests.referrals.conftest import (
    appointment_passes,
    body,
    done,
    load,
    open_kinds,
    refer,
    step,
)
from tests.results.conftest import receive
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain

REASON = "Asked not to tell at home"


@pytest.fixture
def driver(clinic: SmallClinic, caller: Sign) -> Caller:
    """Somebody who arranges the first patient's appointments, and nothing else."""
    return acting_for(clinic.patient, caller, "appointments")


@pytest.fixture
def daughter(clinic: SmallClinic, caller: Sign) -> Caller:
    """Somebody who may see the first patient's visits, and nothing else."""
    return acting_for(clinic.patient, caller, "visits")


def kept_entries() -> list[ConfidentialityEntry]:
    with transaction(OPERATOR) as session:
        return list(session.scalars(select(ConfidentialityEntry)))


def ids(caller: Caller, path: str = "/referrals") -> list[str]:
    return [item["id"] for item in done(caller.get(path))["items"]]


def test_who_arranges_appointments_follows_a_referral_and_calls_it_off(
    clinic: SmallClinic, driver: Caller, patient: Caller, scheduled: str
) -> None:
    assert ids(driver) == ids(patient) == [scheduled]
    seen = done(driver.get(f"/referrals/{scheduled}"))
    assert seen["status"] == "scheduled"
    ended = step(driver, scheduled, "cancel", reason="The patient is travelling")
    assert ended["status"] == "cancelled"
    assert ended["history"][-1]["by"] == {"kind": "delegate", "name": "Robin Other"}
    assert open_kinds(scheduled) == []


def test_the_consult_note_is_of_a_visit(
    driver: Caller, daughter: Caller, specialist: Caller, clerk: Caller, scheduled: str
) -> None:
    appointment_passes(scheduled)
    step(clerk, scheduled, "attended")
    step(specialist, scheduled, "note", text="Stable angina.", recommendations="Rest.")
    assert [one["text"] for one in done(daughter.get(f"/referrals/{scheduled}"))["notes"]] == [
        "Stable angina."
    ]
    assert done(driver.get(f"/referrals/{scheduled}"))["notes"] == []
    told = [item["event"] for item in done(daughter.get("/notifications"))["items"]]
    assert told == ["referral_noted"]
    assert "referral_noted" not in driver.get("/notifications").text
    assert daughter.post(f"/referrals/{scheduled}/cancel", {}).status_code == 403


def test_drafts_and_other_categories_give_nothing(
    clinic: SmallClinic, caller: Sign, driver: Caller, physician: Caller, requested: str
) -> None:
    nephew = acting_for(clinic.patient, caller, "medicines", "results", "messages")
    for path in ("/referrals", f"/referrals/{requested}"):
        answer = nephew.get(path)
        assert (answer.status_code, answer.json["code"]) == (403, "category_not_delegated")
    draft = refer(physician, clinic, None, draft=True)
    assert driver.get(f"/referrals/{draft}").status_code == 404


def test_a_confidential_referral_is_the_patients_alone(
    clinic: SmallClinic,
    driver: Caller,
    daughter: Caller,
    patient: Caller,
    physician: Caller,
    scheduled: str,
) -> None:
    assert done(driver.get("/notifications"))["items"] != []
    kept = done(physician.post(f"/referrals/{scheduled}/confidential", {"reason": REASON}))
    assert kept["confidential"] is True
    for one in (driver, daughter):
        assert ids(one) == []
        assert one.get(f"/referrals/{scheduled}").status_code == 404
        assert done(one.get("/notifications"))["items"] == []
    assert driver.post(f"/referrals/{scheduled}/cancel", {"reason": "x"}).status_code == 404
    assert ids(patient) == [scheduled]
    again = {"confidential": False, "reason": "May be known by now"}
    done(physician.post(f"/referrals/{scheduled}/confidential", again))
    assert ids(driver) == [scheduled]


@pytest.mark.parametrize("by", ["patient", "nurse"])
def test_practitioners_alone_keep_a_referral(
    by: str, request: pytest.FixtureRequest, requested: str
) -> None:
    who: Any = request.getfixturevalue(by)
    answer = who.post(f"/referrals/{requested}/confidential", {"reason": REASON})
    assert answer.status_code == 403


def test_a_referral_about_something_confidential_is_so_from_the_first(
    clinic: SmallClinic, driver: Caller, physician: Caller, cardiologist: Practitioner
) -> None:
    report = receive(clinic, name="Troponin")
    drain()
    done(physician.post(f"/results/{report}/confidential", {"reason": REASON}))
    about = [{"kind": "result", "id": str(report)}]
    made = done(physician.post("/referrals", body(clinic, cardiologist, about=about)))
    assert made["confidential"] is True
    drain()
    assert ids(driver) == done(driver.get("/notifications"))["items"] == []
    ledger = [one for one in kept_entries() if one.resource == "referral"]
    assert [one.reason for one in ledger] == [ABOUT_CONFIDENTIAL]


def test_a_referral_can_be_confidential_by_itself(
    clinic: SmallClinic, driver: Caller, physician: Caller, cardiologist: Practitioner
) -> None:
    made = refer(physician, clinic, cardiologist, confidential_reason=REASON)
    assert load(made).confidential is True
    assert ids(driver) == []


def test_a_referral_is_kept_with_the_visit_at_which_its_patient_is_seen(
    driver: Caller,
    daughter: Caller,
    patient: Caller,
    specialist: Caller,
    clerk: Caller,
    accepted: str,
) -> None:
    [slot] = open_slots(specialist, at_ten(3))
    booked(clerk, slot, about={"kind": "referral", "id": accepted})
    drain()
    [visit] = ids(patient, "/visits")
    assert ids(driver) == ids(daughter) == [accepted]
    assert ids(daughter, "/visits") == [visit]
    done(specialist.post(f"/visits/{visit}/confidential", {"reason": REASON}))
    for one in (driver, daughter):
        assert ids(one) == []
        assert one.get(f"/referrals/{accepted}").status_code == 404
    assert ids(driver, "/appointments") == ids(daughter, "/visits") == []
    assert ids(patient) == [accepted]
    again = {"confidential": False, "reason": "May be known by now"}
    done(specialist.post(f"/visits/{visit}/confidential", again))
    assert ids(driver) == [accepted]
    assert len(ids(driver, "/appointments")) == 1
