"""When a result becomes visible to the patient."""

from datetime import timedelta
from typing import Any

import pytest

from portal.core.clock import utcnow
from portal.results import service
from tests.results.conftest import (
    CRITICAL,
    HIGH,
    NORMAL,
    as_worker,
    items,
    ledger,
    load,
    receive,
    receive_next,
    received,
    set_report,
    told,
    wish,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain
from workers import schedule

REASON = "Discussed with the family first."


def hold_body(**changes: Any) -> dict[str, Any]:
    until = utcnow() + timedelta(days=10)
    body = {"exception": "preventing_harm", "reason": REASON, "until": until.isoformat()}
    return {**body, **changes}


@pytest.mark.parametrize("values", [NORMAL, HIGH, CRITICAL])
@pytest.mark.parametrize("status", ["partial", "preliminary", "final", "corrected"])
def test_what_has_values_is_released_at_once(
    clinic: SmallClinic, patient: Caller, values: Any, status: str
) -> None:
    report = receive(clinic, values, status)
    assert patient.get(f"/results/{report}").status_code == 404, "nothing was decided yet"
    drain()
    assert ledger(report) == [("released", "at_once")]
    assert patient.get(f"/results/{report}").json["status"] == status
    assert told(clinic.patient.id) == ["result_available"]
    assert load(report).communicated_at is not None


@pytest.mark.parametrize("status", ["registered", "cancelled", "entered_in_error"])
def test_what_has_no_values_releases_nothing(
    clinic: SmallClinic, patient: Caller, status: str
) -> None:
    report = received(clinic, (), status)
    assert (load(report).release_status, ledger(report)) == ("pending", [])
    assert patient.get(f"/results/{report}").status_code == 404
    assert told(clinic.patient.id) == []


def test_what_was_released_stays_visible(clinic: SmallClinic, patient: Caller) -> None:
    report = received(clinic, NORMAL, "preliminary")
    wish(clinic, when="after_comment")
    for status in ("final", "corrected", "entered_in_error"):
        receive_next(report, HIGH, status)
        drain()
        assert patient.get(f"/results/{report}").json["status"] == status
    assert ledger(report) == [("released", "at_once")]


def test_a_wish_to_wait_is_bounded(clinic: SmallClinic, patient: Caller) -> None:
    wish(clinic, when="after_comment")
    report = received(clinic, NORMAL, "preliminary")
    first = load(report)
    assert first.release_due_at == first.received_at + timedelta(days=7)
    receive_next(report, NORMAL, "final")
    drain()
    assert load(report).release_due_at == first.release_due_at, "counts from the first values"
    assert patient.get("/results").json["items"] == []
    assert schedule.release_due() == 0
    set_report(report, release_due_at=utcnow() - timedelta(seconds=1))
    assert [schedule.release_due(), schedule.release_due()] == [1, 0]
    drain()
    assert ledger(report)[-1] == ("released", "waited_long_enough")
    assert told(clinic.patient.id) == ["result_available"]


def test_values_that_came_long_ago_wait_no_longer(clinic: SmallClinic) -> None:
    wish(clinic, when="after_comment")
    report = received(clinic, at=utcnow() - timedelta(days=8))
    assert ledger(report) == [("released", "waited_long_enough")]


def test_a_comment_releases_what_waited_for_it(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    wish(clinic, when="after_comment")
    report = received(clinic)
    answer = physician.post(f"/results/{report}/review", {"version": 1, "comment": "All fine."})
    assert answer.status_code == 200, answer.text
    drain()
    assert ledger(report)[-1] == ("released", "commented")
    assert told(clinic.patient.id) == ["result_available"], "the comment is part of it"
    [comment] = patient.get(f"/results/{report}").json["comments"]
    assert (comment["comment"], comment["by"]) == ("All fine.", clinic.physician.name)


def test_a_review_without_a_comment_leaves_it_waiting(
    clinic: SmallClinic, physician: Caller
) -> None:
    wish(clinic, when="after_comment")
    report = received(clinic)
    assert physician.post(f"/results/{report}/review", {"version": 1}).status_code == 200
    drain()
    assert load(report).release_status == "deferred"


def test_who_no_longer_wants_to_wait_sees_it(clinic: SmallClinic, patient: Caller) -> None:
    wish(clinic, when="after_comment")
    report = received(clinic)
    wish(clinic, when="at_once")
    assert [schedule.release_due(), schedule.release_due()] == [1, 0]
    drain()
    assert ledger(report)[-1] == ("released", "by_patient")
    assert patient.get(f"/results/{report}").status_code == 200


def test_a_practitioner_holds_and_releases(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    report = receive(clinic)
    answer = physician.post(f"/results/{report}/hold", hold_body())
    assert answer.status_code == 200, answer.text
    drain()
    assert answer.json["release"]["status"] == "held"
    assert answer.json["ledger"][0]["reason"] == REASON
    assert patient.get(f"/results/{report}").status_code == 404
    again = physician.post(f"/results/{report}/hold", hold_body())
    assert (again.status_code, again.json["code"]) == (409, "illegal_transition")
    released = physician.post(f"/results/{report}/release")
    assert released.json["release"]["status"] == "released"
    drain()
    seen = patient.get(f"/results/{report}").json
    assert [entry["rule"] for entry in seen["ledger"]] == ["by_practitioner", "by_practitioner"]
    assert all("reason" not in entry for entry in seen["ledger"])
    assert told(clinic.patient.id) == ["result_available"]


def test_a_hold_ends_by_itself(clinic: SmallClinic, patient: Caller, physician: Caller) -> None:
    report = receive(clinic, HIGH)
    physician.post(f"/results/{report}/hold", hold_body())
    drain()
    set_report(report, release_due_at=utcnow() - timedelta(minutes=1))
    assert schedule.release_due() == 1
    drain()
    assert ledger(report) == [("held", "by_practitioner"), ("released", "hold_expired")]
    assert patient.get(f"/results/{report}").status_code == 200


def test_a_deferred_result_can_be_held(clinic: SmallClinic, physician: Caller) -> None:
    wish(clinic, when="after_comment")
    report = received(clinic)
    assert physician.post(f"/results/{report}/hold", hold_body()).status_code == 200
    physician.post(f"/results/{report}/review", {"version": 1, "comment": "Call me."})
    drain()
    assert load(report).release_status == "held", "a comment doesn't end a person's hold"


def test_what_is_released_is_neither_held_nor_released_again(
    clinic: SmallClinic, physician: Caller
) -> None:
    report = received(clinic)
    for path, body in (("hold", hold_body()), ("release", {})):
        answer = physician.post(f"/results/{report}/{path}", body)
        assert (answer.status_code, answer.json["code"]) == (409, "already_released")
        assert answer.json["released_at"]


def test_nothing_is_released_before_there_is_anything(
    clinic: SmallClinic, physician: Caller
) -> None:
    report = received(clinic, (), "registered")
    answer = physician.post(f"/results/{report}/release")
    assert (answer.status_code, answer.json["code"]) == (409, "nothing_to_release")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"exception": "blanket_delay"}, "/exception"),
        ({"reason": "Too short"}, "/reason"),
        ({"until": (utcnow() + timedelta(days=31)).isoformat()}, "/until"),
        ({"until": (utcnow() - timedelta(days=1)).isoformat()}, "/until"),
        ({"until": "2026-12-01T10:00:00"}, "/until"),
    ],
)
def test_a_hold_needs_an_exception_a_reason_and_an_end(
    clinic: SmallClinic, physician: Caller, changes: dict[str, Any], pointer: str
) -> None:
    report = receive(clinic)
    answer = physician.post(f"/results/{report}/hold", hold_body(**changes))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert load(report).release_status == "pending"


