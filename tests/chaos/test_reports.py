"""kill -9 in the middle of a burst of results: what was answered AA is there once, and followed."""

from pathlib import Path

import pytest

from tests.chaos.crowd import during
from tests.chaos.evidence import Evidence
from tests.chaos.recovery import (
    RESTART_SECONDS,
    Disaster,
    check_mails,
    check_promises,
    kill_part,
    kill_postmaster,
    pids_of,
    say,
    settle,
    wait_for_others,
)
from tests.chaos.reports import Reports, astray, ordered_reports, taken_in
from tests.support.processes import children, kill, wait_for
from tests.support.supervised import Supervised

pytestmark = pytest.mark.chaos

REPORTS = 400


def kill_busiest_listener(careloop: Supervised) -> None:
    """One of the processes that share the port, with its connections; the others go on."""
    before = listeners(careloop)
    busiest = max(before, key=lambda pid: len(list(Path(f"/proc/{pid}/fd").iterdir())))
    kill([busiest])
    wait_for(
        lambda: busiest not in listeners(careloop) and len(listeners(careloop)) == len(before),
        "another listener in its place",
        RESTART_SECONDS,
    )


def listeners(careloop: Supervised) -> list[int]:
    return children(careloop.run_file()["processes"]["mllp"])


# What is killed, by which parts are others afterwards, and whether the laboratory notices.
DISASTERS: dict[str, tuple[tuple[str, ...], Disaster, bool]] = {
    "one listener process": ((), kill_busiest_listener, True),
    "listener": (("mllp",), kill_part("mllp"), True),
    "database": (("postgres",), kill_postmaster, True),
    "relay and worker": (("relay", "worker"), kill_part("relay", "worker"), False),
}


@pytest.mark.parametrize("name", DISASTERS)
def test_every_acknowledged_result_is_there_once(
    careloop: Supervised, evidence: Evidence, name: str
) -> None:
    parts, disaster, noticed = DISASTERS[name]
    mark, reports = ordered_reports(evidence, REPORTS, evidence.now())
    assert len(reports.asks) == REPORTS
    address = careloop.run_file()["environ"]["PORTAL_MLLP_BIND"]
    before = pids_of(careloop, *parts)
    struck: list[int] = []

    def strike() -> None:
        struck.append(len(reports.answers))
        disaster(careloop)

    during(reports, address, REPORTS // 3, strike)
    assert struck[0] < REPORTS, "the burst was over already"
    wait_for_others(careloop, before)
    settled = settle(evidence)
    report(name, reports, struck[0], settled)
    assert bool(reports.interrupted + reports.rejected) >= noticed, "nobody noticed"
    check_reports(reports, evidence, mark)
    check_mails(careloop, evidence)
    check_promises(evidence)


def check_reports(reports: Reports, evidence: Evidence, mark: str) -> None:
    """What was acknowledged was taken in, once, and its patient and physician know, once."""
    acknowledged = [answer.control_id for answer in reports.answers]
    assert len(acknowledged) == len(set(acknowledged)) == REPORTS
    assert taken_in(evidence, mark) == set(acknowledged)
    assert astray(evidence, mark) == []


def report(name: str, reports: Reports, struck: int, settled: float) -> None:
    say(
        f"\n{name}: killed after {struck} of {REPORTS} results; {reports.interrupted} exchanges "
        f"broken off, {reports.rejected} answered AR; {reports.seconds:.0f} s of sending, "
        f"settled {settled:.0f} s later"
    )
