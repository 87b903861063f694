"""Counting what the application sends to the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from bench.watching import watching
from portal.core.db import db
from portal.core.web import extension


@contextmanager
def recorded() -> Iterator[list[str]]:
    """The statements executed meanwhile, in their order."""
    seen: list[str] = []
    with watching(db.engine, lambda _connection, statement, _values: seen.append(statement)):
        yield seen


def by_indexes(session: Session, *tables: str) -> None:
    """Have this transaction's statements planned anew, by what is in these tables now, and as where
    tables are large: with indexes, in their order.

    Who happens to have looked at a table last, when it held something else, must not choose.
    """
    owner = create_engine(extension("config").owner_database_url)
    with owner.begin() as connection:
        connection.execute(text(f"ANALYZE {', '.join(tables)}"))
    owner.dispose()
    session.execute(text("DISCARD PLANS"))
    for way in ("seqscan", "bitmapscan", "sort"):
        session.execute(text(f"SET LOCAL enable_{way} = off"))


def rows_read(session: Session, table: str) -> int:
    """How many rows of a table were read by its indexes; what counts is the difference."""
    statement = text(
        "SELECT idx_tup_fetch FROM pg_stat_xact_user_tables "
        "WHERE schemaname = current_schema AND relname = :name"
    )
    return int(session.execute(statement, {"name": table}).scalar_one())
