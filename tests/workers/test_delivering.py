"""What reaches outside: prepared, sent and recorded apart; never sent by two at the same time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event as Flag
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from portal.core.clock import utcnow
from portal.core.errors import TransportError
from tests.support.clinic import SmallClinic
from tests.workers.conftest import DELIVERY, Leave, dead_letters, event, set_event
from workers import outcomes
from workers.delivering import LEASE
from workers.registry import DELIVERERS, Event
from workers.runner import run_events


class Courier:
    """A deliverer that writes down what it was asked, and meets the trouble it is told to."""

    def __init__(self) -> None:
        self.wanted = True
        self.trouble: BaseException | None = None
        self.sent: list[UUID] = []
        self.recorded: list[str] = []
        self.failures: list[tuple[str, bool]] = []
        self.on_the_way, self.may_arrive = Flag(), Flag()
        self.may_arrive.set()

    def prepare(self, *, session: Session, event: Event, now: datetime) -> UUID | None:
        return event.id if self.wanted else None

    def send(self, prepared: UUID) -> str:
        self.on_the_way.set()
        assert self.may_arrive.wait(300)
        self.sent.append(prepared)
        if self.trouble is not None:
            raise self.trouble
        return "arrived"

    def record(
        self, *, session: Session, event: Event, prepared: UUID, outcome: str, now: datetime
    ) -> None:
        self.recorded.append(outcome)

    def record_failure(
        self,
        *,
        session: Session,
        event: Event,
        prepared: UUID,
        error: str,
        final: bool,
        now: datetime,
    ) -> None:
        self.failures.append((error, final))


@pytest.fixture
def courier(clinic: SmallClinic, monkeypatch: pytest.MonkeyPatch) -> Iterator[Courier]:
    assert clinic.nurses.kind == "nurses"
    made = Courier()
    monkeypatch.setitem(DELIVERERS, DELIVERY, made)
    yield made
    made.may_arrive.set()


def run(id_: UUID) -> None:
    run_events(DELIVERY, [id_])


def fall_due(id_: UUID) -> None:
    set_event(id_, due_at=utcnow() - timedelta(seconds=1))


def test_what_is_done_is_not_sent_again(courier: Courier, leave: Leave) -> None:
    id_ = leave(DELIVERY)
    run(id_)
    fall_due(id_)
    run(id_)
    assert (courier.sent, courier.recorded) == ([id_], ["arrived"])
    assert (event(id_).status, event(id_).attempts) == ("done", 1)


def test_what_is_no_longer_wanted_is_done_without_sending(courier: Courier, leave: Leave) -> None:
    courier.wanted = False
    id_ = leave(DELIVERY)
    run(id_)
    assert (event(id_).status, courier.sent) == ("done", [])


def test_while_one_sends_it_nobody_else_does(app: Flask, courier: Courier, leave: Leave) -> None:
    id_ = leave(DELIVERY)
    courier.may_arrive.clear()

    def first() -> None:
        with app.app_context():
            run(id_)

    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(first)
        assert courier.on_the_way.wait(300)
        run(id_)  # the broker gave it to a second worker
        leased = event(id_)
        courier.may_arrive.set()
        under_way.result()
    assert leased.due_at > utcnow() + LEASE / 2, "leased: also for the relay, which looks at this"
    assert (courier.sent, event(id_).status) == ([id_], "done")


def test_not_before_it_is_due(courier: Courier, leave: Leave) -> None:
    id_ = leave(DELIVERY, due_at=utcnow() + timedelta(hours=1))
    run(id_)
    assert (courier.sent, event(id_).status) == ([], "pending")


@pytest.mark.parametrize("trouble", [TransportError("SMTP 421"), TransportError()])
def test_what_did_not_arrive_is_recorded_and_tried_again(
    courier: Courier, leave: Leave, trouble: TransportError
) -> None:
    courier.trouble = trouble
    id_ = leave(DELIVERY)
    run(id_)
    assert courier.failures == [(str(trouble) or "timeout", False)]
    again = event(id_)
    assert (again.status, again.attempts) == ("pending", 1)
    assert again.due_at <= utcnow() + outcomes.FIRST_WAIT, "the lease is over"
    courier.trouble = None
    fall_due(id_)
    run(id_)
    assert (event(id_).status, courier.recorded) == ("done", ["arrived"])


def test_the_last_try_is_recorded_as_the_last(courier: Courier, leave: Leave) -> None:
    courier.trouble = TransportError("refused")
    id_ = leave(DELIVERY)
    for _ in range(outcomes.MAX_ATTEMPTS + 2):
        run(id_)
        fall_due(id_)
    assert [final for _error, final in courier.failures] == [False] * 11 + [True]
    assert (event(id_).status, event(id_).attempts) == ("dead", outcomes.MAX_ATTEMPTS)


def test_what_crashed_while_sending_is_taken_up_after_its_lease(
    courier: Courier, leave: Leave
) -> None:
    id_ = leave(DELIVERY)
    set_event(id_, status="published", attempts=1, due_at=utcnow() + LEASE)
    run(id_)
    assert courier.sent == []
    fall_due(id_)
    run(id_)
    assert (courier.sent, event(id_).attempts) == ([id_], 2)


def test_what_crashes_each_time_ends_all_the_same(courier: Courier, leave: Leave) -> None:
    id_ = leave(DELIVERY)
    set_event(id_, status="published", attempts=outcomes.MAX_ATTEMPTS)
    run(id_)
    assert courier.sent == []
    assert courier.failures == [("never came to an end", True)]
    assert event(id_).status == "dead"


def test_a_defect_is_a_dead_letter_at_once(courier: Courier, leave: Leave) -> None:
    courier.trouble = ValueError("ada@example.org")
    id_ = leave(DELIVERY)
    run(id_)
    dead = event(id_)
    assert dead.status == "dead"
    assert "ada" not in (dead.last_error or "")
    assert [letter.subject_id for letter in dead_letters()] == [id_]


def test_one_failure_does_not_keep_the_others(courier: Courier, leave: Leave) -> None:
    ids = [leave(DELIVERY), leave(DELIVERY)]
    courier.trouble = ValueError()
    run_events(DELIVERY, ids)
    assert courier.sent == ids
