"""kill -9 in the middle of a burst of refill requests: nothing is lost and nothing happens twice.

Each disaster meets the same Careloop, whose supervisor starts again what died; the patients ask
again with the same Idempotency-Key until they have an answer.
"""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from uuid import UUID

import pytest

from tests.chaos.burst import Burst, asks_of, during
from tests.chaos.evidence import Evidence, mailbox
from tests.support.processes import children, kill, wait_for
from tests.support.supervised import Supervised

pytestmark = pytest.mark.chaos

# A task that a worker took along comes back by the relay's sweep after half a minute, a mail whose
# sender died when its lease has run out after a minute, and each of these may happen twice.
SETTLE_SECONDS = 240
SERVICES = ("web", "relay", "worker", "beat", "mail")


def kill_part(name: str) -> Callable[[Supervised], None]:
    """kill -9 of a part and its children, all at once."""

    def disaster(careloop: Supervised) -> None:
        kill(careloop.family_of(name))

    return disaster


def kill_child_of_worker(careloop: Supervised) -> None:
    """As when the kernel is out of memory: one worker process goes, its master stays."""
    kill(children(careloop.run_file()["processes"]["worker"])[:1])


def restart_postgres(careloop: Supervised) -> None:
    """A clean, fast shutdown; the supervisor starts it again."""
    os.kill(careloop.run_file()["processes"]["postgres"], signal.SIGINT)


def kill_postmaster(careloop: Supervised) -> None:
    """Its helpers are left to find out for themselves, as in a real crash."""
    kill([careloop.run_file()["processes"]["postgres"]])


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
    check_notifications(careloop, evidence)
    check_promises(evidence)


def is_another(careloop: Supervised, part: str, before: int) -> bool:
    return careloop.run_file().get("processes", {}).get(part) not in (None, before)


def settle(evidence: Evidence) -> float:
    """Wait until every event has ended; returns how long that took."""
    started = time.monotonic()
    wait_for(evidence.is_settled, "the outbox is empty", SETTLE_SECONDS)
    return time.monotonic() - started


def check_refills(burst: Burst, evidence: Evidence, since: datetime) -> None:
    """What was accepted is there, nothing else is, and each was routed exactly once."""
    accepted = burst.accepted
    made: set[UUID] = evidence.refills([ask.prescription_id for ask in burst.asks], since)
    assert len(burst.answers) == len(burst.asks)
    assert len(accepted) == len(set(accepted))
    assert made == set(accepted)
    routed = evidence.misrouted(accepted)
    assert routed == []


def check_notifications(careloop: Supervised, evidence: Evidence) -> None:
    """Each was sent at least once and stands in the ledger as sent once."""
    mails = mailbox(careloop.var / "mail")
    assert evidence.unsent(mails) == []
    say(f"{len(mails)} mails in all, {mails.total() - len(mails)} of them sent again")


def check_promises(evidence: Evidence) -> None:
    outbox = evidence.outbox()
    assert set(outbox) <= {"done", "planned"}, outbox
    loops = evidence.loops_check()
    assert loops.returncode == 0, loops.stdout + loops.stderr
    verdict = evidence.audit_verdict()
    assert verdict.problem is None
    assert verdict.entries == evidence.audit_entries()
    say(
        f"{outbox['done']} events done, loops: {loops.stdout.strip()}, "
        f"audit: {verdict.entries} rows under {verdict.seals} seals verified"
    )


def report(name: str, burst: Burst, struck: int, settled: float) -> None:
    statuses = Counter(answer.status for answer in burst.answers)
    say(
        f"\n{name}: killed after {struck} of {len(burst.asks)} answers; "
        f"{len(burst.accepted)} accepted, {statuses[422]} rejected, {burst.retried} asked again, "
        f"{burst.replayed} answered from memory; {burst.seconds:.0f} s of asking, "
        f"settled {settled:.0f} s later"
    )


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
