"""Visits as those see them who act for the patient, and what is kept from
them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.patients.confidentiality_model import ConfidentialityEntry
from portal.patients.delegation_model import Delegation
from tests.patients.conftest import Sign
from tests.patients.delegates import acting_for
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, prescription
from tests.support.work import drain
from tests.visits.conftest import (
    WEIGHT,
    add_problem,
    instruction,
    items,
    load,
    measure,
    plan,
    released,
    set_row,
    step,
    value,
    write,
    written,
)
from workers import schedule

REASON = "Asked not to tell at home"


@pytest.fixture
def daughter(clinic: SmallClinic, caller: Sign) -> Caller:
    """Somebody who may see the first patient's visits, and nothing else."""
    return acting_for(clinic.patient, caller, "visits")


def ids(caller: Caller, path: str) -> list[str]:
    answer = caller.get(path)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json["items"]]


def paths(visit: UUID) -> list[str]:
    """Everything that a visit can be read by."""
    return [
        f"/visits/{visit}",
        f"/visits/{visit}/due",
        f"/visits/{visit}/summary",
        f"/visits/{visit}/summary.pdf",
    ]


def full(physician: Caller, clinic: SmallClinic, visit: UUID, **task: Any) -> str:
    """Give a visit that goes on everything that belongs to one; the id of its problem."""
    measure(physician, visit, value(WEIGHT, 70, "kg"))
    problem = add_problem(physician, clinic, visit_id=str(visit)).json["id"]
    released(
        physician,
        visit,
        {"kind": "other", "text": "Drink more water.", **task},
        problem_ids=[problem],
    )
    drain()
    return str(problem)


def test_who_may_see_visits_sees_all_that_belongs_to_one(
    clinic: SmallClinic, daughter: Caller, physician: Caller, going_on: UUID
) -> None:
    problem = full(physician, clinic, going_on)
    step(physician, going_on, "finish")
    for path in paths(going_on):
        assert daughter.get(path).status_code == 200, path
    assert ids(daughter, "/visits?when=past") == [str(going_on)]
    assert ids(daughter, "/problems") == [problem]
    assert len(ids(daughter, "/vitals")) == 1
    assert daughter.get(f"/vitals/trends?code={WEIGHT}").status_code == 200
    seen = daughter.get(f"/visits/{going_on}").json
    assert "summary_due_at" not in seen
    task = instruction(going_on)
    done = daughter.post(f"/visits/{going_on}/instructions/{task.id}/done")
    assert done.status_code == 200, done.text
    assert instruction(going_on).closed_by_kind == "delegate"
    [shown] = physician.get(f"/visits/{going_on}/summary").json["instructions"]
    assert shown["closed_by"] == {"kind": "delegate", "name": "Robin Other"}


def test_what_is_overdue_is_closed_by_who_acts_for_the_patient(
    clinic: SmallClinic, daughter: Caller, physician: Caller, going_on: UUID
) -> None:
    due_on = (utcnow() + timedelta(days=30)).date().isoformat()
    full(physician, clinic, going_on, due_on=due_on)
    task = instruction(going_on)
    step(physician, going_on, "finish")
    from_now = load(going_on).ended_at
    set_row("visit_instruction", task.id, due_at=from_now)
    schedule.find_overdue_instructions()
    drain()
    [item] = items("visit_instruction_overdue")
    assert item.status == "open"
    daughter.post(f"/visits/{going_on}/instructions/{task.id}/done")
    [item] = items("visit_instruction_overdue")
    assert item.status == "done"


def test_other_categories_give_no_visits(clinic: SmallClinic, caller: Sign, planned: UUID) -> None:
    nephew = acting_for(clinic.patient, caller, "medicines", "results", "appointments", "messages")
    for path in (*paths(planned), "/visits", "/vitals", "/problems", "/instructions"):
        answer = nephew.get(path)
        assert (answer.status_code, answer.json["code"]) == (403, "category_not_delegated"), path


def test_who_acts_for_a_patient_neither_plans_nor_writes(
    clinic: SmallClinic, daughter: Caller, planned: UUID
) -> None:
    body = {"patient_id": str(clinic.patient.id), "reason": "Cough"}
    assert daughter.post("/visits", body).status_code == 403
    assert write(daughter, planned, written()).status_code == 403
    assert measure(daughter, planned, value(WEIGHT, 70, "kg")).status_code == 403
    assert daughter.post("/vitals", value(WEIGHT, 70, "kg")).status_code == 403


