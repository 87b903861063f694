"""The laboratories' pull feed, and what they report of orders."""

from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.tables import AuditEntry
from portal.requisitions import rules, service
from portal.requisitions.laboratory_model import LaboratoryConnection
from portal.requisitions.states import REQUISITION, RequisitionStatus
from tests.requisitions.conftest import (
    CBC,
    CMP,
    LIPID,
    change,
    items,
    load,
    order,
    pointers,
    rows,
    statuses,
    told,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, laboratory_actor
from tests.support.work import drain


def pull(laboratory: Caller, query: str = "") -> dict[str, Any]:
    answer = laboratory.get(f"/lab/orders{query}")
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json
    return page


def ids_on(page: dict[str, Any]) -> list[str]:
    return [item["requisition_id"] for item in page["items"]]


def report(laboratory: Caller, requisition_id: UUID, status: str, **changes: Any) -> Any:
    body = {"status": status, "occurred_at": utcnow().isoformat(), **changes}
    if status == "rejected":
        body.setdefault("reason_code", "specimen_unusable")
    return laboratory.post(f"/lab/orders/{requisition_id}/status", body)


def test_an_order_says_all_that_is_needed_to_do_it(
    clinic: SmallClinic, laboratory: Caller, ordered: UUID
) -> None:
    assert ids_on(pull(laboratory)) == []
    drain()
    [one] = pull(laboratory)["items"]
    assert (one["kind"], one["requisition_id"], one["status"]) == ("new", str(ordered), "placed")
    assert one["test"]["code"] == CMP
    assert one["placer_number"] == load(ordered).placer_number
    assert one["patient"]["mrn"] == clinic.patient.mrn
    assert one["patient"]["birth_date"] == "1980-04-15"
    assert one["specimen"]["code"] == "119364003"
    assert one["diagnoses"][0]["code"] == "E11.9"
    assert one["orderer"]["name"] == clinic.physician.name
    read = rows(AuditEntry, resource="laboratory_order")
    assert [entry.patient_id for entry in read] == [clinic.patient.id]
    with transaction(OPERATOR) as session:
        assert session.get_one(LaboratoryConnection, clinic.laboratory.id).last_heard_at


def test_each_laboratory_sees_its_own(other_laboratory: Caller, ordered: UUID) -> None:
    drain()
    assert ids_on(pull(other_laboratory)) == []
    for path in ("acknowledge", "status"):
        body = {"status": "accepted", "occurred_at": utcnow().isoformat()}
        answer = other_laboratory.post(
            f"/lab/orders/{ordered}/{path}", body if path == "status" else {}
        )
        assert (answer.status_code, answer.json["code"]) == (404, "requisition_not_found")


def test_acknowledging_twice_is_the_same_as_once(
    patient: Caller, laboratory: Caller, ordered: UUID
) -> None:
    drain()
    for _ in range(2):
        answer = laboratory.post(f"/lab/orders/{ordered}/acknowledge", {"filler_number": "A-17"})
        assert (answer.status_code, answer.json["status"]) == (200, "accepted"), answer.text
    assert ids_on(pull(laboratory)) == []
    seen = patient.get(f"/requisitions/{ordered}").json
    assert (statuses(seen), seen["filler_number"]) == (["placed", "accepted"], "A-17")
    assert laboratory.post(f"/lab/orders/{uuid4()}/acknowledge").status_code == 404


def test_a_cursor_goes_on_where_it_ended(
    clinic: SmallClinic, physician: Caller, laboratory: Caller
) -> None:
    first = [str(id_) for id_ in order(physician, clinic, CMP, CBC, LIPID)]
    drain()
    one = pull(laboratory, "?limit=2")
    two = pull(laboratory, f"?limit=2&after={one['next']}")
    assert sorted(ids_on(one) + ids_on(two)) == sorted(first)
    nothing_new = pull(laboratory, f"?after={two['next']}")
    assert (nothing_new["items"], nothing_new["next"]) == ([], two["next"])
    later = [str(id_) for id_ in order(physician, clinic)]
    drain()
    assert ids_on(pull(laboratory, f"?after={two['next']}")) == later


@pytest.mark.parametrize("cursor", ["rubbish", "W10=", "WyJ4IiwieSJd", "é"])
def test_a_foreign_cursor_is_named(laboratory: Caller, cursor: str) -> None:
    answer = laboratory.get("/lab/orders", query_string={"after": cursor})
    assert (answer.status_code, pointers(answer)) == (422, ["#query/after"])


def test_what_was_cancelled_is_to_be_left_and_names_nobody(
    physician: Caller, laboratory: Caller, ordered: UUID
) -> None:
    drain()
    laboratory.post(f"/lab/orders/{ordered}/acknowledge")
    physician.post(f"/requisitions/{ordered}/cancel", {"reason": "Done elsewhere"})
    drain()
    [one] = pull(laboratory)["items"]
    assert (one["kind"], one["status"]) == ("cancel", "cancelled")
    assert "patient" not in one
    answer = laboratory.post(f"/lab/orders/{ordered}/acknowledge")
    assert answer.json["status"] == "cancelled"
    assert pull(laboratory)["items"] == []


def test_the_way_of_an_order_by_reports(patient: Caller, laboratory: Caller, ordered: UUID) -> None:
    drain()
    at = utcnow() - timedelta(hours=2)
    for status in ("accepted", "collected", "in_progress"):
        answer = report(laboratory, ordered, status, occurred_at=at.isoformat())
        assert answer.json == {
            "requisition_id": str(ordered),
            "outcome": "applied",
            "status": status,
        }, answer.text
        at += timedelta(minutes=30)
    late = report(laboratory, ordered, "collected")
    assert (late.json["outcome"], late.json["status"]) == ("late", "in_progress")
    again = report(laboratory, ordered, "in_progress")
    assert again.json["outcome"] == "no_change"
    row = load(ordered)
    assert row.collected_at == at - timedelta(hours=1)
    assert row.occurred_at == at - timedelta(minutes=30)
    seen = patient.get(f"/requisitions/{ordered}").json
    assert statuses(seen) == ["placed", "accepted", "collected", "in_progress"]


def test_a_later_step_overtakes_the_earlier_ones(laboratory: Caller, ordered: UUID) -> None:
    assert report(laboratory, ordered, "in_progress").json["outcome"] == "applied"
    when = (utcnow() - timedelta(hours=1)).isoformat()
    answer = report(laboratory, ordered, "collected", occurred_at=when, filler_number="A-9")
    assert answer.json["outcome"] == "late"
    row = load(ordered)
    assert (row.filler_number, row.collected_at is None) == ("A-9", False), "what it tells is kept"


def test_a_rejection_becomes_the_orderers_work(
    clinic: SmallClinic, laboratory: Caller, patient: Caller, ordered: UUID
) -> None:
    drain()
    answer = report(laboratory, ordered, "rejected", reason="Hemolyzed")
    assert answer.json["outcome"] == "applied", answer.text
    drain()
    [item] = items("requisition_rejected")
    assert (item.subject_id, item.priority) == (ordered, "urgent")
    assert item.responsible_id == clinic.physician.id
    assert told() == ["requisition_placed", "requisition_rejected"]
    seen = patient.get(f"/requisitions/{ordered}").json
    assert (seen["reason_code"], seen["reason"]) == ("specimen_unusable", "Hemolyzed")
    assert seen["followed_up_by"]["name"] == clinic.physician.name
    impossible = report(laboratory, ordered, "collected")
    assert (impossible.status_code, impossible.json["code"]) == (409, "report_impossible")
    assert impossible.json["status_now"] == "rejected"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"occurred_at": "2099-01-01T00:00:00Z"}, ["/occurred_at"]),
        ({"occurred_at": "2026-01-01T00:00:00"}, ["/occurred_at"]),
        ({"status": "resulted"}, ["/status"]),
        ({"status": "placed"}, ["/status"]),
        ({"status": "rejected"}, ["/reason_code"]),
        ({"status": "rejected", "reason_code": "message_refused"}, ["/reason_code"]),
        ({"reason_code": "other"}, ["/reason_code"]),
    ],
)
def test_a_report_that_cannot_be_is_named(
    laboratory: Caller, ordered: UUID, changes: dict[str, Any], expected: list[str]
) -> None:
    body = {"status": "collected", "occurred_at": utcnow().isoformat(), **changes}
    answer = laboratory.post(f"/lab/orders/{ordered}/status", body)
    assert (answer.status_code, pointers(answer)) == (422, expected)


@pytest.mark.parametrize("who", ["patient", "physician", "nurse"])
def test_the_feed_is_for_laboratories(who: str, request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue(who).get("/lab/orders").status_code == 403


@pytest.mark.parametrize(
    ("before", "after"),
    [pair for pair in product(RequisitionStatus, repeat=2) if pair[0] != "draft"],
    ids=str,
)
def test_progress_goes_ahead_or_nowhere(
    clinic: SmallClinic, ordered: UUID, before: RequisitionStatus, after: RequisitionStatus
) -> None:
    ended = before in REQUISITION.ends
    change(
        load(ordered),
        status=before,
        closed_at=utcnow() if ended else None,
        expected_by=None if ended else utcnow() + timedelta(days=1),
    )
    actor = laboratory_actor(clinic.laboratory)
    with transaction(actor) as session:
        moved = service.report_progress(
            session=session, actor=actor, requisition_id=ordered, status=after, now=utcnow()
        )
    allowed = REQUISITION.allows(before, after, actor.kind) and rules.goes_ahead(before, after)
    assert moved == allowed
    assert load(ordered).status == (after if moved else before)
