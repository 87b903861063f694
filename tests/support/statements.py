"""Counting what the application sends to the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.watching import watching
from portal.core.db import db


@contextmanager
def recorded() -> Iterator[list[str]]:
    """The statements executed meanwhile, in their order."""
    seen: list[str] = []
    with watching(db.engine, lambda _connection, statement, _values: seen.append(statement)):
        yield seen
