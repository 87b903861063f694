"""A process that is kept running."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.supervisor import service as services
from portal.supervisor.service import Service
from tests.support.processes import alive, children, family, kill, wait_for

ForEver = "import time; time.sleep(600)"
WithChild = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {ForEver!r}])"
Make = Callable[[str], Service]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes a service out of a Python program."""
    made: list[Service] = []

    def build(program: str) -> Service:
        made.append(Service("trial", [sys.executable, "-c", program], {}))
        return made[-1]

    yield build
    for service in made:
        service.ask_to_stop()
        service.stop()


class Clock:
    """Time for the service alone, so that its pauses need not be waited for."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(services, "time", clock)
    return clock


def wait_for_end(service: Service) -> None:
    wait_for(lambda: service.pid is None, "ended")


def pause_of(service: Service, clock: Clock) -> float:
    """How long it stays down after it has ended."""
    wait_for_end(service)
    before = clock.now
    while not service.look_after():
        clock.now += 0.125
    return clock.now - before


def test_what_runs_is_left_alone(make: Make) -> None:
    service = make(ForEver)
    service.start()
    pid = service.pid
    assert not service.look_after()
    assert service.pid == pid


def test_the_pauses_grow_up_to_a_limit(make: Make, clock: Clock) -> None:
    service = make("raise SystemExit(3)")
    service.start()
    pauses = [pause_of(service, clock) for _ in range(7)]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]


def test_who_ran_well_starts_with_the_first_pause_again(make: Make, clock: Clock) -> None:
    service = make("")
    service.start()
    assert [pause_of(service, clock) for _ in range(3)] == [0.5, 1.0, 2.0]
    wait_for_end(service)
    clock.now += services.WELL_AFTER_SECONDS + 1
    assert pause_of(service, clock) == 0.5


def test_a_killed_process_leaves_no_children_to_its_successor(make: Make) -> None:
    service = make(WithChild)
    service.start()
    first = service.pid
    assert first is not None
    wait_for(lambda: children(first), "a child")
    before = family(first)
    kill([first])
    wait_for(service.look_after, "started again")
    wait_for(lambda: not alive(before), "all of the first ones gone")
    assert service.pid not in (None, first)


def test_stopping_ends_the_children_too(make: Make) -> None:
    service = make(WithChild)
    service.start()
    pid = service.pid
    assert pid is not None
    wait_for(lambda: children(pid), "a child")
    before = family(pid)
    service.ask_to_stop()
    service.stop()
    wait_for(lambda: not alive(before), "nothing left")


def test_who_does_not_listen_is_killed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "STOP_SECONDS", 0.2)
    service = make(f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {ForEver}")
    service.start()
    service.ask_to_stop()
    service.stop()
    assert service.pid is None


def test_files_are_inherited(make: Make, tmp_path: Path) -> None:
    with (tmp_path / "note").open("w") as note:
        write = f"import os; os.write({note.fileno()}, b'here')"
        service = Service("trial", [sys.executable, "-c", write], {}, [note.fileno()])
        service.start()
        wait_for_end(service)
    assert (tmp_path / "note").read_text() == "here"
