"""The database: the declarative base, and `transaction(actor)`, the only place that commits."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from typing import Any
from uuid import UUID

import psycopg
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from psycopg.rows import namedtuple_row
from sqlalchemy import (
    TIMESTAMP,
    CheckConstraint,
    Column,
    Connection,
    Date,
    Engine,
    MetaData,
    Numeric,
    Text,
    TextClause,
    Time,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session

from portal.config import Config
from portal.core import answers, audit, outbox
from portal.core.actor import NOBODY, Actor, ActorKind
from portal.core.errors import AccessEnded, PatientDeceased, Unavailable

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The base of every table. Times carry their zone, text has no length but a CHECK's."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: TIMESTAMP(timezone=True),
        date: Date(),
        time: Time(),
        Decimal: Numeric(12, 3),
        UUID: Uuid(),
        str: Text(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
    }


db = SQLAlchemy(
    metadata=Base.metadata,
    disable_autonaming=True,
    session_options={"expire_on_commit": False, "autoflush": False},
)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """A CHECK that a text column holds one of the enumeration's values, or nothing."""
    listed = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


PATIENT = "patient_id"
_NAMES_PATIENT = "names_patient"


def names_patient(when: str = "true") -> dict[str, str]:
    """The `info` of a column by another name than patient_id that names a patient, in the rows
    for which `when` holds: when two records are merged, it follows."""
    return {_NAMES_PATIENT: when}


def naming_patients(metadata: MetaData) -> Iterator[tuple[Column[Any], str]]:
    """Every column that names a patient, with the SQL condition under which it does."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            when = "true" if column.name == PATIENT else column.info.get(_NAMES_PATIENT)
            if when is not None:
                yield column, when


class NestedTransaction(RuntimeError):
    """transaction() inside transaction(): a use case must not commit its caller's work."""


# One round trip: each of the commands alone would be one. What is filled in is never text from
# outside: names of roles and categories of ours, and UUIDs.
_BEGIN = (
    "BEGIN; SET LOCAL ROLE {role}; SET LOCAL careloop.actor_id = '{actor_id}'; "
    "SET LOCAL careloop.credential_id = '{credential_id}'; "
    "SET LOCAL careloop.on_behalf_of = '{on_behalf_of}'"
)
# Whoever acts for somebody keeps that access for the length of a transaction: taking it away waits,
# so that nothing is half done, and nothing begins after. Raises these SQLSTATEs where it has ended,
# or is less than when the request came.
_HOLD = "; SELECT careloop_hold_delegation('{{{categories}}}')"
ACCESS_ENDED, ACCESS_NARROWED = "CL001", "CL002"
# What is asked anew for a patient who has died is refused with this SQLSTATE.
DECEASED = "CL003"
_LOCK = text(
    "SELECT pg_advisory_xact_lock(number) FROM unnest(CAST(:numbers AS bigint[])) AS number"
)
_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]


@cache
def _driver_sql(statement: TextClause) -> str:
    return str(statement.compile(dialect=_DIALECT))


def run(
    source: Session | Connection, statement: TextClause, parameters: Mapping[str, Any]
) -> list[Any]:
    """The rows of a statement, executed by the driver itself: for the hot paths.

    The same SQL in the same transaction, without what SQLAlchemy adds to an execution (0.15 ms).
    Errors are SQLAlchemy's own, and a broken connection leaves the pool with its siblings.
    """
    connection = source.connection() if isinstance(source, Session) else source
    return _execute(connection, _driver_sql(statement), parameters)


def _execute(
    connection: Connection,
    statement: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    prepare: bool | None = None,
) -> list[Any]:
    driver: Any = connection.connection.driver_connection
    cursor = driver.cursor(row_factory=namedtuple_row)
    try:
        cursor.execute(statement, parameters, prepare=prepare)
        return list(cursor.fetchall()) if cursor.description else []
    except psycopg.Error as error:
        raise _as_ours(connection, error) from error


def _begin(session: Session, actor: Actor, locks: Collection[str]) -> None:
    """Begin a transaction as `actor`. Several commands at once can't be prepared.

    Raises AccessEnded for a delegate whose access was taken away since the request came; where a
    part of it was, Unavailable for a moment: the next request knows which.
    """
    statement = _BEGIN.format(
        role=actor.kind.database_role,
        actor_id=actor.id,
        credential_id=actor.credential_id,
        on_behalf_of=actor.on_behalf_of,
    )
    locked = [f"; SELECT pg_advisory_xact_lock({number})" for number in _lock_numbers(locks)]
    held = ""
    if actor.kind is ActorKind.DELEGATE and actor.on_behalf_of != NOBODY:
        held = _HOLD.format(categories=",".join(sorted(actor.categories)))
    try:
        _execute(session.connection(), statement + held + "".join(locked), prepare=False)
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state == ACCESS_ENDED:
            raise AccessEnded() from error
        if state == ACCESS_NARROWED:
            raise Unavailable("Your access was changed just now. Try again.") from error
        raise


