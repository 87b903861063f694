"""Laboratories whom nobody knows: each counts for itself, also where they number alike."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from portal.core.actor import ActorKind
from tests.results.messages import obr, obx, oru, pid
from tests.results.test_intake import cases, code_of, reports, take, values
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain

DIFFERS = ["record_number", "family_name", "given_name", "birth_date", "sex"]
WHY = "The laboratory was called, and named the patient."


@pytest.fixture
def staff(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.STAFF, clinic.liaison_officer.id, "Lee")


def send(control_id: str, sender: str, value: str, *, status: str = "F") -> UUID:
    """The case of a report with the number that every laboratory begins with."""
    raw = oru(
        control_id,
        pid("X-1"),
        obr("", "LAB-1", status),
        obx("potassium", value, status=status),
        sender=sender,
    )
    assert code_of(take(raw)) == ["AA"]
    return UUID(str(cases()[-1].id))


def match(staff: Caller, case_id: UUID, patient_id: UUID) -> Any:
    body = {
        "patient_id": str(patient_id),
        "confirmed": DIFFERS,
        "reason": WHY,
    }
    answer = staff.post(f"/reconciliation/{case_id}/match", body)
    drain()
    return answer


def test_two_unknown_senders_with_one_number(clinic: SmallClinic, staff: Caller) -> None:
    first = send("M1", "NOBODY|NOWHERE", "4.1")
    second = send("M2", "NOONE|ELSEWHERE", "4.2")
    for case_id, whose in ((first, clinic.patient), (second, clinic.other_patient)):
        answer = match(staff, case_id, whose.id)
        assert answer.status_code == 200, answer.text
    assert [(one.patient_id, values(one.id)[0][1]) for one in reports()] == [
        (clinic.patient.id, "4.1"),
        (clinic.other_patient.id, "4.2"),
    ]


@pytest.mark.parametrize("sender", ["NOBODY|NOWHERE", "|"])
def test_an_unknown_senders_further_version(
    clinic: SmallClinic, staff: Caller, sender: str
) -> None:
    """One that names itself is known again; of one that does not, each report is its own."""
    for control_id, value, status in (("M1", "4.1", "P"), ("M2", "4.2", "F")):
        case_id = send(control_id, sender, value, status=status)
        answer = match(staff, case_id, clinic.patient.id)
        assert answer.status_code == 200, answer.text
    found = [(one.status, values(one.id)[0][1]) for one in reports()]
    apart = [("preliminary", "4.1"), ("final", "4.2")]
    assert found == (apart if sender == "|" else [("final", "4.2")])


def test_the_same_number_on_another_chart_is_refused(clinic: SmallClinic, staff: Caller) -> None:
    for control_id, whose, expected in (
        ("M1", clinic.patient, 200),
        ("M2", clinic.other_patient, 409),
    ):
        case_id = send(control_id, "NOBODY|NOWHERE", "4.1")
        answer = match(staff, case_id, whose.id)
        assert answer.status_code == expected, answer.text
