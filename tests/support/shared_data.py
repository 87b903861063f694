"""Messages and records from real systems, which lie beside the repository where there are any."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[2].parent / "shared" / "data"


def shared_data(name: str) -> Path:
    """A folder of the shared data; skips the test that asks where there is none.

    `CARELOOP_SHARED_DATA` names another place for them.
    """
    folder = Path(os.environ.get("CARELOOP_SHARED_DATA", _BESIDE)) / name
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}: set CARELOOP_SHARED_DATA to their folder")
    return folder
