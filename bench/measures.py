"""The measurements, each on one stage: what is asked, what must come back, how long it took."""

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
import psycopg

from bench.client import Connection, Load, drive, http
from bench.recording import Recorder
from bench.stage import Stage
from bench.supplies import WARM_UP, Prescription, Supplies, hold_again, put_back

APP, BY_HAND, BARE = "app", "by-hand", "bare"
POLL_SECONDS = 0.001
LOST_SECONDS = 120
STEPS = ("with_pharmacy", "preparing", "ready_for_pickup", "picked_up")

# Asked as the physician: row security has its say in what is visible.
_VISIBLE = (
    "SELECT 1 FROM work_item WHERE subject_id = %s AND assignee_id = %s "
    "AND status = 'open' AND kind = 'refill_decision'"
)
_ROUTED = """
    SELECT count(r.id) AS refills, count(w.id) AS items, count(DISTINCT w.subject_id) AS subjects,
           count(w.routed_at) FILTER (WHERE w.assignee_id = r.prescriber_id) AS routed,
           (SELECT count(*) FROM work_item_hop h
            WHERE h.work_item_id IN (SELECT i.id FROM work_item i JOIN refill f
                ON f.id = i.subject_id WHERE f.prescription_id = ANY(%(ids)s))) AS hops
    FROM refill r LEFT JOIN work_item w ON w.subject_id = r.id
    WHERE r.prescription_id = ANY(%(ids)s)
"""
_TO_ROUTE = (
    "SELECT count(*) FROM outbox_event "
    "WHERE kind = 'work_item.opened' AND status IN ('pending', 'published')"
)


@dataclass(frozen=True, slots=True)
class Side:
    """One scale: its servers and its supplies."""

    stage: Stage
    supplies: Supplies

    @property
    def patients(self) -> int:
        return self.supplies.plan.patients


@dataclass(frozen=True, slots=True)
class Burst:
    """What became of a burst of requests."""

    requests: int
    routed: int
    lost: int
    doubled: int
    request_seconds: float
    seconds: float

    @property
    def rate(self) -> float:
        return self.routed / self.seconds


def _ask_refill(prescription: Prescription) -> bytes:
    body = {"items": [{"prescription_id": str(prescription.id), "delivery": "pickup"}]}
    key = f"bench-{uuid.uuid4()}"
    return http("POST", "/api/v1/refills", prescription.token, orjson.dumps(body), key)


def request_refills(side: Side, server: str, count: int) -> Load:
    """(a), by the application or by hand: one refill a request."""
    used = side.supplies.refillable[:count]
    load = drive(side.stage.port(server), [_ask_refill(one) for one in used]).expect(201)
    put_back(side.stage, used)
    return load


def bare_route(side: Side, count: int) -> Load:
    return drive(side.stage.port(BARE), [http("GET", "/")] * count).expect(200)


def list_prescriptions(side: Side, count: int) -> Load:
    """(b)."""
    tokens = side.supplies.readers
    requests = [
        http("GET", "/api/v1/prescriptions", tokens[number % len(tokens)])
        for number in range(count)
    ]
    return drive(side.stage.port(APP), requests).expect(200)


def count_statements(side: Side) -> dict[int, int]:
    """Statements of (b), by how many prescriptions there are in the answer."""
    recorder = Recorder(side.stage)
    counts = {}
    for token in (side.supplies.readers[0], side.supplies.refillable[0].token):
        statements, listed = recorder.list_prescriptions(token)
        counts[listed] = statements
    return counts


def report_statuses(side: Side) -> Load:
    """(c): four pharmacies report 500 fills from the order to the counter, a batch a step.

    One at a time, so that the server and the database take turns on one core.
    """
    requests = [
        _batch(token, refills, status)
        for status in STEPS
        for token, refills in side.supplies.batches
    ]
    load = drive(side.stage.port(APP), requests, connections=1).expect(200)
    applied = load.answer.count(b'"applied"')
    if applied != len(side.supplies.batches[0][1]):
        raise RuntimeError(f"only {applied} of a batch were applied: {load.answer[:1000]!r}")
    hold_again(side.stage, [id_ for _, refills in side.supplies.batches for id_ in refills])
    return load


def _batch(token: str, refills: Sequence[uuid.UUID], status: str) -> bytes:
    now = datetime.now(UTC)
    updates = [
        {
            "event_id": uuid.uuid4().hex,
            "refill_id": id_,
            "status": status,
            "occurred_at": now,
            "quantity": 30 if status == "ready_for_pickup" else None,
        }
        for id_ in refills
    ]
    return http(
        "POST", "/api/v1/pharmacy/status-updates", token, orjson.dumps({"updates": updates})
    )


@contextmanager
def working(stage: Stage) -> Iterator[None]:
    """The relay and a worker meanwhile."""
    stage.work()
    try:
        yield
    finally:
        stage.rest()


def time_to_worklist(side: Side, count: int) -> list[float]:
    """(d): seconds from each answer to its item on the physician's worklist, one after another."""
    used = side.supplies.renewable[: count + WARM_UP]
    connection = Connection(side.stage.port(APP))
    with psycopg.connect(side.stage.app_dsn, autocommit=True) as watching:
        watching.execute("SET ROLE careloop_practitioner")
        times = [_watch(side.stage, connection, watching, _ask_refill(one)) for one in used]
    connection.close()
    return times[WARM_UP:]


def _watch(
    stage: Stage, connection: Connection, watching: psycopg.Connection, request: bytes
) -> float:
    status, answer = connection.ask(request)
    answered = time.perf_counter()
    if status != 201:
        raise RuntimeError(f"answer {status}: {answer!r}")
    refill = orjson.loads(answer)["items"][0]["refill"]
    physician = refill["prescriber"]["id"]
    watching.execute("SELECT set_config('careloop.actor_id', %s, false)", [physician])
    while time.perf_counter() < answered + LOST_SECONDS:
        if watching.execute(_VISIBLE, [refill["id"], physician]).fetchone():
            return time.perf_counter() - answered
        time.sleep(POLL_SECONDS)
    logs = "\n".join(stage.said(name) for name in ("relay", "worker"))
    raise RuntimeError(f"{refill['id']} was never routed:\n{logs}")


def route_burst(side: Side, count: int) -> Burst:
    """(d): many requests as fast as they go; how long until each is on a worklist, once."""
    used = side.supplies.renewable[-count:]
    started = time.perf_counter()
    load = drive(side.stage.port(APP), [_ask_refill(one) for one in used]).expect(201)
    with psycopg.connect(side.stage.dsn, autocommit=True) as connection:
        while connection.execute(_TO_ROUTE).fetchone() != (0,):
            if time.perf_counter() > started + load.seconds + LOST_SECONDS:
                break
            time.sleep(0.1)
        seconds = time.perf_counter() - started
        found = connection.execute(_ROUTED, {"ids": [one.id for one in used]}).fetchone()
    if found is None or found[0] != count:
        raise RuntimeError(f"{found} of {count} refills")
    _, items, subjects, routed, hops = found
    doubled = items - subjects + max(0, hops - items)
    return Burst(count, routed, count - routed, doubled, load.seconds, seconds)
