"""What is found at intervals, what is due before a visit, and the promise itself."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.core import loops
from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.visits import service
from tests.refills.conftest import TODAY
from tests.requisitions.conftest import LIPID, order
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, prescription
from tests.support.statements import recorded
from tests.support.work import drain
from tests.visits.conftest import (
    WEIGHT,
    ago,
    as_worker,
    in_days,
    instruction,
    items,
    load,
    measure,
    plan,
    released,
    set_row,
    step,
    value,
)
from workers import schedule


def find(now: datetime | None = None) -> int:
    count: int = as_worker(service.find_missing_summaries, now=now or utcnow(), limit=10)
    return count


def test_a_summary_is_due_two_business_days_after_the_visit(physician: Caller, held: UUID) -> None:
    due = load(held).summary_due_at
    days = business_days(load(held).ended_at, due)
    assert 1 <= days <= 3
    assert physician.get(f"/visits/{held}").json["summary_due_at"] is not None


def business_days(start: datetime, end: datetime) -> int:
    """Days on which the clinic is open that lie between, in its time zone."""
    zone = ZoneInfo("America/New_York")
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    span = (last - first).days
    return sum((first + timedelta(days=n)).weekday() < 5 for n in range(1, span + 1))


def test_a_missing_summary_is_the_practitioners_until_it_is_released(
    physician: Caller, clinic: SmallClinic, held: UUID
) -> None:
    assert find() == 0
    set_row("visit", held, summary_due_at=ago(minutes=1))
    assert [find(), find()] == [1, 0]
    drain()
    [item] = items("summary_missing")
    assert (item.assignee_id, item.subject_id) == (clinic.physician.id, held)
    assert item.due_at > utcnow()
    listed = physician.get("/worklist").json["items"]
    assert [one["link"] for one in listed] == [f"/api/v1/visits/{held}"]
    released(physician, held)
    [item] = items("summary_missing")
    assert (item.status, item.outcome) == ("done", "released")
    assert find() == 0


def test_a_visit_that_nobody_finished_has_its_summary_due_too(going_on: UUID) -> None:
    assert load(going_on).summary_due_at is not None
    set_row("visit", going_on, summary_due_at=ago(minutes=1))
    assert find() == 1


def test_nothing_is_due_of_what_was_called_off_or_an_error(
    physician: Caller, planned: UUID, held: UUID
) -> None:
    set_row("visit", held, summary_due_at=ago(minutes=1))
    find()
    step(physician, planned, "cancel", reason="Not needed")
    step(physician, held, "entered-in-error", reason="Another patient's")
    assert [load(one).summary_due_at for one in (planned, held)] == [None, None]
    assert items("summary_missing")[0].outcome == "entered in error"


def test_the_ticks_find_both(physician: Caller, clinic: SmallClinic, held: UUID) -> None:
    released(physician, held, {"kind": "other", "text": "Rest.", "due_on": in_days(1)[:10]})
    set_row("visit_instruction", instruction(held).id, due_at=ago(hours=1))
    other = plan(physician, clinic, starts_at=None)
    step(physician, other, "start")
    set_row("visit", other, summary_due_at=ago(hours=1))
    for tick, count in (("find_missing_summaries", 1), ("find_overdue_instructions", 1)):
        assert [schedule.TICKS[tick](), schedule.TICKS[tick]()] == [count, 0]


def broken() -> set[str]:
    """The rules of the promise about visits that are broken in an hour."""
    with transaction(OPERATOR) as session:
        found = loops.check(session, now=utcnow() + timedelta(hours=1))
    return {one.rule for one in found if "visit" in one.rule}


def test_the_promise(physician: Caller, held: UUID, going_on: UUID) -> None:
    assert held == going_on
    drain()
    assert broken() == set()
    set_row("visit", held, summary_due_at=ago(minutes=1))
    assert broken() == {
        "a visit was held, its summary was not released in time and nobody was told"
    }
    find()
    assert broken() == set()
    set_row("visit", held, summary_due_at=None)
    assert broken() == {"a visit was held and has neither a summary nor a time by which it is due"}
    released(physician, held, {"kind": "other", "text": "Rest.", "due_on": in_days(1)[:10]})
    drain()
    assert broken() == set()
    id_ = instruction(held).id
    set_row("visit_instruction", id_, due_at=ago(hours=1))
    assert broken() == {"what a visit asked for is overdue and nobody was told"}
    schedule.TICKS["find_overdue_instructions"]()
    drain()
    assert broken() == set()
    set_row("visit_instruction", id_, status="cancelled", closed_at=ago(hours=1))
    assert broken() == {
        "somebody is to ask about what was done after a visit, or is not wanted any more"
    }


def due(who: Caller, visit: UUID) -> list[dict[str, Any]]:
    answer = who.get(f"/visits/{visit}/due")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["items"]
    return found


def test_what_is_due_before_a_visit(
    physician: Caller, patient: Caller, clinic: SmallClinic, held: UUID
) -> None:
    [now_due] = order(physician, clinic, LIPID)
    order(physician, clinic, not_before=in_days(30)[:10])
    dates: dict[str, Any] = {
        "written_on": TODAY - timedelta(days=90),
        "expires_on": TODAY + timedelta(days=90),
    }
    runs_out = prescription(clinic, last_filled_on=TODAY - timedelta(days=25), **dates)
    prescription(clinic, last_filled_on=TODAY - timedelta(days=5), **dates)
    prescription(clinic, last_filled_on=TODAY - timedelta(days=400), **dates)
    prescription(clinic, last_filled_on=TODAY - timedelta(days=25), status="stopped", **dates)
    released(
        physician,
        held,
        {"kind": "other", "text": "Keep a diary.", "due_on": in_days(5)[:10]},
        {"kind": "visit", "text": "Come again.", "due_on": in_days(5)[:10]},
        {"kind": "other", "text": "Sell the car.", "due_on": in_days(50)[:10]},
    )
    visit = plan(physician, clinic, starts_at=in_days(10))
    found = due(patient, visit)
    assert [(one["kind"], one["id"]) for one in found] == [
        ("test", str(now_due)),
        ("fill", str(runs_out.id)),
        ("other", found[2]["id"]),
    ]
    assert found[0]["what_to_do"].startswith("Go to Acme Laboratory")
    assert "Eat nothing for 12 hours before." in found[0]["what_to_do"]
    assert found[1]["title"] == "Lisinopril 10 mg"
    assert found[1]["what_to_do"].startswith(f"It lasts until {TODAY + timedelta(days=5)}")
    assert found[2]["what_to_do"] == "Keep a diary."
    for one in found:
        assert patient.request("GET", one["link"]).status_code == 200
    assert due(physician, visit) == found


def test_what_ran_out_says_so(physician: Caller, clinic: SmallClinic) -> None:
    dates: dict[str, Any] = {
        "written_on": TODAY - timedelta(days=90),
        "expires_on": TODAY + timedelta(days=90),
        "last_filled_on": TODAY - timedelta(days=40),
    }
    prescription(clinic, **dates)
    [found] = due(physician, plan(physician, clinic))
    assert found["what_to_do"].startswith(f"It ran out on {TODAY - timedelta(days=10)}.")


def test_nothing_is_due_before_what_is_past(
    physician: Caller, clinic: SmallClinic, held: UUID
) -> None:
    order(physician, clinic)
    assert due(physician, held) == []


def test_what_is_read_takes_as_many_statements_however_much_there_is(
    physician: Caller, patient: Caller, clinic: SmallClinic
) -> None:
    counts = []
    for many in (1, 8):
        visit = plan(physician, clinic, starts_at=None)
        step(physician, visit, "start")
        measure(physician, visit, *[value(WEIGHT, 70 + n, "kg") for n in range(many)])
        released(physician, visit, *({"kind": "other", "text": f"{n}"} for n in range(many)))
        step(physician, visit, "finish")
        paths = (f"/visits/{visit}", f"/visits/{visit}/summary", "/visits?when=past", "/vitals")
        for path in (*paths, "/instructions"):
            with recorded() as statements:
                assert patient.get(path).status_code == 200
            counts.append((path.replace(str(visit), "…"), len(statements)))
    assert counts[:5] == counts[5:]
