"""Running events: once, again later, or to a dead letter that somebody has."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.errors import TransportError
from portal.core.ids import new_id
from portal.directory.model import Clinic
from tests.refills.conftest import Make, ask_one
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.workers.conftest import WORK, Leave, dead_letters, event, events, set_event
from workers import outcomes
from workers.registry import HANDLERS, Event, handles
from workers.runner import run_events

NAME = "made by a handler"


def clinics() -> int:
    """How often the handler under test had its effect: it makes a clinic each time."""
    with transaction(OPERATOR) as session:
        query = text("SELECT count(*) FROM clinic WHERE name = :name")
        return int(session.execute(query, {"name": NAME}).scalar_one())


def make_clinic(session: Session) -> None:
    session.add(Clinic(id=new_id(), name=NAME, time_zone="UTC", phone="555-0100"))
    session.flush()


class Work:
    """A handler that makes a clinic for each event, and then runs into what it is told to."""

    def __init__(self) -> None:
        self.troubles: dict[UUID, BaseException] = {}
        self.every: BaseException | None = None
        self.sql: str | None = None

    def __call__(self, *, session: Session, events: Sequence[Event], now: datetime) -> None:
        for each in events:
            make_clinic(session)
            if self.sql:
                session.execute(text(self.sql))
            if trouble := self.troubles.get(each.id, self.every):
                raise trouble


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch, clinic: SmallClinic) -> Work:
    assert clinic.nurses.kind == "nurses"
    handler = Work()
    monkeypatch.setitem(HANDLERS, WORK, handler)
    return handler


def test_an_event_is_done_once(work: Work, leave: Leave) -> None:
    id_ = leave()
    for _ in range(3):
        run_events(WORK, [id_, id_])
    assert (clinics(), event(id_).status, event(id_).attempts) == (1, "done", 0)


def test_an_unknown_or_purged_event_is_nothing(work: Work) -> None:
    run_events(WORK, [new_id()])
    assert clinics() == 0


def test_a_batch_waits_for_none_of_its_events(work: Work, leave: Leave) -> None:
    good, bad, last = leave(), leave(), leave()
    work.troubles[bad] = ValueError("a name that nobody should read")
    run_events(WORK, [good, bad, last])
    assert [event(id_).status for id_ in (good, bad, last)] == ["done", "dead", "done"]
    assert clinics() == 2, "what the failed one did was rolled back"


def test_what_passes_is_tried_again_later(work: Work, leave: Leave) -> None:
    id_, before = leave(), utcnow()
    work.every = TransportError("a detail")
    run_events(WORK, [id_])
    again = event(id_)
    assert (again.status, again.attempts, clinics()) == ("pending", 1, 0)
    assert before <= again.due_at <= utcnow() + outcomes.FIRST_WAIT
    assert dead_letters() == []
    work.every = None
    run_events(WORK, [id_])
    assert (event(id_).status, clinics()) == ("done", 1)


def test_after_the_last_try_somebody_has_it(work: Work, leave: Leave, clinic: SmallClinic) -> None:
    id_ = leave()
    work.every = TransportError()
    for _ in range(outcomes.MAX_ATTEMPTS + 2):
        run_events(WORK, [id_])
    assert (event(id_).status, event(id_).attempts) == ("dead", outcomes.MAX_ATTEMPTS)
    [letter] = dead_letters()
    assert (letter.subject_id, letter.priority, letter.status) == (id_, "urgent", "open")
    assert letter.pool_id in (clinic.nurses.id, clinic.liaison.id)
    assert clinics() == 0


def test_what_cannot_pass_is_given_up_at_once_without_its_message(
    work: Work, leave: Leave, lines: list[str]
) -> None:
    id_ = leave()
    work.every = ValueError("Avery Testpatient, Lisinopril")
    run_events(WORK, [id_])
    dead = event(id_)
    assert (dead.status, dead.attempts) == ("dead", 1)
    assert dead.last_error is not None
    assert dead.last_error.startswith("ValueError")
    assert "Avery" not in dead.last_error
    [line] = lines
    assert "ValueError" in line
    assert "Avery" not in line
    assert [letter.subject_id for letter in dead_letters()] == [id_]


def test_a_dead_letter_that_is_done_after_all_is_nobodys_work(work: Work, leave: Leave) -> None:
    id_ = leave()
    work.every = ValueError()
    run_events(WORK, [id_])
    work.every = None
    set_event(id_, status="pending")
    run_events(WORK, [id_])
    [letter] = dead_letters()
    assert (letter.status, letter.outcome) == ("done", "done after all")


def test_without_any_team_the_dead_letter_stands_alone(
    monkeypatch: pytest.MonkeyPatch, leave: Leave
) -> None:
    handler = Work()
    handler.every = ValueError()
    monkeypatch.setitem(HANDLERS, WORK, handler)
    id_ = leave()
    run_events(WORK, [id_])
    assert (event(id_).status, dead_letters()) == ("dead", [])


def test_out_of_time_all_of_the_batch_are_tried_again(work: Work, leave: Leave) -> None:
    ids = [leave(), leave()]
    work.every = SoftTimeLimitExceeded()
    run_events(WORK, ids)
    assert [(event(id_).status, event(id_).attempts) for id_ in ids] == [("pending", 1)] * 2


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("40001", "pending"),  # serialization failure
        ("40P01", "pending"),  # deadlock
        ("55P03", "pending"),  # lock not available
        ("57014", "pending"),  # statement timeout
        ("53300", "pending"),  # too many connections
        ("08006", "pending"),  # connection failure
        ("23505", "dead"),  # unique violation
        ("22012", "dead"),  # division by zero
        ("42501", "dead"),  # no right
    ],
)
def test_which_errors_of_the_database_pass(
    work: Work, leave: Leave, state: str, status: str
) -> None:
    work.sql = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"
    id_ = leave()
    run_events(WORK, [id_])
    assert (event(id_).status, clinics()) == (status, 0)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (TransportError(), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (SoftTimeLimitExceeded(), True),
        (ValueError(), False),
        (KeyError("x"), False),
        (PermissionError(), False),
    ],
)
def test_which_errors_pass(error: Exception, passes: bool) -> None:
    assert outcomes.is_transient(error) is passes


@given(st.integers(1, 10_000))
def test_waits_grow_to_a_cap(attempts: int) -> None:
    most = min(outcomes.LONGEST_WAIT.total_seconds(), 2.0 ** min(attempts - 1, 20))
    assert timedelta(0) <= outcomes.wait_before(attempts) <= timedelta(seconds=most)


def test_waits_differ_so_that_a_crowd_does_not_come_back_at_once() -> None:
    assert len({outcomes.wait_before(8) for _ in range(20)}) > 1


def test_each_event_works_under_the_request_it_came_from(
    monkeypatch: pytest.MonkeyPatch, leave: Leave, lines: list[str]
) -> None:
    monkeypatch.setitem(HANDLERS, "test.each", None)

    @handles("test.each")
    def nothing(**_arguments: Any) -> None:
        """Does nothing."""

    ids = [leave("test.each"), leave("test.each")]
    for number, id_ in enumerate(ids):
        set_event(id_, request_id=f"request-{number}")
    run_events("test.each", ids)
    assert len(lines) == 2
    for number, (id_, line) in enumerate(zip(ids, lines, strict=True)):
        assert '"event_done"' in line
        assert f'"request-{number}"' in line
        assert str(id_) in line


def request_ids(kind: str) -> dict[str, str]:
    """The request behind each event of a kind, by the work item that it is about."""
    return {row.payload["work_item_id"]: row.request_id for row in events(kind)}


def test_what_a_batch_leaves_belongs_to_the_requests_that_it_came_from(
    patient: Caller, refillable: Make
) -> None:
    for _ in range(2):
        ask_one(patient, refillable(refills_used=5).id)
    run_events("work_item.opened", [row.id for row in events("work_item.opened")])
    opened = request_ids("work_item.opened")
    assert len(set(opened.values())) == 2
    assert request_ids("work_item.assigned") == opened
