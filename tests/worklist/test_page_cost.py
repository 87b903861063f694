"""A page of a worklist reads as many rows as it shows, whatever waits behind it."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.worklist import queries
from tests.support.clinic import SmallClinic, practitioner_actor, staff_actor
from tests.support.statements import by_indexes, rows_read
from tests.worklist.conftest import Open, SignIn, route

WAITING, LIMIT, OTHERS = 40, 2, 1_000

_OTHERS = text(
    """
    INSERT INTO work_item (id, kind, subject_id, patient_id, status, priority, assignee_id,
                           pool_id, due_at, routed_at, created_at)
    SELECT uuidv7(), 'refill_overdue', uuidv7(), :patient, 'open', 'routine', :colleague, :pool,
           CAST(:now AS timestamptz) + n * interval '1 second', :now, :now
    FROM generate_series(1, :count) n
    """
)


@pytest.fixture
def many(clinic: SmallClinic, opened: Open) -> None:
    """Items of the physician's and of the nurses' pool, and before them a colleague's."""
    now = utcnow()
    values = {
        "patient": clinic.patient.id,
        "colleague": clinic.colleague.id,
        "pool": clinic.nurses.id,
        "now": now,
        "count": OTHERS,
    }
    with transaction(OPERATOR) as session:
        session.execute(_OTHERS, values)
    for number in range(WAITING):
        due_at = now + timedelta(hours=number + 1)
        route(opened(due_at=due_at))
        route(opened(due_at=due_at, responsible_id=None))


@pytest.mark.parametrize(("staff", "ways"), [(False, 2), (True, 1)])
def test_a_page_reads_what_it_shows(
    clinic: SmallClinic, many: None, staff: bool, ways: int
) -> None:
    actor = staff_actor(clinic.nurse) if staff else practitioner_actor(clinic.physician)
    with transaction(actor) as session:
        by_indexes(session, "work_item")
        after = None
        for _ in range(2):
            before = rows_read(session, "work_item")
            rows = queries.worklist(session, mine=False, kind=None, after=after, limit=LIMIT)
            assert len(rows) == LIMIT + 1
            # Once for each way, once for the page, and what the policies look at.
            assert rows_read(session, "work_item") - before <= (ways + 2) * (LIMIT + 1)
            after = (rows[LIMIT - 1].due_at, rows[LIMIT - 1].id)


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


def test_what_is_due_over_everybody_is_found_in_its_order(many: None) -> None:
    with transaction(WORKER) as session:
        by_indexes(session, "work_item")
        before = rows_read(session, "work_item")
        assert len(queries.due(session, utcnow() + timedelta(hours=1), LIMIT)) == LIMIT
        assert rows_read(session, "work_item") - before == LIMIT
