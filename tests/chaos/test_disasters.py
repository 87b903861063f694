"""kill -9 in the middle of a burst of refill requests: nothing is lost and nothing happens twice.

Each disaster meets the same Careloop, whose supervisor starts again what died; the patients ask
again with the same Idempotency-Key until they have an answer.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from uuid import UUID

import pytest

from tests.chaos.burst import Burst, asks_of
from tests.chaos.crowd import during
from tests.chaos.evidence import Evidence
from tests.chaos.recovery import (
    check_mails,
    check_promises,
    is_another,
    kill_part,
    kill_postmaster,
    say,
    settle,
)
from tests.support.processes import children, kill, wait_for
from tests.support.supervised import Supervised

pytestmark = pytest.mark.chaos

SERVICES = ("web", "relay", "worker", "beat", "mail")


def kill_child_of_worker(careloop: Supervised) -> None:
    """As when the kernel is out of memory: one worker process goes, its master stays."""
    kill(children(careloop.run_file()["processes"]["worker"])[:1])


def restart_postgres(careloop: Supervised) -> None:
    """A clean, fast shutdown; the supervisor starts it again."""
    os.kill(careloop.run_file()["processes"]["postgres"], signal.SIGINT)


def kill_all_services(careloop: Supervised) -> None:
    kill([pid for name in SERVICES for pid in careloop.family_of(name)])


def kill_everything(careloop: Supervised) -> None:
    """The supervisor too, as when the machine goes down; then `make run` again."""
    careloop.crash()
    careloop.start()


DISASTERS: dict[str, tuple[str, Callable[[Supervised], None]]] = {
    "worker": ("worker", kill_part("worker")),
    "one worker process": ("", kill_child_of_worker),
    "relay": ("relay", kill_part("relay")),
    "web": ("web", kill_part("web")),
    "queue": ("valkey", kill_part("valkey")),
    "database": ("postgres", kill_postmaster),
    "database restarted": ("postgres", restart_postgres),
    "mail server": ("mail", kill_part("mail")),
    "all services": ("worker", kill_all_services),
    "everything": ("postgres", kill_everything),
}


@pytest.mark.parametrize("name", DISASTERS)
def test_nothing_is_lost_and_nothing_happens_twice(
    careloop: Supervised, evidence: Evidence, groups: Iterator[list[str]], name: str
) -> None:
    part, disaster = DISASTERS[name]
    base_url, since = careloop.base_url, evidence.now()
    burst = Burst(asks_of(base_url, next(groups)))
    before = careloop.run_file()["processes"].get(part)
    struck: list[int] = []

    def strike() -> None:
        struck.append(len(burst.answers))
        disaster(careloop)

    during(burst, base_url, len(burst.asks) // 3, strike)
    assert struck[0] < len(burst.asks), "the burst was over already"
    if part:
        wait_for(lambda: is_another(careloop, part, before), f"{part} started again", 60)
    careloop.wait_until_ready()
    settled = settle(evidence)
    report(name, burst, struck[0], settled)
    check_refills(burst, evidence, since)
    check_mails(careloop, evidence)
    check_promises(evidence)


def check_refills(burst: Burst, evidence: Evidence, since: datetime) -> None:
    """What was accepted is there, nothing else is, and each was routed exactly once."""
    accepted = burst.accepted
    made: set[UUID] = evidence.refills([ask.prescription_id for ask in burst.asks], since)
    assert len(burst.answers) == len(burst.asks)
    assert len(accepted) == len(set(accepted))
    assert made == set(accepted)
    routed = evidence.misrouted(accepted)
    assert routed == []


def report(name: str, burst: Burst, struck: int, settled: float) -> None:
    statuses = Counter(answer.status for answer in burst.answers)
    say(
        f"\n{name}: killed after {struck} of {len(burst.asks)} answers; "
        f"{len(burst.accepted)} accepted, {statuses[422]} rejected, {burst.retried} asked again, "
        f"{burst.replayed} answered from memory; {burst.seconds:.0f} s of asking, "
        f"settled {settled:.0f} s later"
    )
