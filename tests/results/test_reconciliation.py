"""Saying whose a report is that no rule could match."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.core.actor import NOBODY, ActorKind
from tests.results.conftest import order
from tests.results.messages import obr, obx, oru, pid
from tests.results.test_intake import cases, kept, reports, rows, take, values
from tests.support.api import Caller
from tests.support.clinic import SmallClinic


@pytest.fixture
def staff(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    """Somebody who cares for neither patient."""
    return caller(ActorKind.STAFF, clinic.liaison_officer.id, "Lee")


def waiting(*segments: str) -> UUID:
    """A case about a potassium of a patient whom nobody knows."""
    take(oru("M1", *(segments or (pid("MRN-9999"), obr())), obx("potassium", "4.2")))
    return UUID(str(cases()[-1].id))


def match(staff: Caller, case_id: UUID, **body: Any) -> Any:
    return staff.post(f"/reconciliation/{case_id}/match", body)


def test_a_case_shows_whom_the_message_names_and_what_it_says(
    clinic: SmallClinic, staff: Caller
) -> None:
    case_id = waiting()
    [listed] = staff.get("/reconciliation").json["items"]
    assert (listed["id"], listed["reason"], listed["patient"]["birth_date"]) == (
        str(case_id),
        "patient_unknown",
        "1980-04-15",
    )
    detail = staff.get(f"/reconciliation/{case_id}").json
    assert detail["observations"][0]["value"] == "4.2"
    assert "OBX|1|NM|2823-3" in detail["message"]
    assert clinic.patient.mrn


def test_by_the_record_number_it_goes_on_that_chart(clinic: SmallClinic, staff: Caller) -> None:
    case_id = waiting()
    answer = match(staff, case_id, mrn="MRN-0001", birth_date="1980-04-15", note="Married name")
    [report] = reports()
    assert (answer.status_code, answer.json["status"]) == (200, "matched")
    assert answer.json["result_id"] == str(report.id)
    assert (report.patient_id, report.responsible_id) == (clinic.patient.id, clinic.physician.id)
    assert values(report.id)[0][1] == "4.2"
    assert rows("SELECT status, outcome FROM work_item")[0] == ("done", "matched")
    assert [one.outcome for one in kept()] == ["taken_in"]
    assert len(rows("SELECT 1 FROM outbox_event WHERE kind = 'result.received'")) == 1
    [entry] = rows("SELECT * FROM audit_entry WHERE action = 'matched'")
    assert (entry.patient_id, entry.actor_id) == (clinic.patient.id, clinic.liaison_officer.id)


def test_by_the_order_it_answers_the_order(clinic: SmallClinic, staff: Caller) -> None:
    requisition = order(clinic)
    case_id = waiting(pid("MRN-9999"), obr("ORD-unknown"))
    assert match(staff, case_id, requisition_id=str(requisition.id)).status_code == 200
    assert reports()[0].requisition_id == requisition.id


def test_a_further_version_finds_the_report_that_was_matched(
    clinic: SmallClinic, staff: Caller
) -> None:
    requisition = order(clinic)
    case_id = waiting(pid("MRN-9999", "X^Y"), obr(requisition.placer_number, status="P"))
    body = {
        "confirmed": ["family_name", "given_name"],
        "reason": "The name was cut off at the laboratory",
    }
    match(staff, case_id, requisition_id=str(requisition.id), **body)
    take(oru("M2", obr(requisition.placer_number), obx("potassium", "4.3")))
    [report] = reports()
    assert (report.status, report.number) == ("final", 2)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"mrn": "MRN-0001"}, "/birth_date"),
        ({"patient_id": str(NOBODY), "requisition_id": str(NOBODY)}, ""),
        ({"patient_id": str(NOBODY)}, "/patient_id"),
        ({"requisition_id": str(NOBODY)}, "/requisition_id"),
        ({"mrn": "MRN-0001", "birth_date": "1999-01-01"}, "/mrn"),
    ],
)
def test_what_names_nobody_is_refused(
    clinic: SmallClinic, staff: Caller, body: dict[str, Any], pointer: str
) -> None:
    assert clinic.patient.mrn
    answer = match(staff, waiting(), **body)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == pointer
    assert [case.status for case in cases()] == ["open"]


def test_discarded_it_stays_kept(clinic: SmallClinic, staff: Caller) -> None:
    assert clinic.patient.mrn
    case_id = waiting()
    answer = staff.post(f"/reconciliation/{case_id}/discard", {"note": "Another clinic's"})
    assert (answer.json["status"], answer.json["note"]) == ("discarded", "Another clinic's")
    assert (reports(), len(kept())) == ([], 1)
    again = staff.post(f"/reconciliation/{case_id}/discard", {"note": "Again"})
    assert (again.status_code, again.json["status_now"]) == (409, "discarded")


def test_a_case_closes_by_being_matched_and_not_by_hand(clinic: SmallClinic, staff: Caller) -> None:
    assert clinic.patient.mrn
    waiting()
    [item] = rows("SELECT id FROM work_item")
    answer = staff.post(
        f"/worklist/{item.id}/complete", {"outcome": "done"}, headers={"If-Match": "*"}
    )
    assert answer.status_code in (404, 409)
    assert [case.status for case in cases()] == ["open"]


def test_of_two_who_match_at_once_one_is_told_so(
    clinic: SmallClinic, caller: Callable[..., Caller]
) -> None:
    case_id = waiting()
    body = {"mrn": clinic.patient.mrn, "birth_date": "1980-04-15"}
    people = [
        caller(ActorKind.STAFF, person.id) for person in (clinic.nurse, clinic.liaison_officer)
    ]

    def try_it(staff: Caller) -> int:
        return int(match(staff, case_id, **body).status_code)

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(try_it, people)) == [200, 409]
    assert len(reports()) == 1


def test_another_clinics_staff_sees_nothing_of_it(
    clinic: SmallClinic, caller: Callable[..., Caller]
) -> None:
    assert clinic.patient.mrn
    case_id = waiting()
    stranger = caller(ActorKind.STAFF, uuid4())
    assert stranger.get("/reconciliation").json["items"] == []
    assert stranger.get(f"/reconciliation/{case_id}").status_code == 404
    answer = match(stranger, case_id, mrn="MRN-0001", birth_date="1980-04-15")
    assert answer.status_code == 404
