"""The clock at the edges, put to another moment."""

import sys
from datetime import datetime

import pytest

from portal.core import clock


def put_clock(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Have every route, task and command find that it is this moment."""
    read = clock.utcnow

    def stopped() -> datetime:
        return moment

    for name, module in list(sys.modules.items()):
        if name.startswith(("portal.", "workers.")) and getattr(module, "utcnow", None) is read:
            monkeypatch.setattr(module, "utcnow", stopped)
