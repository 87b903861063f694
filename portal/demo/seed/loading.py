"""Writing the generated rows by COPY, several processes at once, each chunk in one transaction."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

import psycopg

from portal.core.errors import Conflict
from portal.demo.seed import directory, patients, results
from portal.demo.seed.plan import Plan, Table, row_id

COLUMNS = {**directory.COLUMNS, **patients.COLUMNS, **results.COLUMNS}
Progress = Callable[[int], None]


class NotEmpty(Conflict):
    code = "database_not_empty"
    detail = (
        "There are patients in this database already: add to them with --append, or start over "
        "with `portal demo reset`."
    )


class SeedUsed(Conflict):
    code = "seed_used"
    detail = "This seed is in the database already: choose another --seed."


def load(
    dsn: str,
    plan: Plan,
    *,
    password_hash: str = patients.NULL,
    append: bool = False,
    processes: int = 2,
    progress: Progress = lambda _done: None,
) -> None:
    """Write everything that a plan holds; `progress` is told of patients as they are written.

    `dsn` must log in as a role that row security does not bind: COPY has no other way in. Raises
    NotEmpty, SeedUsed.
    """
    with psycopg.connect(dsn) as connection:
        _check(connection, plan, append)
        copy(connection, dict(directory.rows(plan)))
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting = {
            pool.submit(_load_chunks, dsn, plan, password_hash, numbers): numbers
            for numbers in _shares(plan.chunks)
        }
        for done in as_completed(waiting):
            done.result()
            progress(sum(len(plan.chunk(number)) for number in waiting[done]))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ANALYZE")


def _shares(chunks: int, size: int = 2) -> list[range]:
    return [range(start, min(chunks, start + size)) for start in range(0, chunks, size)]


def _load_chunks(dsn: str, plan: Plan, password_hash: str, numbers: Iterable[int]) -> None:
    making, reporting = patients.Chunks(plan, password_hash), results.Results(plan)
    with psycopg.connect(dsn) as connection:
        for number in numbers:
            copy(connection, making.rows(number))
            copy(connection, reporting.rows(number))
            connection.commit()


def copy(connection: psycopg.Connection[Any], tables: Mapping[str, list[str]]) -> None:
    """Write lines of COPY's text format, in the order of the tables."""
    with connection.cursor() as cursor:
        for table, lines in tables.items():
            if not lines:
                continue
            statement = f"COPY {table} ({COLUMNS[table]}) FROM STDIN"
            with cursor.copy(statement.encode()) as stream:
                stream.write("\n".join(lines) + "\n")


def _check(connection: psycopg.Connection[Any], plan: Plan, append: bool) -> None:
    first = row_id(plan.tail, Table.CLINIC, 0)
    if connection.execute("SELECT 1 FROM clinic WHERE id = %s", [first]).fetchone():
        raise SeedUsed()
    if not append and connection.execute("SELECT 1 FROM patient LIMIT 1").fetchone():
        raise NotEmpty()