def test_following_a_version_twice_changes_nothing(clinic: SmallClinic) -> None:
    report = receive(clinic, CRITICAL)
    version = load(report).current_version_id
    for _ in range(3):
        as_worker(service.follow_version, report_id=report, version_id=version, now=utcnow())
    drain()
    assert ledger(report) == [("released", "at_once")]
    assert told(clinic.patient.id) == ["result_available"]
    assert sorted(item.kind for item in items()) == ["result_critical", "result_review"]


def test_what_is_reported_after_all_is_believed(clinic: SmallClinic, patient: Caller) -> None:
    report = received(clinic, (), "cancelled")
    receive_next(report, NORMAL, "final")
    drain()
    assert patient.get(f"/results/{report}").json["status"] == "final"
    assert [item.kind for item in items()] == ["result_review"]
    assert told(clinic.patient.id) == ["result_available"]


def test_a_comment_made_before_anything_was_decided_counts(
    clinic: SmallClinic, physician: Caller
) -> None:
    wish(clinic, when="after_comment")
    report = receive(clinic)
    physician.post(f"/results/{report}/review", {"version": 1, "comment": "All fine."})
    drain()
    assert ledger(report) == [("released", "commented")]
    assert told(clinic.patient.id) == ["result_available"]
    assert items() == []