def _lock_numbers(names: Collection[str]) -> list[int]:
    """Sorted, so that whoever takes several takes them in one order."""
    digests = (blake2b(name.encode(), digest_size=8).digest() for name in names)
    return sorted(int.from_bytes(digest, signed=True) for digest in digests)


def lock(session: Session, names: Collection[str]) -> None:
    """Wait until no other transaction has a lock of these names; see transaction()."""
    run(session, _LOCK, {"numbers": _lock_numbers(names)})


def _as_ours(connection: Connection, error: psycopg.Error) -> BaseException:
    driver = connection.connection.driver_connection
    broken = bool(driver is None or driver.closed)
    if broken:
        connection.invalidate()
        connection.engine.dispose()
    return DBAPIError.instance(
        "a statement",
        None,
        error,
        psycopg.Error,
        hide_parameters=True,
        connection_invalidated=broken,
        dialect=_DIALECT,
    )


def _is_for_deceased(error: BaseException) -> bool:
    """Whether the database refused something new for a patient who has died."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == DECEASED


def violated(error: DBAPIError) -> str | None:
    """The constraint that a statement would have violated."""
    name: str | None = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    return name


@contextmanager
def transaction(actor: Actor, *, locks: Collection[str] = ()) -> Iterator[Session]:
    """One unit of work as `actor`: begin, take the actor's database role, commit once.

    `locks` are names of what only one transaction at a time may work on; every statement after
    sees what the one before has committed.

    Everything is transaction-local, so that a pooler in transaction mode may stand between. Audit
    and outbox rows gathered on the way are written in the same commit. Any exception rolls back.

    Raises PatientDeceased where something new is asked for a patient who has died.
    """
    session = db.session()
    if session.in_transaction():
        raise NestedTransaction("transaction() was entered inside another transaction()")
    session.info["actor"] = actor
    try:
        _begin(session, actor, locks)
        yield session
        session.flush()
        write_gathered(session)
        session.commit()
    except BaseException as error:
        session.rollback()
        if _is_for_deceased(error):
            raise PatientDeceased() from error
        raise
    finally:
        session.info.clear()
        session.expunge_all()


@cache
def closing(parts: tuple[str, ...], last: str) -> TextClause:
    """One statement of several that write, if there are any, and a last one."""
    if not parts:
        return text(last)
    return text(f"WITH {', '.join(f'part_{n} AS ({p})' for n, p in enumerate(parts))} {last}")


def take_gathered(session: Session) -> tuple[list[str], dict[str, Any], str]:
    """Audit rows, outbox rows and the kept answer: as parts of a statement, their parameters, and
    what the statement ends with. For the hot paths whose own last statement takes them along."""
    parts: list[str] = []
    values: dict[str, Any] = {}
    for part, gathered in (
        (audit.INSERT, audit.take_gathered(session)),
        (answers.KEEP, answers.take_gathered(session)),
        (outbox.INSERT, emitted := outbox.take_gathered(session)),
    ):
        if gathered:
            parts.append(part)
            values.update(gathered)
    return parts, values, outbox.NOTIFY if emitted else "SELECT 1"


def write_gathered(session: Session) -> None:
    """What was gathered, in one statement: every use case pays for it."""
    parts, values, last = take_gathered(session)
    if parts:
        run(session, closing(tuple(parts), last), values)


def read_once(statement: TextClause, parameters: Mapping[str, Any]) -> Any:
    """One row by one statement in its own implicit transaction, as the role that sees nothing;
    None where there is none.

    Only for the SECURITY DEFINER look-ups by which an actor is established.
    """
    with db.engine.connect() as connection:
        return next(iter(run(connection, statement, parameters)), None)


def engine_options(config: Config) -> dict[str, Any]:
    """Pool and driver settings; a pooler in between must know prepared statements.

    The driver begins no transactions: transaction() does, and commits through it.
    """
    return {
        "isolation_level": "AUTOCOMMIT",
        "pool_size": config.pool_size,
        "max_overflow": 0,
        "pool_timeout": 10,
        "pool_use_lifo": True,
        "hide_parameters": True,
        "connect_args": {
            "application_name": "careloop",
            "options": "-c timezone=UTC -c jit=off -c statement_timeout=15000 "
            "-c idle_in_transaction_session_timeout=60000",
        },
    }


def register(app: Flask, config: Config) -> None:
    app.config["SQLALCHEMY_DATABASE_URI"] = config.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(config)
    db.init_app(app)


def engine() -> Engine:
    return db.engine
