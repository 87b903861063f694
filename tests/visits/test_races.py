"""Several at once: editors, releases, the pharmacy and the patient, two workers."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from portal.core.clock import utcnow
from portal.visits import service
from portal.visits.states import InstructionKind
from tests.requisitions.conftest import order
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.races import at_once
from tests.support.work import drain
from tests.visits.conftest import (
    ago,
    as_worker,
    in_days,
    instruction,
    items,
    load,
    plan,
    release,
    released,
    set_row,
    told,
    write,
    written,
)
from workers import schedule

MANY = 6


@pytest.fixture
def physicians(app: Flask, physician: Caller) -> list[Caller]:
    """The physician, at several screens."""
    return [Caller(app, physician.token) for _ in range(MANY)]


def statuses(answers: list[Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_one_of_many_editors_changes_a_visit(physicians: list[Caller], planned: UUID) -> None:
    match = {"If-Match": '"1"'}

    def change(who: Caller, number: int) -> Callable[[], Any]:
        body = {"reason": f"Reason {number}"}
        return lambda: who.patch(f"/visits/{planned}", body, headers=match)

    answers = at_once(*(change(who, number) for number, who in enumerate(physicians)))
    assert statuses(answers) == {200: 1, 412: MANY - 1}
    [won] = [answer.json["reason"] for answer in answers if answer.status_code == 200]
    assert (load(planned).reason, load(planned).version) == (won, 2)


def test_one_of_many_begins_the_draft(physicians: list[Caller], held: UUID) -> None:
    match = {"If-Match": '"0"'}

    def begin(who: Caller) -> Callable[[], Any]:
        return lambda: write(who, held, written(), headers=match)

    answers = at_once(*(begin(who) for who in physicians))
    assert statuses(answers) == {200: 1, 412: MANY - 1}


def test_a_summary_is_released_once(physicians: list[Caller], held: UUID) -> None:
    write(physicians[0], held, written({"kind": "other", "text": "Rest."}))

    def give(who: Caller) -> Callable[[], Any]:
        return lambda: release(who, held)

    answers = at_once(*(give(who) for who in physicians))
    assert statuses(answers) == {200: 1, 409: MANY - 1}
    codes = {answer.json["code"] for answer in answers if answer.status_code == 409}
    assert codes == {"summary_already_released"}
    drain()
    assert told() == ["visit_summary_released"]
    assert instruction(held).status == "open"


def test_a_visit_begins_once(physicians: list[Caller], planned: UUID) -> None:
    def begin(who: Caller) -> Callable[[], Any]:
        return lambda: who.post(f"/visits/{planned}/start")

    assert statuses(at_once(*(begin(who) for who in physicians))) == {200: 1, 409: MANY - 1}


def test_a_patient_and_the_workers_mark_the_same(
    clinic: SmallClinic, physicians: list[Caller], held: UUID
) -> None:
    [target] = order(physicians[0], clinic)
    released(physicians[0], held, {"kind": "test", "text": "Blood.", "target_id": str(target)})
    id_ = instruction(held).id
    note = {"kind": InstructionKind.TEST, "target_id": target, "now": utcnow()}
    answer, *counts = at_once(
        lambda: physicians[0].post(f"/visits/{held}/instructions/{id_}/done"),
        lambda: as_worker(service.note_done, **note),
        lambda: as_worker(service.note_done, **note),
    )
    assert (answer.status_code == 200) + sum(counts) == 1
    assert answer.status_code in (200, 409)
    assert instruction(held).status == "done"


def test_two_ticks_find_each_once(physicians: list[Caller], clinic: SmallClinic) -> None:
    for _ in range(4):
        visit = plan(physicians[0], clinic, starts_at=None)
        physicians[0].post(f"/visits/{visit}/start")
        released(
            physicians[0], visit, {"kind": "other", "text": "Rest.", "due_on": in_days(1)[:10]}
        )
        set_row("visit_instruction", instruction(visit).id, due_at=ago(hours=1))
        set_row("visit", visit, summary_due_at=ago(hours=1))
    overdue = schedule.find_overdue_instructions
    missing = schedule.find_missing_summaries
    counts = at_once(overdue, overdue, missing, missing)
    assert (sum(counts[:2]), sum(counts[2:])) == (4, 4)
    drain()
    assert Counter(item.kind for item in items()) == {
        "visit_instruction_overdue": 4,
        "summary_missing": 4,
    }
    assert told().count("visit_instruction_overdue") == 4
