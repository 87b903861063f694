"""Seeing what the application sends to the database, whichever way it sends it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Engine, event

Note = Callable[[psycopg.Connection[Any], str, Mapping[str, Any]], None]


@contextmanager
def watching(engine: Engine, note: Note) -> Iterator[None]:
    """Call `note` with each statement that a connection of the engine executes meanwhile."""

    class Watched(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            note(self.connection, str(query), params or {})
            return super().execute(query, params, **options)

    def take_out(connection: Any, *_rest: Any) -> None:
        connection.cursor_factory = Watched

    def give_back(connection: Any, *_rest: Any) -> None:
        if connection is not None:
            connection.cursor_factory = psycopg.Cursor

    event.listen(engine, "checkout", take_out)
    event.listen(engine, "checkin", give_back)
    try:
        yield
    finally:
        event.remove(engine, "checkout", take_out)
        event.remove(engine, "checkin", give_back)
