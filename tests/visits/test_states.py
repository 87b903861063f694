"""Every pair of statuses against the design's tables, for every kind of mover."""

from itertools import product

import pytest

from portal.core.actor import ActorKind
from portal.core.ids import new_id
from portal.core.states import IllegalTransition
from portal.visits.chart_model import Problem
from portal.visits.model import Visit
from portal.visits.states import (
    INSTRUCTION,
    DoneBy,
    InstructionStatus,
    ProblemStatus,
    SummaryStatus,
    VisitStatus,
)
from portal.visits.summary_model import VisitInstruction, VisitSummary
from tests.support.clinic import NOW, actor

LETTERS = {
    "p": ActorKind.PATIENT,
    "e": ActorKind.DELEGATE,
    "d": ActorKind.PRACTITIONER,
    "s": ActorKind.STAFF,
    "w": ActorKind.WORKER,
}
# Written out a second time on purpose: status -> (next -> who).
VISITS = {
    "planned": {"in_progress": "dsw", "cancelled": "dsw", "entered_in_error": "d"},
    "in_progress": {"finished": "ds", "entered_in_error": "d"},
    "finished": {"entered_in_error": "d"},
}
PROBLEMS = {
    "active": {"remission": "d", "resolved": "d", "entered_in_error": "d"},
    "recurrence": {"remission": "d", "resolved": "d", "entered_in_error": "d"},
    "remission": {"recurrence": "d", "resolved": "d", "entered_in_error": "d"},
    "resolved": {"recurrence": "d", "entered_in_error": "d"},
}
INSTRUCTIONS = {"open": {"done": "pedsw", "cancelled": "dw"}}


def movers(design: dict[str, dict[str, str]], before: str, after: str) -> set[ActorKind]:
    return {LETTERS[letter] for letter in design.get(before, {}).get(after, "")}


@pytest.mark.parametrize(("before", "after"), list(product(VisitStatus, VisitStatus)), ids=str)
def test_every_pair_of_a_visit(before: VisitStatus, after: VisitStatus) -> None:
    for kind in ActorKind:
        visit = Visit(id=new_id(), patient_id=new_id(), status=before, starts_at=NOW, version=1)
        visit.summary_due_at = NOW
        mover = actor(kind, new_id())
        if kind in movers(VISITS, before, after):
            step = visit.move_to(after, actor=mover, now=NOW, reason="because")
            assert (step.from_status, step.to_status, step.reason) == (before, after, "because")
            assert (visit.status, visit.version) == (after, 2)
            assert (visit.summary_due_at is None) == (after in ("cancelled", "entered_in_error"))
        else:
            with pytest.raises(IllegalTransition):
                visit.move_to(after, actor=mover, now=NOW)
            assert (visit.status, visit.version) == (before, 1)


@pytest.mark.parametrize(("before", "after"), list(product(ProblemStatus, ProblemStatus)), ids=str)
def test_every_pair_of_a_problem(before: ProblemStatus, after: ProblemStatus) -> None:
    for kind in ActorKind:
        problem = Problem(id=new_id(), status=before)
        if kind in movers(PROBLEMS, before, after):
            problem.move_to(after, actor=actor(kind, new_id()))
            assert problem.status == after
        else:
            with pytest.raises(IllegalTransition):
                problem.move_to(after, actor=actor(kind, new_id()))
            assert problem.status == before


@pytest.mark.parametrize(
    ("before", "after"), list(product(InstructionStatus, InstructionStatus)), ids=str
)
def test_every_pair_of_an_instruction(before: InstructionStatus, after: InstructionStatus) -> None:
    for kind in ActorKind:
        row = VisitInstruction(id=new_id(), status=before)
        mover = actor(kind, new_id())
        if kind in movers(INSTRUCTIONS, before, after):
            row.move_to(after, actor=mover, now=NOW, done_by=DoneBy.BY_HAND)
            assert (row.status, row.closed_at, row.closed_by) == (after, NOW, mover.id)
        else:
            with pytest.raises(IllegalTransition):
                row.move_to(after, actor=mover, now=NOW, done_by=None)
            assert row.status == before


@pytest.mark.parametrize(("before", "after"), list(product(SummaryStatus, SummaryStatus)), ids=str)
def test_a_draft_is_released_once_by_a_practitioner(
    before: SummaryStatus, after: SummaryStatus
) -> None:
    for kind in ActorKind:
        row = VisitSummary(id=new_id(), status=before, version=1)
        mover = actor(kind, new_id())
        if (before, after, kind) == ("draft", "released", ActorKind.PRACTITIONER):
            row.move_to(after, actor=mover, now=NOW, amendment=None)
            assert (row.status, row.released_by, row.version) == (after, mover.id, 2)
        else:
            with pytest.raises(IllegalTransition):
                row.move_to(after, actor=mover, now=NOW, amendment=None)


def test_the_ends() -> None:
    assert {"done", "cancelled"} == INSTRUCTION.ends
