"""Every pair of a work item's statuses against the design's table, for every kind of mover."""

from itertools import product

import pytest

from portal.core.actor import ActorKind
from portal.core.ids import new_id
from portal.core.states import IllegalTransition
from portal.worklist.model import WorkItem
from portal.worklist.states import OPEN_STATUSES, WORK_ITEM, WorkItemKind, WorkItemStatus
from portal.worklist.views import SUMMARIES
from tests.support.clinic import NOW, actor

# Written out a second time on purpose: status -> (next -> who).
DESIGN = {
    "open": {"claimed": "dsw", "done": "dswpefv", "cancelled": "dswpefv"},
    "claimed": {"open": "dsw", "done": "dswpefv", "cancelled": "dswpefv"},
}
LETTERS = {
    "d": ActorKind.PRACTITIONER,
    "s": ActorKind.STAFF,
    "w": ActorKind.WORKER,
    "p": ActorKind.PATIENT,
    "e": ActorKind.DELEGATE,
    "f": ActorKind.PHARMACY,
    "v": ActorKind.PHONE,
}


@pytest.mark.parametrize(
    ("before", "after"), list(product(WorkItemStatus, WorkItemStatus)), ids=str
)
def test_every_pair_for_every_mover(before: WorkItemStatus, after: WorkItemStatus) -> None:
    movers = {LETTERS[letter] for letter in DESIGN.get(before, {}).get(after, "")}
    for kind in ActorKind:
        item = WorkItem(id=new_id(), status=before)
        mover = actor(kind, new_id())
        if kind in movers:
            item.move_to(after, actor=mover, now=NOW)
            ended = (NOW, mover.id) if after in WORK_ITEM.ends else (None, None)
            assert (item.status, item.closed_at, item.closed_by) == (after, *ended)
        else:
            with pytest.raises(IllegalTransition):
                item.move_to(after, actor=mover, now=NOW)
            assert (item.status, item.closed_at) == (before, None)


def test_the_ends() -> None:
    assert {status.value for status in WORK_ITEM.ends} == {"done", "cancelled"}
    assert set(OPEN_STATUSES) | WORK_ITEM.ends == set(WorkItemStatus)


def test_every_kind_is_said_in_words() -> None:
    assert SUMMARIES.keys() == set(WorkItemKind)
