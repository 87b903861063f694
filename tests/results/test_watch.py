"""What the ticks find: results that nobody looked at, and patients whom nobody has told."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.loops import check
from portal.directory.rules import Calendar
from portal.results.rules import business_hours_ago
from tests.results.conftest import (
    CRITICAL,
    HIGH,
    NORMAL,
    items,
    load,
    order,
    receive,
    received,
    set_report,
    told,
    wish,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain
from workers import schedule


def released_ago(small: SmallClinic, values: Any, **ago: float) -> UUID:
    report = received(small, values)
    set_report(report, released_at=utcnow() - timedelta(**ago))
    return report


@pytest.mark.parametrize(
    ("values", "hours", "reminded", "asked"),
    [
        (NORMAL, 71, False, False),
        (NORMAL, 73, True, False),
        (NORMAL, 7 * 24 - 1, True, False),
        (NORMAL, 7 * 24 + 1, True, True),
        (HIGH, 23, False, False),
        (HIGH, 25, True, False),
        (HIGH, 73, True, True),
        (CRITICAL, 73, True, True),
    ],
)
def test_unseen_results_are_reminded_of_then_asked_about(
    clinic: SmallClinic, values: Any, hours: float, reminded: bool, asked: bool
) -> None:
    report = released_ago(clinic, values, hours=hours)
    assert schedule.find_unseen() == int(reminded)
    assert schedule.find_unseen() == 0
    drain()
    assert ("result_reminder" in told(clinic.patient.id)) == reminded
    assert (load(report).reminded_at is not None) == reminded
    found = items(kind="result_unseen")
    assert [item.subject_id for item in found] == ([report] if asked else [])
    assert all((item.pool_id, item.assignee_id) == (clinic.nurses.id, None) for item in found)


def test_a_look_ends_the_asking(clinic: SmallClinic, patient: Caller) -> None:
    report = released_ago(clinic, NORMAL, days=8)
    schedule.find_unseen()
    assert len(items(kind="result_unseen")) == 1
    patient.get(f"/results/{report}")
    assert items(kind="result_unseen") == []
    assert schedule.find_unseen() == 0


def test_who_has_it_by_letter_need_not_look(clinic: SmallClinic) -> None:
    wish(clinic, by="letter")
    released_ago(clinic, HIGH, days=30)
    assert schedule.find_unseen() == 0


def test_what_was_asked_about_is_not_asked_about_again(clinic: SmallClinic, nurse: Caller) -> None:
    released_ago(clinic, NORMAL, days=8)
    schedule.find_unseen()
    [item] = items(kind="result_unseen")
    done = nurse.post(
        f"/worklist/{item.id}/complete",
        {"outcome": "Called: she knows."},
        headers={"If-Match": "*"},
    )
    assert done.status_code == 200, done.text
    assert (schedule.find_unseen(), items(kind="result_unseen")) == (0, [])


def reviewed_ago(small: SmallClinic, physician: Caller, **ago: float) -> UUID:
    """A result whose patient wants a letter, which nobody has printed."""
    wish(small, by="letter")
    report = received(small)
    assert physician.post(f"/results/{report}/review", {"version": 1}).status_code == 200
    set_report(report, reviewed_at=utcnow() - timedelta(**ago))
    return report


def test_a_reviewed_result_that_nobody_told_is_found_once(
    clinic: SmallClinic, physician: Caller
) -> None:
    report = reviewed_ago(clinic, physician, days=10)
    assert [schedule.find_uncommunicated(), schedule.find_uncommunicated()] == [1, 0]
    drain()
    [item] = items(kind="result_communication")
    assert (item.subject_id, item.pool_id, item.assignee_id) == (report, clinic.nurses.id, None)
    assert physician.post(f"/results/{report}/communicated", {"how": "phone"}).status_code == 200
    assert (schedule.find_uncommunicated(), items(kind="result_communication")) == (0, [])


def test_three_business_days_are_given(clinic: SmallClinic, physician: Caller) -> None:
    reviewed_ago(clinic, physician, hours=23)
    assert schedule.find_uncommunicated() == 0


def test_who_was_told_is_not_asked_about(clinic: SmallClinic, physician: Caller) -> None:
    report = received(clinic)
    physician.post(f"/results/{report}/review", {"version": 1})
    set_report(report, reviewed_at=utcnow() - timedelta(days=30))
    assert schedule.find_uncommunicated() == 0


def test_business_hours_are_counted_back() -> None:
    monday_noon = datetime(2026, 3, 9, 12, tzinfo=UTC)
    a_minute = timedelta(minutes=1)
    office = Calendar(ZoneInfo("UTC"), {day: (time(8), time(17)) for day in range(5)})
    back = business_hours_ago(office, monday_noon, 24)
    assert abs(back - datetime(2026, 3, 4, 15, tzinfo=UTC)) <= a_minute
    assert office.add_business(back, 24) <= monday_noon
    always = Calendar(ZoneInfo("UTC"), {})
    back = business_hours_ago(always, monday_noon, 24)
    assert abs(monday_noon - timedelta(hours=24) - back) <= a_minute


def broken(days: float = 0) -> set[str]:
    with transaction(OPERATOR) as session:
        return {each.rule for each in check(session, now=utcnow() + timedelta(days=days))}


def test_the_promise_is_kept_while_the_workers_work(clinic: SmallClinic, physician: Caller) -> None:
    for values in (NORMAL, HIGH, CRITICAL):
        received(clinic, values)
    assert broken() == set()


PENDING = "a result has values and nothing was decided about its release"
UNREVIEWED = "a final result was not reviewed and nobody has it on a worklist"
UNASKED = "a critical value came and nobody was asked to acknowledge it"
UNSEEN = "a released result was not seen for long and nobody was asked to see to it"
KEPT = "a result is kept from its patient past its time"
UNTOLD = "a result was reviewed, the patient was not told and nobody sees to it"
UNDECIDED = "an abnormal result was reviewed and nothing decided about its follow-up"
UNARRANGED = "a follow-up was asked for and has neither an order nor a work item"
ORDER_WAITS = "a result is final and its requisition waits for it still"


def test_what_the_workers_never_followed_is_found(clinic: SmallClinic) -> None:
    receive(clinic, CRITICAL, at=utcnow() - timedelta(hours=1))
    assert {PENDING, UNREVIEWED, UNASKED} <= broken()


def test_what_nobody_looks_at_is_found(clinic: SmallClinic) -> None:
    received(clinic)
    assert UNSEEN in broken(days=8)
    assert UNSEEN not in broken(days=6)


def test_what_is_kept_too_long_is_found(clinic: SmallClinic) -> None:
    wish(clinic, when="after_comment")
    received(clinic)
    assert KEPT in broken(days=8)
    assert KEPT not in broken(days=6)


def test_whom_nobody_told_is_found(clinic: SmallClinic, physician: Caller) -> None:
    reviewed_ago(clinic, physician, days=1)
    assert UNTOLD in broken(days=14)
    schedule.find_uncommunicated()
    set_report(items(kind="result_review", still_open=False)[0].subject_id, seen_at=utcnow())
    assert UNTOLD not in broken(days=5)


def test_an_order_that_waits_for_a_final_result_is_found(clinic: SmallClinic) -> None:
    ordered = order(clinic, status="collected").id
    report = received(clinic, requisition_id=ordered)
    assert ORDER_WAITS not in broken(days=1)
    again = order(clinic, status="collected").id
    set_report(report, requisition_id=again)
    assert ORDER_WAITS in broken(days=1)


def test_decisions_that_were_not_made_or_lost_are_found(
    clinic: SmallClinic, physician: Caller
) -> None:
    report = received(clinic, HIGH)
    body = {"version": 1, "follow_up": {"kind": "visit"}}
    assert physician.post(f"/results/{report}/review", body).status_code == 200
    assert {UNDECIDED, UNARRANGED}.isdisjoint(broken())
    with transaction(OPERATOR) as session:
        session.execute(text("UPDATE work_item SET kind = 'result_unseen'"))
    assert UNARRANGED in broken()
    with transaction(OPERATOR) as session:
        session.execute(text("UPDATE result_review SET follow_up = 'none'"))
    assert UNDECIDED in broken()
