"""A database and a folder as they were: what takes long to make is made once a process."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, Table, text

from portal.models import metadata

_SEQUENCES = text(
    "SELECT quote_ident(sequencename) AS name, last_value FROM pg_sequences "
    "WHERE schemaname = 'public' AND last_value IS NOT NULL"
)
_SET = text("SELECT setval(CAST(:name AS regclass), :last_value)")


class Snapshot:
    """Every row of every table, every sequence, and a copy of a folder."""

    def __init__(self, engine: Engine, folder: Path, keep_in: Path) -> None:
        self._engine = engine
        self._folder = shutil.copytree(folder, keep_in)
        with engine.begin() as connection, _cursor(connection) as cursor:
            self._rows = {table: _read(cursor, table) for table in metadata.tables.values()}
            self._sequences = [row._asdict() for row in connection.execute(_SEQUENCES)]

    def put_back(self, folder: Path) -> None:
        """Into a database that is empty; the folder's copy goes there."""
        shutil.copytree(self._folder, folder, dirs_exist_ok=True)
        with self._engine.begin() as connection, _cursor(connection) as cursor:
            # As a replica neither foreign keys nor triggers are asked: they were, the first time.
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for table, rows in self._rows.items():
                with cursor.copy(f'COPY "{table.name}" ({_columns(table)}) FROM STDIN') as copy:
                    copy.write(rows)
            for sequence in self._sequences:
                connection.execute(_SET, sequence)


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
