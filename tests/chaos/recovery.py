"""What every disaster shares: kill -9, waiting until all is done, and what must hold then."""

import sys
import time
from collections.abc import Callable

from tests.chaos.evidence import Evidence, mailbox
from tests.support.processes import kill, wait_for
from tests.support.supervised import Supervised

# A task that a worker took along comes back by the relay's sweep after half a minute, a mail whose
# sender died when its lease has run out after a minute, and each of these may happen twice.
SETTLE_SECONDS = 240
RESTART_SECONDS = 60

Disaster = Callable[[Supervised], None]


def kill_part(*names: str) -> Disaster:
    """kill -9 of parts and their children, all at once."""

    def disaster(careloop: Supervised) -> None:
        kill([pid for name in names for pid in careloop.family_of(name)])

    return disaster


def kill_postmaster(careloop: Supervised) -> None:
    """Its helpers are left to find out for themselves, as in a real crash."""
    kill([careloop.run_file()["processes"]["postgres"]])


def is_another(careloop: Supervised, part: str, before: int | None) -> bool:
    return careloop.run_file().get("processes", {}).get(part) not in (None, before)


def pids_of(careloop: Supervised, *parts: str) -> dict[str, int | None]:
    processes = careloop.run_file()["processes"]
    return {part: processes[part] for part in parts}


def wait_for_others(careloop: Supervised, before: dict[str, int | None]) -> None:
    """Wait until each of these parts runs again, under another pid, and all is ready."""
    wait_for(
        lambda: all(is_another(careloop, part, pid) for part, pid in before.items()),
        f"{', '.join(before)} started again",
        RESTART_SECONDS,
    )
    careloop.wait_until_ready()


def settle(evidence: Evidence, done: Callable[[], bool] = lambda: True) -> float:
    """Wait until something is done and every event has ended; returns how long that took."""
    started = time.monotonic()
    wait_for(lambda: done() and evidence.is_settled(), "all is done", SETTLE_SECONDS)
    return time.monotonic() - started


def check_mails(careloop: Supervised, evidence: Evidence) -> None:
    """Each was sent at least once and stands in the ledger as sent once."""
    mails = mailbox(careloop.var / "mail")
    assert evidence.unsent(mails) == []
    say(f"{len(mails)} mails in all, {mails.total() - len(mails)} of them sent again")


def check_promises(evidence: Evidence) -> None:
    """No dead letter, no loop that was lost, no gap in the audit trail."""
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


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
