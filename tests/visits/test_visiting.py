"""Planning, changing, holding and calling off visits, and who reads them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.core.actor import ActorKind
from portal.core.clock import utcnow
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain
from tests.visits.conftest import (
    WEIGHT,
    in_days,
    instruction,
    load,
    measure,
    plan,
    pointers,
    released,
    set_row,
    step,
    told,
    value,
)


def test_a_visit_from_plan_to_end(
    patient: Caller, nurse: Caller, physician: Caller, clinic: SmallClinic
) -> None:
    visit = plan(nurse, clinic)
    step(nurse, visit, "start")
    view = step(physician, visit, "finish")
    assert (view["status"], view["with"]) == ("finished", "practitioner")
    assert view["started_at"] <= view["ended_at"]
    assert [one["status"] for one in view["history"]] == ["planned", "in_progress", "finished"]
    assert [one["by"]["kind"] for one in view["history"]] == ["staff", "staff", "practitioner"]
    seen = patient.get(f"/visits/{visit}").json
    assert (seen["status"], seen["practitioner"]["name"]) == ("finished", clinic.physician.name)
    assert "summary_due_at" not in seen


def test_a_practitioner_plans_for_themselves_and_staff_say_for_whom(
    physician: Caller, nurse: Caller, clinic: SmallClinic
) -> None:
    visit = plan(physician, clinic, practitioner_id=None, starts_at=None)
    assert load(visit).practitioner_id == clinic.physician.id
    body = {"patient_id": str(clinic.patient.id), "reason": "Cough"}
    answer = nurse.post("/visits", body)
    assert (answer.status_code, pointers(answer)) == (422, ["/practitioner_id"])


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"patient_id": str(uuid4())}, "/patient_id", "visit_unusable"),
        ({"practitioner_id": str(uuid4())}, "/practitioner_id", "visit_unusable"),
        ({"starts_at": in_days(800)}, "/starts_at", "visit_unusable"),
        ({"starts_at": in_days(-400)}, "/starts_at", "invalid"),
    ],
)
def test_what_can_not_be_planned(
    physician: Caller, clinic: SmallClinic, changes: dict[str, Any], pointer: str, code: str
) -> None:
    body = {"patient_id": str(clinic.patient.id), "reason": "Cough", **changes}
    answer = physician.post("/visits", body)
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert pointers(answer) == [pointer]


def test_somebody_elses_patient_is_unknown(colleague: Caller, clinic: SmallClinic) -> None:
    body = {"patient_id": str(clinic.patient.id), "reason": "Cough"}
    assert pointers(colleague.post("/visits", body)) == ["/patient_id"]


def test_who_is_to_see_a_patient_may_read_the_record(
    nurse: Caller, colleague: Caller, clinic: SmallClinic
) -> None:
    assert colleague.get(f"/patients/{clinic.patient.id}").status_code == 404
    visit = plan(nurse, clinic, practitioner_id=str(clinic.colleague.id))
    assert colleague.get(f"/patients/{clinic.patient.id}").status_code == 200
    step(nurse, visit, "cancel", reason="Not needed")
    assert colleague.get(f"/patients/{clinic.patient.id}").status_code == 404


def test_the_same_key_plans_once(physician: Caller, clinic: SmallClinic) -> None:
    body = {"patient_id": str(clinic.patient.id), "reason": "Cough"}
    headers = {"Idempotency-Key": "plan-1"}
    first, second = (physician.post("/visits", body, headers=headers) for _ in range(2))
    assert first.json == second.json
    assert second.headers["Idempotent-Replayed"] == "true"


def test_lists_of_coming_and_past_visits_page_by_page(
    patient: Caller, physician: Caller, clinic: SmallClinic
) -> None:
    later = [plan(physician, clinic, starts_at=in_days(day)) for day in (5, 3, 4)]
    past = [plan(physician, clinic, starts_at=in_days(-day)) for day in (2, 1)]
    for visit in past:
        step(physician, visit, "start")
        step(physician, visit, "finish")
    assert pages(patient, "coming") == [str(later[1]), str(later[2]), str(later[0])]
    assert pages(patient, "past") == [str(past[1]), str(past[0])]
    mine = physician.get(f"/visits?patient_id={clinic.patient.id}")
    assert len(mine.json["items"]) == 3


def test_practitioners_list_what_they_hold_and_staff_say_whose(
    physician: Caller, colleague: Caller, nurse: Caller, patient: Caller, clinic: SmallClinic
) -> None:
    mine = plan(physician, clinic)
    theirs = plan(physician, clinic, practitioner_id=str(clinic.colleague.id))
    [listed] = physician.get("/visits").json["items"]
    assert (listed["id"], listed["patient_name"]) == (str(mine), "Avery Testpatient")
    assert [one["id"] for one in colleague.get("/visits").json["items"]] == [str(theirs)]
    answer = nurse.get("/visits")
    assert (answer.status_code, pointers(answer)) == (422, ["#query/patient_id"])
    log = patient.get("/patients/me/access-log").json["items"]
    assert [one["action"] for one in log if one["resource"] == "visit"][:2] == ["read", "read"]


def pages(patient: Caller, when: str) -> list[str]:
    """The ids of a list, read one at a time."""
    found: list[str] = []
    cursor = ""
    while True:
        page = patient.get(f"/visits?when={when}&limit=1{cursor}").json
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def test_a_visit_that_should_have_begun_is_late(
    patient: Caller, physician: Caller, clinic: SmallClinic
) -> None:
    plan(physician, clinic, starts_at=in_days(-0.1))
    plan(physician, clinic, starts_at=in_days(0.1))
    assert [item["late"] for item in patient.get("/visits").json["items"]] == [True, False]


def test_two_editors(physician: Caller, nurse: Caller, planned: UUID) -> None:
    first, second = (who.get(f"/visits/{planned}") for who in (physician, nurse))
    assert first.headers["ETag"] == second.headers["ETag"] == '"1"'
    match = {"If-Match": '"1"'}
    changed = physician.patch(f"/visits/{planned}", {"kind": "telehealth"}, headers=match)
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    refused = nurse.patch(f"/visits/{planned}", {"reason": "Cough"}, headers=match)
    assert (refused.status_code, refused.json["current_etag"]) == (412, '"2"')
    assert load(planned).reason == "Blood pressure check"


def test_when_and_by_whom_is_fixed_once_it_began(
    physician: Caller, clinic: SmallClinic, going_on: UUID
) -> None:
    for change in ({"starts_at": in_days(1)}, {"practitioner_id": str(clinic.colleague.id)}):
        answer = physician.patch(f"/visits/{going_on}", change)
        assert (answer.status_code, answer.json["code"]) == (409, "visit_not_changeable")
    assert physician.patch(f"/visits/{going_on}", {"reason": "Cough"}).status_code == 200
    step(physician, going_on, "finish")
    assert physician.patch(f"/visits/{going_on}", {"reason": "Cold"}).status_code == 409
    assert physician.patch(f"/visits/{going_on}", {}).status_code == 422


def test_another_practitioner_takes_a_visit_over(
    physician: Caller, clinic: SmallClinic, planned: UUID
) -> None:
    change = {"practitioner_id": str(clinic.colleague.id)}
    view = physician.patch(f"/visits/{planned}", change).json
    assert view["practitioner"]["name"] == clinic.colleague.name


def test_only_a_planned_visit_is_called_off(
    patient: Caller, nurse: Caller, planned: UUID, going_on: UUID
) -> None:
    view = step(nurse, planned, "cancel", reason="The clinic is closed")
    assert (view["status"], view["history"][-1]["reason"]) == ("cancelled", "The clinic is closed")
    assert patient.get("/visits?when=past").json["items"][0]["status"] == "cancelled"
    answer = nurse.post(f"/visits/{going_on}/cancel", {"reason": "No time"})
    assert (answer.status_code, answer.json["status_now"]) == (409, "in_progress")
    assert nurse.post(f"/visits/{planned}/start").status_code == 409


def test_patients_are_told_of_what_is_planned_changed_and_called_off(
    physician: Caller, clinic: SmallClinic
) -> None:
    visit = plan(physician, clinic)
    drain()
    physician.patch(f"/visits/{visit}", {"starts_at": in_days(4)})
    drain()
    step(physician, visit, "cancel", reason="Not needed")
    plan(physician, clinic, starts_at=None)
    drain()
    drain()
    assert told() == ["visit_planned", "visit_changed", "visit_cancelled"]


def test_a_visit_entered_in_error_is_withdrawn_with_all_that_it_brought(
    patient: Caller, physician: Caller, held: UUID
) -> None:
    measure(physician, held, value(WEIGHT, 70, "kg"))
    released(physician, held, {"kind": "other", "text": "Rest."})
    step(physician, held, "entered-in-error", reason="Another patient's")
    assert patient.get(f"/visits/{held}").status_code == 404
    assert patient.get(f"/visits/{held}/summary").status_code == 404
    assert patient.get(f"/visits/{held}/summary.pdf").status_code == 404
    assert patient.get("/visits?when=past").json["items"] == []
    assert patient.get("/vitals").json["items"] == []
    assert patient.get("/instructions").json["items"] == []
    assert instruction(held).status == "cancelled"
    assert physician.get(f"/visits/{held}").json["status"] == "entered_in_error"
    drain()
    assert told() == []  # of the summary of what never was


def test_only_practitioners_mark_errors_and_confidentiality(
    nurse: Caller, patient: Caller, planned: UUID
) -> None:
    for who in (nurse, patient):
        for name in ("entered-in-error", "confidential"):
            assert who.post(f"/visits/{planned}/{name}", {"reason": "x"}).status_code == 403


def test_a_confidential_visit_says_so_and_not_why(
    physician: Caller, patient: Caller, planned: UUID
) -> None:
    assert physician.post(f"/visits/{planned}/confidential").status_code == 422
    marked = step(physician, planned, "confidential", reason="Asked not to tell at home")
    assert (marked["confidential"], marked["version"]) == (True, 2)
    own = patient.get(f"/visits/{planned}")
    assert own.json["confidential"] is True
    assert "Asked not to tell" not in own.text
    opened = step(
        physician, planned, "confidential", confidential=False, reason="May be known at home now"
    )
    assert (opened["confidential"], opened["version"]) == (False, 3)


def test_who_looked_is_in_the_patients_access_log(
    patient: Caller, physician: Caller, planned: UUID
) -> None:
    physician.get(f"/visits/{planned}")
    log = patient.get("/patients/me/access-log").json["items"]
    actions = [(one["action"], one["resource"]) for one in log]
    assert ("read", "visit") in actions
    assert ("create", "visit") in actions


def test_strangers_and_other_patients_see_nothing(
    caller: Callable[..., Caller], clinic: SmallClinic, colleague: Caller, planned: UUID
) -> None:
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    for who in (other, colleague):
        for path in ("", "/summary", "/summary/versions", "/summary.pdf", "/due"):
            assert who.get(f"/visits/{planned}{path}").status_code == 404, path
    assert colleague.post(f"/visits/{planned}/start").status_code == 404
    listed = colleague.get(f"/visits?patient_id={clinic.patient.id}")
    assert listed.json["items"] == []


def test_a_month_after_the_visit_it_gives_no_access_any_more(
    nurse: Caller, colleague: Caller, clinic: SmallClinic
) -> None:
    visit = plan(nurse, clinic, practitioner_id=str(clinic.colleague.id), starts_at=None)
    step(nurse, visit, "start")
    step(nurse, visit, "finish")
    assert colleague.get(f"/visits/{visit}").status_code == 200
    month = utcnow() - timedelta(days=31)
    set_row("visit", visit, started_at=month, ended_at=month)
    assert colleague.get(f"/visits/{visit}").status_code == 404
