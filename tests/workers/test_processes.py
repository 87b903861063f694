"""A relay and a Celery worker as processes of their own: from a request to what came of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tests.refills.conftest import Make, ask_one
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.workers.conftest import event, events
from workers import queues

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 300
WORKER = ["celery", "-A", "workers.celery_app", "worker", "-c", "1", "-Q", ",".join(queues.ALL)]
RELAY = ["workers.relay"]


class Running:
    """A process of Careloop and what it logged."""

    def __init__(self, arguments: Sequence[str], environ: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env={**os.environ, **environ},
                stdout=subprocess.DEVNULL,
                stderr=output,
            )

    def text(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def lines(self) -> list[dict[str, Any]]:
        """Its JSON lines."""
        return [json.loads(line) for line in self.text().splitlines() if line.startswith("{")]


@contextmanager
def running(arguments: Sequence[str], environ: dict[str, str], log: Path) -> Iterator[Running]:
    started = Running(arguments, environ, log)
    try:
        yield started
    finally:
        started.process.terminate()
        try:
            started.process.wait(120)
        except subprocess.TimeoutExpired:
            started.process.kill()
            started.process.wait(120)


@pytest.fixture(scope="module")
def processes(
    environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Running, Running]]:
    """A worker and a relay."""
    folder = tmp_path_factory.mktemp("processes")
    with ExitStack() as stack:
        worker = stack.enter_context(running(WORKER, environ, folder / "worker.log"))
        relay = stack.enter_context(running(RELAY, environ, folder / "relay.log"))
        yield worker, relay


def wait_until_done(worker: Running, relay: Running) -> None:
    """Until nothing is left to do in the outbox."""
    end = monotonic() + PATIENCE_SECONDS
    while monotonic() < end:
        statuses = {row.status for row in events() if row.kind != "notification.deliver"}
        if statuses == {"done"}:
            return
        for process in (worker, relay):
            assert process.process.poll() is None, process.text()
        sleep(0.05)
    raise AssertionError(f"{worker.text()}\n{relay.text()}")


def test_from_a_request_to_the_pharmacys_feed_under_one_request_id(
    processes: tuple[Running, Running],
    clinic: SmallClinic,
    patient: Caller,
    pharmacy: Caller,
    refillable: Make,
) -> None:
    prescription = refillable()
    answer = patient.post(
        "/refills",
        {"items": [{"prescription_id": str(prescription.id)}]},
        headers={"X-Request-ID": "tuesday-morning-1"},
    )
    assert answer.status_code == 201, answer.text
    wait_until_done(*processes)
    [order] = pharmacy.get("/pharmacy/orders").json["items"]
    assert order["refill_id"] == answer.json["items"][0]["refill"]["id"]
    worker = processes[0]
    done = [line for line in worker.lines() if line["event"] == "event_done"]
    moved = [line for line in done if line["kind"] == "refill.moved"]
    assert [line["request_id"] for line in moved] == ["tuesday-morning-1"]
    assert event(moved[0]["event_id"]).request_id == "tuesday-morning-1"
    for process in processes:
        for secret in (prescription.drug_name, clinic.patient.given_name, str(clinic.patient.id)):
            assert secret not in process.text()


def test_an_event_that_leaves_another_hands_its_request_id_on(
    processes: tuple[Running, Running],
    patient: Caller,
    physician: Caller,
    refillable: Make,
) -> None:
    first, second = (ask_one(patient, refillable(refills_used=5).id) for _ in range(2))
    wait_until_done(*processes)
    assert len(physician.get("/worklist?mine=true").json["items"]) == 2
    by_kind = {
        kind: {row.request_id for row in events(kind)}
        for kind in ("work_item.opened", "work_item.assigned")
    }
    assert first != second
    assert len(by_kind["work_item.opened"]) == 2
    assert by_kind["work_item.assigned"] == by_kind["work_item.opened"]
