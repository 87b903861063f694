"""The running demo for all journeys."""

from pathlib import Path

import pytest

from tests.support.supervised import ROOT, Supervised

__all__ = ["ROOT", "running"]


@pytest.fixture(scope="module")
def running(running_portal: Supervised) -> Path:
    """The folder of a running demo, with its demo.json."""
    (running_portal.var / "base_url").write_text(running_portal.base_url)
    return running_portal.var
