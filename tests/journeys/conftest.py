"""One `make run` for all journeys, in a folder of its own."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.supervisor.ports import free_port

ROOT = Path(__file__).parents[2]
SECONDS = 90


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a running demo, with its demo.json."""
    var, port = tmp_path_factory.mktemp("var"), free_port()
    inherited = {name: value for name, value in os.environ.items() if "PORTAL" not in name}
    environ = {**inherited, "PORTAL_VAR": str(var), "PORTAL_PORT": str(port)}
    log = var / "run.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "portal.supervisor"],
            cwd=ROOT,
            env=environ,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/readyz", process, log)
        (var / "base_url").write_text(f"http://localhost:{port}")
        yield var
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text()[-3000:])
