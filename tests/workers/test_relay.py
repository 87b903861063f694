"""The relay: each due event to its queue, once, and again when it was lost."""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
import redis
from flask import Flask
from sqlalchemy import text

from portal.config import Config
from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from tests.workers.conftest import DELIVERY, WORK, Leave, event, events, set_event
from tests.workers.test_delivering import Courier
from workers import queues
from workers.broker import make_celery
from workers.registry import DELIVERERS, HANDLERS
from workers.relay import (
    AWAY,
    BATCH,
    DUE,
    LOST_AFTER_SECONDS,
    LOST_BEHIND_OTHERS_SECONDS,
    Relay,
)
from workers.runner import run_events

OPENED = "work_item.opened"


@pytest.fixture
def relay(config: Config, valkey: redis.Redis) -> Relay:
    assert valkey.ping()
    return Relay(config, make_celery(config))


def hand_over(relay: Relay) -> int:
    with relay.connect() as connection:
        return relay.hand_over(connection, DUE)


def sweep(relay: Relay) -> int:
    with relay.connect() as connection:
        return relay.sweep(connection)


def messages(valkey: redis.Redis, queue: str) -> list[tuple[str, list[str]]]:
    """The tasks that wait in a queue: kind and ids of each."""
    found = []
    for raw in valkey.lrange(queue, 0, -1):
        arguments, _options, _embedded = json.loads(base64.b64decode(json.loads(raw)["body"]))
        found.append((arguments[0], arguments[1]))
    return found


def handed_over(valkey: redis.Redis) -> Counter[str]:
    """How often each id is in any queue."""
    return Counter(id_ for queue in queues.ALL for _, ids in messages(valkey, queue) for id_ in ids)


def age(id_: UUID, seconds: int) -> None:
    set_event(id_, published_at=utcnow() - timedelta(seconds=seconds))


def test_what_is_due_goes_to_its_queue_and_is_marked(
    relay: Relay, valkey: redis.Redis, leave: Leave
) -> None:
    work, routing, mail = leave(WORK), leave(OPENED), leave("notification.deliver")
    later = leave(WORK, due_at=utcnow() + timedelta(minutes=1))
    assert hand_over(relay) == 3
    assert messages(valkey, queues.INTERACTIVE) == [(WORK, [str(work)])]
    assert messages(valkey, queues.ROUTING) == [(OPENED, [str(routing)])]
    assert messages(valkey, queues.DELIVERIES) == [("notification.deliver", [str(mail)])]
    assert [event(id_).status for id_ in (work, routing, mail)] == ["published"] * 3
    assert event(work).published_at is not None
    assert event(later).status == "pending"
    assert hand_over(relay) == 0


def test_nothing_but_ids_is_in_the_broker(relay: Relay, valkey: redis.Redis, leave: Leave) -> None:
    id_ = leave(WORK, work_item_id="something else")
    hand_over(relay)
    [raw] = valkey.lrange(queues.INTERACTIVE, 0, -1)
    assert b"something else" not in base64.b64decode(json.loads(raw)["body"])
    assert messages(valkey, queues.INTERACTIVE) == [(WORK, [str(id_)])]


def test_events_of_a_kind_share_tasks_but_deliveries_have_their_own(
    relay: Relay, valkey: redis.Redis, leave: Leave
) -> None:
    for _ in range(queues.CHUNK + 1):
        leave(WORK)
    for _ in range(3):
        leave("notification.deliver")
    hand_over(relay)
    sizes = [len(ids) for _kind, ids in messages(valkey, queues.INTERACTIVE)]
    assert sorted(sizes) == [1, queues.CHUNK]
    assert [len(ids) for _kind, ids in messages(valkey, queues.DELIVERIES)] == [1, 1, 1]


def leave_many(count: int) -> None:
    statement = text(
        "INSERT INTO outbox_event (id, kind, payload, status, created_at, due_at, attempts, "
        "request_id) VALUES (:id, :kind, '{}', 'pending', now(), now(), 0, '')"
    )
    with transaction(OPERATOR) as session:
        session.execute(statement, [{"id": new_id(), "kind": WORK} for _ in range(count)])


