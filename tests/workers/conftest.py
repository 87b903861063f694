"""What the tests of the workers share: events left in the outbox, and what came of them."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
import redis
import structlog
from flask import Flask
from sqlalchemy import select

from portal.config import Config
from portal.core import outbox
from portal.core.actor import OPERATOR
from portal.core.db import transaction
from portal.core.tables import OutboxEvent
from portal.worklist.model import WorkItem
from portal.worklist.states import WorkItemKind
from tests.refills.conftest import pharmacy, refillable
from workers import delivering, outcomes, runner

__all__ = ["pharmacy", "refillable"]

WORK = "test.work"
DELIVERY = "test.delivery"
Leave = Callable[..., UUID]


@pytest.fixture
def leave(app: Flask) -> Leave:
    """Leaves an event in the outbox: `leave(kind, due_at=…, member=…)`."""
    assert app.testing

    def emit(kind: str = WORK, due_at: datetime | None = None, **payload: Any) -> UUID:
        with transaction(OPERATOR) as session:
            return outbox.emit(session, kind, due_at=due_at, **payload)

    return emit


@pytest.fixture
def valkey(config: Config) -> Iterator[redis.Redis]:
    """The broker, empty."""
    client = redis.Redis.from_url(config.redis_url)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


class Paper:
    """What a log's lines are written on."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def msg(self, line: str) -> None:
        self.lines.append(line)

    info = warning = error = msg


@pytest.fixture
def lines(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the workers log in this process from now on."""
    assert app.testing, "logging is set up with the application"
    paper = Paper()
    for module in (runner, outcomes, delivering):
        monkeypatch.setattr(module, "log", structlog.wrap_logger(paper))
    return paper.lines


def event(id_: UUID) -> OutboxEvent:
    """An event as it stands in the database."""
    with transaction(OPERATOR) as session:
        return session.get_one(OutboxEvent, id_)


def events(kind: str | None = None) -> list[OutboxEvent]:
    query = select(OutboxEvent).order_by(OutboxEvent.id)
    with transaction(OPERATOR) as session:
        return list(session.scalars(query if kind is None else query.filter_by(kind=kind)))


def dead_letters() -> list[WorkItem]:
    query = select(WorkItem).filter_by(kind=WorkItemKind.DEAD_LETTER)
    with transaction(OPERATOR) as session:
        return list(session.scalars(query))


def set_event(id_: UUID, **columns: Any) -> None:
    """Put an event back to what a crash, or time, would have left."""
    with transaction(OPERATOR) as session:
        row = session.get_one(OutboxEvent, id_)
        for name, value in columns.items():
            setattr(row, name, value)
