"""A page of a worklist reads as many rows as it shows, whatever waits behind it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from portal.core.actor import ActorKind
from portal.core.clock import utcnow
from tests.support.clinic import SmallClinic
from tests.support.statements import explained
from tests.worklist.conftest import Open, SignIn, route

WAITING, LIMIT = 12, 2
LIST = "next_due"


@pytest.fixture
def many(opened: Open) -> None:
    """Items of the physician's, and of the nurses' pool."""
    now = utcnow()
    for number in range(WAITING):
        due_at = now + timedelta(hours=number + 1)
        route(opened(due_at=due_at))
        route(opened(due_at=due_at, responsible_id=None))


def indexes(nodes: list[Mapping[str, Any]]) -> dict[str, float]:
    """How many rows of work items were read by each index."""
    return {
        node["Index Name"]: node["Actual Rows"] * node["Actual Loops"]
        for node in nodes
        if node.get("Relation Name") == "work_item"
    }


@pytest.mark.parametrize(
    ("kind", "ways"),
    [
        (ActorKind.PRACTITIONER, {"ix_work_item_assignee", "ix_work_item_unassigned"}),
        (ActorKind.STAFF, {"ix_work_item_pool"}),
    ],
)
def test_a_page_reads_what_it_shows(
    clinic: SmallClinic, caller: SignIn, many: None, kind: ActorKind, ways: set[str]
) -> None:
    who = clinic.physician if kind == ActorKind.PRACTITIONER else clinic.nurse
    reader = caller(kind, who.id)
    with explained(LIST) as plan:
        page = reader.get(f"/worklist?limit={LIMIT}").json
    assert len(page["items"]) == LIMIT
    read = indexes(plan)
    assert ways <= set(read)
    assert max(read.values()) <= LIMIT + 1
    with explained(LIST) as plan:
        reader.get(f"/worklist?limit={LIMIT}&cursor={page['next']}")
    assert max(indexes(plan).values()) <= LIMIT + 1


def test_pages_hold_each_item_once(clinic: SmallClinic, caller: SignIn, many: None) -> None:
    reader = caller(ActorKind.PRACTITIONER, clinic.physician.id)
    found: list[str] = []
    due: list[str] = []
    query = "?limit=5"
    while True:
        page = reader.get(f"/worklist{query}").json
        found += [item["id"] for item in page["items"]]
        due += [item["due_at"] for item in page["items"]]
        if page["next"] is None:
            break
        query = f"?limit=5&cursor={page['next']}"
    assert len(found) == len(set(found)) == 2 * WAITING
    assert due == sorted(due)