def test_two_relays_never_double(app: Flask, config: Config, valkey: redis.Redis) -> None:
    leave_many(2 * BATCH + 7)
    start = Barrier(2)

    def relay_all(_number: int) -> int:
        relay = Relay(config, make_celery(config))
        count = 0
        with relay.connect() as connection:
            start.wait()
            while handed := relay.hand_over(connection, DUE):
                count += handed
        return count

    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(relay_all, range(2)))
    assert app.testing
    counter = handed_over(valkey)
    assert sum(counts) == len(counter) == 2 * BATCH + 7
    assert set(counter.values()) == {1}


@contextmanager
def full(valkey: redis.Redis) -> Iterator[None]:
    """A broker that takes nothing more."""
    valkey.config_set("maxmemory", 1)
    try:
        yield
    finally:
        valkey.config_set("maxmemory", 0)


def test_what_the_broker_does_not_take_stays_in_the_outbox(
    relay: Relay, valkey: redis.Redis, leave: Leave
) -> None:
    id_ = leave(WORK)
    with full(valkey), pytest.raises(AWAY):
        hand_over(relay)
    assert (event(id_).status, event(id_).published_at) == ("pending", None)
    assert hand_over(relay) == 1
    assert handed_over(valkey) == {str(id_): 1}


def test_what_the_broker_lost_is_handed_over_again(
    relay: Relay, valkey: redis.Redis, leave: Leave
) -> None:
    lost, done = leave(WORK), leave(WORK)
    hand_over(relay)
    valkey.flushdb()
    assert sweep(relay) == 0, "it may be under way"
    age(lost, LOST_AFTER_SECONDS + 1)
    age(done, LOST_AFTER_SECONDS + 1)
    set_event(done, status="done")
    assert sweep(relay) == 1
    assert handed_over(valkey) == {str(lost): 1}
    assert sweep(relay) == 0, "and now that is under way"


def test_what_waits_behind_others_is_not_taken_for_lost(
    relay: Relay, valkey: redis.Redis, leave: Leave
) -> None:
    id_ = leave(WORK)
    hand_over(relay)
    age(id_, LOST_AFTER_SECONDS + 1)
    assert sweep(relay) == 0
    age(id_, LOST_BEHIND_OTHERS_SECONDS + 1)
    assert sweep(relay) == 1
    assert handed_over(valkey) == {str(id_): 2}


def test_what_is_being_sent_is_not_taken_for_lost(relay: Relay, leave: Leave) -> None:
    leased = leave(DELIVERY)
    set_event(leased, status="published", due_at=utcnow() + timedelta(seconds=50))
    age(leased, LOST_AFTER_SECONDS + 1)
    assert sweep(relay) == 0


def test_a_new_event_rings_at_the_relay(relay: Relay, leave: Leave) -> None:
    with relay.connect() as connection:
        leave(WORK)
        assert len(list(connection.notifies(timeout=300, stop_after=1))) == 1


@contextmanager
def publishing(relay: Relay) -> Iterator[Callable[[], None]]:
    """A relay that has published, and commits when it is told to."""
    with relay.connect() as connection:
        transaction_ = connection.transaction()
        with transaction_:
            assert connection.execute(DUE.encode(), {"batch": BATCH}).fetchall()
            yield wait_for_a_waiter


def wait_for_a_waiter() -> None:
    """Until somebody waits for a lock."""
    query = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(1_000):
        with transaction(OPERATOR) as session:
            if session.execute(query).scalar_one():
                return
            session.execute(text("SELECT pg_sleep(0.01)"))
    raise AssertionError("nobody waits")


def run_meanwhile(pool: ThreadPoolExecutor, app: Flask, kind: str, id_: UUID) -> Future[None]:
    def run() -> None:
        with app.app_context():
            run_events(kind, [id_])

    return pool.submit(run)


def nothing(**_arguments: object) -> None:
    """A handler without an effect."""


def test_a_worker_that_is_quicker_than_the_relays_commit_waits_for_it(
    app: Flask, relay: Relay, leave: Leave, monkeypatch: pytest.MonkeyPatch
) -> None:
    courier = Courier()
    monkeypatch.setitem(HANDLERS, WORK, nothing)
    monkeypatch.setitem(DELIVERERS, DELIVERY, courier)
    for kind in (WORK, DELIVERY):
        id_ = leave(kind)
        with ThreadPoolExecutor(1) as pool:
            with publishing(relay) as wait:
                worker = run_meanwhile(pool, app, kind, id_)
                wait()
            worker.result()
        assert event(id_).status == "done", kind
    assert len(courier.sent) == 1
    assert {row.status for row in events()} == {"done"}
