"""Data that lies beside the repository: real messages of other systems."""

import os
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parents[2]


def shared(*parts: str) -> Path:
    """A path in the shared data; the test is skipped where it is absent."""
    named = os.environ.get("CARELOOP_SHARED_DATA")
    places = [Path(named)] if named else [up / "shared" / "data" for up in _REPOSITORY.parents]
    for place in places:
        path = place.joinpath(*parts)
        if path.exists():
            return path
    pytest.skip(f"{'/'.join(parts)} is not in the shared data: set CARELOOP_SHARED_DATA")
