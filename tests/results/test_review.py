"""The practitioner's review, and what it is followed by."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from portal.core.actor import OPERATOR, ActorKind
from portal.core.db import transaction
from portal.requisitions.model import Requisition
from portal.results.review_model import FollowUp, ResultReview
from tests.referrals.conftest import refer
from tests.results.conftest import (
    CRITICAL,
    HIGH,
    NORMAL,
    Value,
    items,
    load,
    order,
    receive,
    receive_next,
    received,
    told,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, care_team, token_for
from tests.support.work import drain

NO_FOLLOW_UP = {"kind": "none", "reason": "Known and stable for years."}
READ_BACK = {"read_back": "Potassium 6.8"}


def within(kind: str, days: int) -> dict[str, Any]:
    return {"version": 1, "follow_up": {"kind": kind, "within_days": days}}


def review_item() -> Any:
    [item] = items(kind="result_review")
    return item


@pytest.mark.parametrize(
    ("values", "priority"),
    [
        (NORMAL, "routine"),
        ((Value("seen", "unknown"),), "routine"),
        (HIGH, "urgent"),
        (CRITICAL, "stat"),
    ],
)
@pytest.mark.parametrize("status", ["final", "corrected", "amended"])
def test_a_final_result_is_on_a_worklist(
    clinic: SmallClinic, values: Any, priority: str, status: str
) -> None:
    report = received(clinic, values, status)
    item = review_item()
    assert (item.subject_id, item.priority) == (report, priority)
    assert (item.assignee_id, item.pool_id) == (clinic.physician.id, clinic.nurses.id)


@pytest.mark.parametrize(
    "status", ["registered", "partial", "preliminary", "cancelled", "entered_in_error"]
)
def test_what_is_not_final_is_not_reviewed(
    clinic: SmallClinic, physician: Caller, status: str
) -> None:
    report = received(clinic, NORMAL, status)
    assert items(kind="result_review") == []
    answer = physician.post(f"/results/{report}/review", {"version": 1})
    assert (answer.status_code, answer.json["code"]) == (409, "not_reviewable")


def test_a_review_closes_the_item_and_tells_the_patient(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    report = received(clinic)
    answer = physician.post(f"/results/{report}/review", {"version": 1, "comment": "All fine."})
    assert answer.status_code == 200, answer.text
    assert (answer.json["reviewed_by"], answer.json["comments"][0]["comment"]) == (
        clinic.physician.name,
        "All fine.",
    )
    drain()
    assert items() == []
    assert told(clinic.patient.id) == ["result_available", "result_commented"]
    assert patient.get(f"/results/{report}").json["comments"][0]["comment"] == "All fine."


def test_a_correction_is_reviewed_again(clinic: SmallClinic, physician: Caller) -> None:
    report = received(clinic)
    physician.post(f"/results/{report}/review", {"version": 1})
    receive_next(report, HIGH, "corrected")
    drain()
    assert (load(report).reviewed_at, review_item().priority) == (None, "urgent")
    late = physician.post(f"/results/{report}/review", {"version": 1})
    assert (late.status_code, late.json["code"]) == (409, "version_not_current")
    assert late.json["version_now"] == 2
    body = {"version": 2, "follow_up": NO_FOLLOW_UP}
    assert physician.post(f"/results/{report}/review", body).status_code == 200
    assert items() == []


def test_a_correction_that_nobody_followed_yet_is_not_taken_for_reviewed(
    clinic: SmallClinic, physician: Caller
) -> None:
    report = received(clinic)
    physician.post(f"/results/{report}/review", {"version": 1})
    receive_next(report, NORMAL, "corrected")
    assert physician.post(f"/results/{report}/review", {"version": 2}).status_code == 200
    drain()
    assert (load(report).reviewed_version, items()) == (2, [])


def test_an_item_that_waits_becomes_more_pressing(clinic: SmallClinic) -> None:
    report = received(clinic)
    before = review_item()
    receive_next(report, HIGH, "corrected")
    drain()
    after = review_item()
    assert (after.id, before.priority, after.priority) == (before.id, "routine", "urgent")
    assert after.due_at < before.due_at
    receive_next(report, NORMAL, "corrected")
    drain()
    assert review_item().priority == "urgent", "never less pressing"


def test_what_was_taken_back_needs_no_review(clinic: SmallClinic) -> None:
    report = received(clinic)
    receive_next(report, (), "entered_in_error")
    drain()
    assert items() == []
    [item] = items(kind="result_review", still_open=False)
    assert item.status == "cancelled"
    assert load(report).release_status == "released"


def test_the_second_of_two_reviewers_is_told_who_was_first(app: Flask, clinic: SmallClinic) -> None:
    add(care_team(clinic.patient, clinic.colleague, "specialist"))
    report = received(clinic)
    people = (clinic.physician, clinic.colleague)
    tokens = [token_for(ActorKind.PRACTITIONER, who.id, who.name) for who in people]
    start = Barrier(2)

    def review(token: str) -> Any:
        start.wait()
        return Caller(app, token).post(f"/results/{report}/review", {"version": 1})

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(review, tokens), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [200, 409]
    lost = answers[1].json
    assert (lost["code"], lost["reviewed_by"]) == (
        "already_reviewed",
        answers[0].json["reviewed_by"],
    )
    assert lost["reviewed_at"]
    with transaction(OPERATOR) as session:
        assert len(session.scalars(select(ResultReview)).all()) == 1


def test_an_abnormal_result_without_follow_up_needs_a_reason(
    clinic: SmallClinic, physician: Caller
) -> None:
    report = received(clinic, HIGH)
    answer = physician.post(f"/results/{report}/review", {"version": 1, "comment": "Hm."})
    assert (answer.status_code, answer.json["code"]) == (422, "reason_missing")
    assert answer.json["errors"][0]["pointer"] == "/follow_up/reason"
    assert load(report).reviewed_at is None
    body = {"version": 1, "follow_up": NO_FOLLOW_UP}
    reviewed = physician.post(f"/results/{report}/review", body)
    assert reviewed.json["comments"][0]["reason"] == NO_FOLLOW_UP["reason"]


def test_a_critical_result_is_acknowledged_first(clinic: SmallClinic, physician: Caller) -> None:
    report = receive(clinic, CRITICAL)
    body = {"version": 1, "follow_up": {"kind": "visit"}}
    for _ in range(2):  # before the workers have raised the alert, and afterwards
        answer = physician.post(f"/results/{report}/review", body)
        assert (answer.status_code, answer.json["code"]) == (409, "acknowledge_first")
        drain()
    assert physician.post(f"/results/{report}/acknowledge", READ_BACK).status_code == 200
    assert physician.post(f"/results/{report}/review", body).status_code == 200


@pytest.mark.parametrize(
    ("kind", "assigned"), [("visit", False), ("referral", False), ("message", True)]
)
def test_each_follow_up_opens_a_loop(
    clinic: SmallClinic, patient: Caller, physician: Caller, kind: str, assigned: bool
) -> None:
    report = received(clinic, HIGH)
    follow_up = {"kind": kind, "within_days": 10, "note": "Blood pressure too."}
    body = {"version": 1, "follow_up": follow_up}
    answer = physician.post(f"/results/{report}/review", body)
    assert answer.status_code == 200, answer.text
    drain()
    [item] = items()
    [shown] = patient.get(f"/results/{report}").json["follow_ups"]
    assert (item.kind, str(item.subject_id)) == ("result_follow_up", shown["id"])
    assert item.assignee_id == (clinic.physician.id if assigned else None)
    assert item.pool_id == clinic.nurses.id
    assert (shown["kind"], shown["note"]) == (kind, "Blood pressure too.")
    assert shown["due_on"] <= item.due_at.date().isoformat()


def test_a_test_is_ordered_again(clinic: SmallClinic, physician: Caller) -> None:
    ordered = order(clinic, status="collected").id
    report = received(clinic, HIGH, requisition_id=ordered)
    body = {"version": 1, "follow_up": {"kind": "repeat_test", "within_days": 30}}
    answer = physician.post(f"/results/{report}/review", body)
    assert answer.status_code == 200, answer.text
    [shown] = answer.json["follow_ups"]
    with transaction(OPERATOR) as session:
        again = session.get_one(Requisition, shown["requisition_id"])
        row = session.scalars(select(FollowUp)).one()
    assert again.id != ordered
    assert (again.test_code, again.not_before) == ("24323-8", row.due_on)


def test_what_was_not_ordered_here_is_ordered_again_by_hand(
    clinic: SmallClinic, physician: Caller
) -> None:
    report = received(clinic, HIGH)
    body = {"version": 1, "follow_up": {"kind": "repeat_test"}}
    assert physician.post(f"/results/{report}/review", body).status_code == 200
    assert [item.kind for item in items()] == ["result_follow_up"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/version"),
        ({"version": 0}, "/version"),
        ({"version": "one"}, "/version"),
        ({"version": 1, "comment": ""}, "/comment"),
        ({"version": 1, "follow_up": {"kind": "prayer"}}, "/follow_up/kind"),
        (
            {"version": 1, "follow_up": {"kind": "visit", "within_days": 0}},
            "/follow_up/within_days",
        ),
        ({"version": 1, "follow_up": {"kind": "none", "within_days": 3}}, "/follow_up/within_days"),
    ],
)
def test_bad_reviews_name_the_member(
    clinic: SmallClinic, physician: Caller, body: dict[str, Any], pointer: str
) -> None:
    report = received(clinic)
    answer = physician.post(f"/results/{report}/review", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_several_normal_ones_at_once(clinic: SmallClinic, physician: Caller) -> None:
    normal, other, abnormal = received(clinic), received(clinic), received(clinic, HIGH)
    old = received(clinic)
    theirs = {"patient_id": clinic.other_patient.id, "responsible_id": clinic.colleague.id}
    unseen = received(clinic, **theirs)
    wanted = [(normal, 1), (abnormal, 1), (old, 7), (uuid4(), 1), (unseen, 1), (other, 1)]
    body = {"items": [{"result_id": str(id_), "version": version} for id_, version in wanted]}
    answer = physician.post("/results/review", {**body, "comment": "Nothing to worry about."})
    assert answer.status_code == 207, answer.text
    codes = [item.get("problem", {}).get("code") for item in answer.json["items"]]
    missing = "result_not_found"
    assert codes == [None, "not_normal", "version_not_current", missing, missing, None]
    assert [item["outcome"] for item in answer.json["items"]].count("reviewed") == 2
    assert (load(normal).reviewed_by, load(abnormal).reviewed_by) == (clinic.physician.id, None)
    drain()
    assert told(clinic.patient.id).count("result_commented") == 2


def test_all_reviewed_is_200_and_the_second_time_told_who(
    clinic: SmallClinic, physician: Caller
) -> None:
    report = received(clinic)
    body = {"items": [{"result_id": str(report), "version": 1}]}
    assert physician.post("/results/review", body).status_code == 200
    again = physician.post("/results/review", body)
    assert again.status_code == 207
    assert again.json["items"][0]["problem"]["reviewed_by"] == clinic.physician.name
    many = {"items": body["items"] * 101}
    assert physician.post("/results/review", many).status_code == 422


def test_the_same_result_twice_in_one_call(clinic: SmallClinic, physician: Caller) -> None:
    report = received(clinic)
    body = {"items": [{"result_id": str(report), "version": 1}] * 2}
    answer = physician.post("/results/review", body)
    assert [item["outcome"] for item in answer.json["items"]] == ["reviewed", "rejected"]


def referred(physician: Caller, clinic: SmallClinic, report: UUID) -> str:
    """A referral because of a result."""
    return refer(physician, clinic, None, about=[{"kind": "result", "id": str(report)}])


def test_a_referral_because_of_a_result_is_what_its_review_asked_for(
    clinic: SmallClinic, physician: Caller
) -> None:
    report, other = received(clinic, HIGH), received(clinic, HIGH)
    wanted = {"version": 1, "follow_up": {"kind": "referral"}}
    for one in (report, other):
        assert physician.post(f"/results/{one}/review", wanted).status_code == 200
    drain()
    assert len(items(kind="result_follow_up")) == 2
    referral = referred(physician, clinic, report)
    [left] = items(kind="result_follow_up")
    [shown] = physician.get(f"/results/{report}").json["follow_ups"]
    assert (shown["referral_id"], shown["id"] != str(left.subject_id)) == (referral, True)
    referred(physician, clinic, report)
    assert physician.get(f"/results/{report}").json["follow_ups"][0]["referral_id"] == referral
    assert physician.get(f"/results/{other}").json["follow_ups"][0]["referral_id"] is None


def test_who_refers_first_and_reviews_afterwards(clinic: SmallClinic, physician: Caller) -> None:
    report = received(clinic, HIGH)
    referral = referred(physician, clinic, report)
    body = {"version": 1, "follow_up": {"kind": "referral"}}
    assert physician.post(f"/results/{report}/review", body).status_code == 200
    drain()
    assert items(kind="result_follow_up") == []
    assert physician.get(f"/results/{report}").json["follow_ups"][0]["referral_id"] == referral


def test_a_referral_that_has_ended_is_not_what_a_later_review_asks_for(
    clinic: SmallClinic, physician: Caller
) -> None:
    report = received(clinic, HIGH)
    ended = referred(physician, clinic, report)
    assert physician.post(f"/referrals/{ended}/cancel", {}).status_code == 200
    body = {"version": 1, "follow_up": {"kind": "referral"}}
    assert physician.post(f"/results/{report}/review", body).status_code == 200
    drain()
    assert len(items(kind="result_follow_up")) == 1
