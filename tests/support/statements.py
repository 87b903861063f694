"""Counting what the application sends to the database."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

from bench.watching import watching
from portal.core.db import db


@contextmanager
def recorded() -> Iterator[list[str]]:
    """The statements executed meanwhile, in their order."""
    seen: list[str] = []
    with watching(db.engine, lambda _connection, statement, _values: seen.append(statement)):
        yield seen


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every node of a plan."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


@contextmanager
def explained(words: str) -> Iterator[list[Mapping[str, Any]]]:
    """The nodes of the plans of those statements executed meanwhile in which the words stand, as
    they ran for their actor. Tables are small here: reading a whole one does not count as cheap."""
    seen: list[Mapping[str, Any]] = []

    def note(connection: psycopg.Connection[Any], statement: str, values: Any) -> None:
        if words not in statement:
            return
        cursor = psycopg.Cursor(connection)
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        [[[found]]] = cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".encode(), values)
        cursor.execute("RESET enable_seqscan; RESET enable_bitmapscan")
        seen.extend(nodes(found["Plan"]))

    with watching(db.engine, note):
        yield seen
