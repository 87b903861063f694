"""The database as it was: a story that takes long to tell is told once, and put back for others."""

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Engine, Table, text

from portal.models import metadata
from tests.support.clinic import SmallClinic, build_clinic

_SEQUENCES = text(
    "SELECT quote_ident(sequencename) AS name, last_value FROM pg_sequences "
    "WHERE schemaname = 'public' AND last_value IS NOT NULL"
)
_SET = text("SELECT setval(CAST(:name AS regclass), :last_value)")


class Snapshot:
    """Every row of every table, and where each sequence stood."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with engine.begin() as connection, _cursor(connection) as cursor:
            self._rows = {table: _read(cursor, table) for table in metadata.tables.values()}
            self._sequences = [row._asdict() for row in connection.execute(_SEQUENCES)]

    def put_back(self) -> None:
        """Into a database that is empty."""
        with self._engine.begin() as connection, _cursor(connection) as cursor:
            # As a replica neither foreign keys nor triggers are asked: they were, the first time.
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for table, rows in self._rows.items():
                if rows:
                    with cursor.copy(f'COPY "{table.name}" ({_columns(table)}) FROM STDIN') as copy:
                        copy.write(rows)
            for sequence in self._sequences:
                connection.execute(_SET, sequence)


class ToldOnce:
    """A clinic with what `tell` tells of it: told the first time, and put back afterwards."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: tuple[bytes, Snapshot] | None = None

    def __call__(self, tell: Callable[[SmallClinic], object] | None = None) -> SmallClinic:
        if self._kept is not None:
            pickled, snapshot = self._kept
            snapshot.put_back()
            # Each test has rows of its own, which it may change.
            kept: SmallClinic = pickle.loads(pickled)  # noqa: S301
            return kept
        clinic = build_clinic()
        if tell is not None:
            tell(clinic)
        self._kept = pickle.dumps(clinic), Snapshot(self._engine)
        return clinic


@contextmanager
def _cursor(connection: Any) -> Iterator[psycopg.Cursor[Any]]:
    driver: psycopg.Connection[Any] = connection.connection.driver_connection
    with driver.cursor() as cursor:
        yield cursor


def _read(cursor: psycopg.Cursor[Any], table: Table) -> bytes:
    with cursor.copy(f'COPY (SELECT {_columns(table)} FROM "{table.name}") TO STDOUT') as copy:
        return b"".join(bytes(part) for part in copy)


def _columns(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns if column.computed is None)
