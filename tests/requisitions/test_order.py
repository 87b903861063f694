"""Ordering: what is made of an order, and everything that is wrong with one."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import local_day, utcnow
from portal.core.db import transaction
from portal.core.tables import AuditEntry
from portal.directory.model import Laboratory
from portal.patients.model import Patient
from portal.requisitions import service
from portal.requisitions.model import CatalogTest, Requisition, StandingOrder
from portal.requisitions.rules import DRAFT_KEPT_FOR
from tests.requisitions.conftest import (
    CBC,
    CMP,
    CT,
    DIAGNOSIS,
    LIPID,
    body,
    change,
    items,
    load,
    order,
    pointers,
    rows,
    sent,
    statuses,
    told,
)
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic, practitioner_actor
from tests.support.statements import recorded
from tests.support.work import drain


def today() -> date:
    return local_day(utcnow(), ZONE)


def test_an_order_becomes_a_requisition_for_each_test(
    clinic: SmallClinic, physician: Caller, patient: Caller
) -> None:
    answer = physician.post("/requisitions", body(clinic, CMP, LIPID, priority="urgent"))
    assert answer.status_code == 201, answer.text
    panel, lipid = answer.json["items"]
    assert [one["test"]["code"] for one in (panel, lipid)] == [CMP, LIPID]
    assert panel["placer_number"].startswith("ORD-")
    assert panel["placer_number"] != lipid["placer_number"]
    assert panel["group_number"] == lipid["group_number"]
    assert (panel["status"], panel["priority"], panel["late"]) == ("placed", "urgent", False)
    assert panel["laboratory"]["name"] == clinic.laboratory.name
    assert panel["laboratory"]["address"]["line"] == "3 Mill Street"
    assert panel["specimen"] == {"code": "119364003", "name": "Serum specimen"}
    assert panel["preparation"]["fasting"] is False
    assert lipid["preparation"]["fasting_hours"] == 12
    assert "12 hours" in lipid["next_step"]
    days = load(UUID(panel["id"])).collect_by - utcnow()
    assert timedelta(days=2, hours=23) < days <= timedelta(days=3)
    seen = patient.get(f"/requisitions/{panel['id']}").json
    assert statuses(seen) == ["placed"]
    assert seen["with"]["kind"] == "careloop"
    assert seen["history"][0]["by"]["name"] == clinic.physician.name


def test_what_was_ordered_is_told_and_audited(
    clinic: SmallClinic, physician: Caller, ordered: UUID
) -> None:
    drain()
    assert told() == ["requisition_placed"]
    assert sent(ordered) == [(clinic.laboratory.id, "new", "queued")]
    entries = rows(AuditEntry, resource="requisition", action="create")
    assert [entry.patient_id for entry in entries] == [clinic.patient.id]
    assert physician.get(f"/requisitions/{ordered}").status_code == 200
    assert len(rows(AuditEntry, resource="requisition", action="read")) == 1


def test_without_a_place_it_is_the_patients_own(clinic: SmallClinic, physician: Caller) -> None:
    without = {**body(clinic), "laboratory_id": None}
    answer = physician.post("/requisitions", without)
    assert (answer.status_code, pointers(answer)) == (422, ["/laboratory_id"])
    change(clinic.patient, preferred_laboratory_id=clinic.other_laboratory.id)
    made = physician.post("/requisitions", without).json["items"][0]
    assert made["laboratory"]["id"] == str(clinic.other_laboratory.id)


def test_the_same_key_orders_once(clinic: SmallClinic, physician: Caller) -> None:
    headers = {"Idempotency-Key": "order-1"}
    one = physician.post("/requisitions", body(clinic), headers=headers)
    two = physician.post("/requisitions", body(clinic), headers=headers)
    assert (one.status_code, two.json) == (201, one.json)
    assert len(rows(Requisition)) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"tests": [{"code": CMP}, {"code": "99999-9"}]}, ["/tests/1/code"]),
        ({"tests": [{"code": CMP}, {"code": CMP}]}, ["/tests/1/code"]),
        ({"tests": [{"code": CMP}, {"code": CT}]}, ["/tests/1/code"]),
        ({"tests": [{"code": "rubbish"}]}, ["/tests/0/code"]),
        ({"tests": []}, ["/tests"]),
        ({"tests": [{"code": CMP}] * 21}, ["/tests"]),
        ({"tests": [{"code": CMP, "not_before": "2020-01-01"}]}, ["/tests/0/not_before"]),
        ({"not_before": "2020-01-01"}, ["/not_before"]),
        ({"not_before": "2099-01-01"}, ["/not_before"]),
        ({"diagnoses": [DIAGNOSIS] * 13}, ["/diagnoses"]),
        ({"diagnoses": [{"code": "diabetes", "text": "x"}]}, ["/diagnoses/0/code"]),
        ({"priority": "soon"}, ["/priority"]),
        ({"laboratory_id": str(uuid4())}, ["/laboratory_id"]),
        ({"patient_id": str(uuid4())}, ["/patient_id"]),
        ({"standing": {"count": 1, "interval_days": 7}}, ["/standing/count"]),
        ({"standing": {"count": 2, "interval_days": 0}}, ["/standing/interval_days"]),
        ({"surprise": 1}, ["/surprise"]),
    ],
)
def test_nothing_is_ordered_when_something_is_wrong(
    clinic: SmallClinic, physician: Caller, changes: dict[str, Any], expected: list[str]
) -> None:
    answer = physician.post("/requisitions", body(clinic, **changes))
    assert (answer.status_code, pointers(answer)) == (422, expected), answer.text
    assert rows(Requisition) == []


def test_every_problem_is_named_at_once(clinic: SmallClinic, physician: Caller) -> None:
    past = (utcnow() - timedelta(days=30)).date().isoformat()
    tests = [{"code": "99999-9"}, {"code": CMP, "not_before": past}, {"code": CT}]
    answer = physician.post("/requisitions", body(clinic, tests=tests))
    assert pointers(answer) == ["/tests/0/code", "/tests/1/not_before", "/tests/2/code"]


def test_what_is_no_longer_offered_is_refused(clinic: SmallClinic, physician: Caller) -> None:
    with transaction(OPERATOR) as session:
        session.get_one(CatalogTest, CMP).active = False
        session.get_one(Laboratory, clinic.other_laboratory.id).active = False
    assert pointers(physician.post("/requisitions", body(clinic))) == ["/tests/0/code"]
    elsewhere = body(clinic, CBC, laboratory_id=str(clinic.other_laboratory.id))
    assert pointers(physician.post("/requisitions", elsewhere)) == ["/laboratory_id"]


def test_nobody_orders_for_somebody_elses_patient(clinic: SmallClinic, physician: Caller) -> None:
    answer = physician.post("/requisitions", body(clinic, patient_id=str(clinic.other_patient.id)))
    assert pointers(answer) == ["/patient_id"]


def test_a_merged_record_takes_no_orders(clinic: SmallClinic, physician: Caller) -> None:
    with transaction(OPERATOR) as session:
        row = session.get_one(Patient, clinic.patient.id)
        row.merged_into_id = clinic.other_patient.id
        row.merged_at, row.merge_reason = utcnow(), "The same person twice"
    assert pointers(physician.post("/requisitions", body(clinic))) == ["/patient_id"]


@pytest.mark.parametrize("who", ["patient", "nurse", "laboratory"])
def test_only_a_practitioner_orders(
    clinic: SmallClinic, who: str, request: pytest.FixtureRequest
) -> None:
    answer = request.getfixturevalue(who).post("/requisitions", body(clinic))
    assert answer.status_code == 403


def test_a_draft_is_the_care_teams_alone_until_it_is_placed(
    clinic: SmallClinic, physician: Caller, patient: Caller, nurse: Caller, laboratory: Caller
) -> None:
    [draft] = order(physician, clinic, draft=True)
    drain()
    assert (sent(draft), told()) == ([], [])
    assert patient.get(f"/requisitions/{draft}").status_code == 404
    assert patient.get("/requisitions").json["items"] == []
    assert laboratory.post(f"/lab/orders/{draft}/acknowledge").status_code == 404
    assert nurse.get(f"/requisitions/{draft}").json["status"] == "draft"
    assert nurse.post(f"/requisitions/{draft}/place").status_code == 403
    placed = physician.post(f"/requisitions/{draft}/place")
    assert statuses(placed.json) == ["draft", "placed"]
    again = physician.post(f"/requisitions/{draft}/place")
    assert (again.status_code, again.json["code"]) == (409, "not_placeable")
    drain()
    assert patient.get(f"/requisitions/{draft}").json["status"] == "placed"
    assert (told(), [kind for _, kind, _ in sent(draft)]) == (["requisition_placed"], ["new"])


def test_a_draft_that_ends_was_never_the_patients_to_see(
    clinic: SmallClinic, physician: Caller, patient: Caller
) -> None:
    [draft] = order(physician, clinic, draft=True, standing={"count": 3, "interval_days": 30})
    assert rows(StandingOrder)[0].next_on is None, "it stands still until it is placed"
    answer = physician.post(f"/requisitions/{draft}/cancel", {"reason": "not needed"})
    assert answer.json["status"] == "cancelled"
    assert [one.status for one in rows(StandingOrder)] == ["cancelled"]
    drain()
    assert patient.get("/requisitions").json["items"] == []
    assert told() == []
    [other] = order(physician, clinic, draft=True)
    with transaction(OPERATOR) as session:
        later = utcnow() + DRAFT_KEPT_FOR + timedelta(minutes=1)
        assert service.expire_requisitions(session=session, now=later, limit=10) == 1
    drain()
    assert (load(other).status, told(), items()) == ("expired", [], [])


def test_a_list_shows_ones_own_and_can_be_narrowed(
    clinic: SmallClinic, physician: Caller, patient: Caller, caller: Callable[..., Caller]
) -> None:
    first, second, third = order(physician, clinic, CMP, CBC, LIPID)
    physician.post(f"/requisitions/{second}/cancel", {"reason": "done elsewhere"})

    def listed(query: str = "", who: Caller = patient) -> list[str]:
        answer = who.get(f"/requisitions{query}")
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json["items"]]

    assert listed() == [str(third), str(second), str(first)]
    assert listed("?status=open") == [str(third), str(first)]
    assert listed("?status=closed") == listed("?status=cancelled") == [str(second)]
    page = patient.get("/requisitions?limit=2").json
    assert len(page["items"]) == 2
    assert listed(f"?cursor={page['next']}") == [str(first)]
    assert len(listed(f"?patient_id={clinic.patient.id}", physician)) == 3
    assert pointers(physician.get("/requisitions")) == ["#query/patient_id"]
    stranger = caller(ActorKind.PRACTITIONER, clinic.colleague.id)
    assert listed(f"?patient_id={clinic.patient.id}", stranger) == []
    assert stranger.get(f"/requisitions/{first}").status_code == 404


def test_a_list_costs_the_same_for_one_and_for_thirty(
    clinic: SmallClinic, physician: Caller, patient: Caller
) -> None:
    order(physician, clinic)
    with recorded() as few:
        assert len(patient.get("/requisitions").json["items"]) == 1
    for _ in range(10):
        order(physician, clinic, CMP, CBC, LIPID)
    with recorded() as many:
        assert len(patient.get("/requisitions").json["items"]) == 31
    assert len(few) == len(many)


def test_the_same_test_again(clinic: SmallClinic, physician: Caller, ordered: UUID) -> None:
    change(load(ordered), status="rejected", closed_at=utcnow(), expected_by=None)
    day = today() + timedelta(days=90)
    with transaction(practitioner_actor(clinic.physician)) as session:
        made = service.repeat(
            session=session,
            actor=practitioner_actor(clinic.physician),
            requisition_id=ordered,
            not_before=day,
            note="Again",
            now=utcnow(),
        )
        assert made.id != ordered
    again = physician.get(f"/requisitions/{made.id}").json
    assert (again["test"]["code"], again["status"], again["note"]) == (CMP, "placed", "Again")
    assert again["not_before"] == day.isoformat()
    assert day.isoformat() in again["next_step"]
    assert load(made.id).collect_by > utcnow() + timedelta(days=110)