def test_a_confidential_visit_takes_along_all_that_belongs_to_it(
    clinic: SmallClinic, daughter: Caller, patient: Caller, physician: Caller, going_on: UUID
) -> None:
    problem = full(physician, clinic, going_on)
    version = load(going_on).version
    assert step(physician, going_on, "confidential", reason=REASON)["version"] == version + 1
    for path in paths(going_on):
        assert daughter.get(path).status_code == 404, path
        assert patient.get(path).status_code == 200, path
    lists = ("/visits", "/vitals", "/problems", "/instructions")
    for path in lists:
        assert ids(daughter, path) == [], path
        assert len(ids(patient, path)) == 1, path
    assert daughter.get(f"/problems/{problem}").status_code == 404
    points = daughter.get(f"/vitals/trends?code={WEIGHT}").json
    assert "70" not in str(points.get("points"))
    task = instruction(going_on)
    done = daughter.post(f"/visits/{going_on}/instructions/{task.id}/done")
    assert done.status_code == 404
    step(physician, going_on, "confidential", confidential=False, reason="May be known by now")
    assert ids(daughter, "/visits") == [str(going_on)]


def test_a_visit_can_be_confidential_from_the_first(
    clinic: SmallClinic, daughter: Caller, patient: Caller, physician: Caller, nurse: Caller
) -> None:
    visit = plan(physician, clinic, confidential_reason=REASON)
    drain()
    assert ids(patient, "/visits") == [str(visit)]
    assert ids(daughter, "/visits") == ids(daughter, "/notifications") == []
    body = {
        "patient_id": str(clinic.patient.id),
        "practitioner_id": str(clinic.physician.id),
        "reason": "Cough",
        "confidential_reason": REASON,
    }
    assert nurse.post("/visits", body).status_code == 403
    assert ids(patient, "/visits") == [str(visit)]
    with transaction(OPERATOR) as session:
        [entry] = session.query(ConfidentialityEntry).all()
    assert (entry.resource, entry.resource_id, entry.reason) == ("visit", visit, REASON)


def test_what_is_done_by_something_confidential_is_not_shown(
    clinic: SmallClinic, daughter: Caller, physician: Caller, going_on: UUID
) -> None:
    pill = prescription(clinic)
    released(
        physician,
        going_on,
        {"kind": "fill", "text": "Fetch it.", "target_id": str(pill.id)},
    )
    assert len(ids(daughter, "/instructions")) == 1
    answer = physician.post(f"/prescriptions/{pill.id}/confidential", {"reason": REASON})
    assert answer.status_code == 200, answer.text
    assert ids(daughter, "/instructions") == []


def test_a_summary_that_names_something_confidential_makes_its_visit_so(
    clinic: SmallClinic, daughter: Caller, physician: Caller, patient: Caller, going_on: UUID
) -> None:
    pill = prescription(clinic)
    physician.post(f"/prescriptions/{pill.id}/confidential", {"reason": REASON})
    drug = {"change": "started", "name": "Sertraline 50 mg", "prescription_id": str(pill.id)}
    released(physician, going_on, medicines=[drug])
    assert load(going_on).confidential is True
    assert ids(daughter, "/visits") == []
    assert ids(patient, "/visits") == [str(going_on)]


def test_delegates_are_told_of_what_they_may_see(
    clinic: SmallClinic, daughter: Caller, physician: Caller, going_on: UUID
) -> None:
    full(physician, clinic, going_on)
    [told] = daughter.get("/notifications").json["items"]
    assert told["event"] == "visit_summary_released"
    step(physician, going_on, "confidential", reason=REASON)
    assert ids(daughter, "/notifications") == []


def test_access_that_ends_ends_at_once(
    clinic: SmallClinic, daughter: Caller, physician: Caller, planned: UUID
) -> None:
    assert daughter.get(f"/visits/{planned}").status_code == 200
    with transaction(OPERATOR) as session:
        [row] = session.query(Delegation).all()
        row.status, row.revoked_at = "revoked", row.offered_at
    answer = daughter.get(f"/visits/{planned}")
    assert (answer.status_code, answer.json["code"]) == (403, "access_ended")
