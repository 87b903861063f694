"""One Careloop for all the disasters, with patients enough for a burst of each."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.chaos.evidence import Evidence
from tests.support.supervised import ROOT, Supervised

PATIENTS_EACH = 60
DISASTERS = 12
PATIENTS = PATIENTS_EACH * DISASTERS


@pytest.fixture(scope="package")
def careloop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervised]:
    """Started as `make run` does, with rate limits and all."""
    one = Supervised(tmp_path_factory.mktemp("chaos") / "var")
    try:
        one.start()
        one.wait_until_ready()
        _seed(one)
        yield one
    finally:
        one.remove()


def _seed(one: Supervised) -> None:
    options = ["--patients", str(PATIENTS), "--accounts", str(PATIENTS), "--append"]
    subprocess.run(
        [sys.executable, "-m", "portal", "seed", *options],
        cwd=ROOT,
        env={**one.environ, **one.run_file()["environ"]},
        check=True,
        stdout=subprocess.DEVNULL,
    )


@pytest.fixture
def evidence(careloop: Supervised) -> Evidence:
    return Evidence(careloop.run_file()["environ"])


@pytest.fixture(scope="module")
def groups() -> Iterator[list[str]]:
    """The patients' addresses, a group for each disaster."""

    def in_groups() -> Iterator[list[str]]:
        for start in range(0, PATIENTS, PATIENTS_EACH):
            yield [f"patient{n}@seed1.example" for n in range(start, start + PATIENTS_EACH)]

    return in_groups()
