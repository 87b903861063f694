"""The database: the declarative base, and `transaction(actor)`, the only place that commits."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    TIMESTAMP,
    CheckConstraint,
    Date,
    Engine,
    MetaData,
    Numeric,
    Row,
    Text,
    Time,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session

from portal.config import Config
from portal.core import audit, outbox
from portal.core.actor import Actor

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


class NestedTransaction(RuntimeError):
    """transaction() inside transaction(): a use case must not commit its caller's work."""


ENTER = text(
    "SELECT set_config('role', :role, true), set_config('careloop.actor_id', :actor_id, true), "
    "set_config('careloop.credential_id', :credential_id, true), "
    "set_config('careloop.on_behalf_of', :on_behalf_of, true)"
)

_AUDIT = text(audit.INSERT)
_AUDIT_AND_OUTBOX = text(
    f"WITH audited AS ({audit.INSERT}), emitted AS ({outbox.INSERT}) {outbox.NOTIFY}"
)


@contextmanager
def transaction(actor: Actor) -> Iterator[Session]:
    """One unit of work as `actor`: begin, take the actor's database role, commit once.

    Everything is transaction-local, so that a pooler in transaction mode may stand between. Audit
    and outbox rows gathered on the way are written in the same commit. Any exception rolls back.
    """
    session = db.session()
    if session.in_transaction():
        raise NestedTransaction("transaction() was entered inside another transaction()")
    session.info["actor"] = actor
    try:
        session.execute(
            ENTER,
            {
                "role": actor.kind.database_role,
                "actor_id": str(actor.id),
                "credential_id": str(actor.credential_id),
                "on_behalf_of": str(actor.on_behalf_of),
            },
        )
        yield session
        session.flush()
        _write_gathered(session)
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.clear()
        session.expunge_all()


def _write_gathered(session: Session) -> None:
    """Audit and outbox rows in one statement: every use case pays for it, on every write."""
    recorded = audit.take_gathered(session)
    if not recorded:
        outbox.write_gathered(session)
    elif emitted := outbox.take_gathered(session):
        session.execute(_AUDIT_AND_OUTBOX, {**recorded, **emitted})
    else:
        session.execute(_AUDIT, recorded)


def read_once(statement: Any, parameters: Mapping[str, Any]) -> Row[Any] | None:
    """One row by one statement in its own implicit transaction, as the role that sees nothing.

    Only for the SECURITY DEFINER look-ups by which an actor is established.
    """
    with db.engine.connect() as pooled:
        connection = pooled.execution_options(isolation_level="AUTOCOMMIT")
        return connection.execute(statement, parameters).first()


def engine_options(config: Config) -> dict[str, Any]:
    """Pool and driver settings: no server-side prepared names that a pooler would lose."""
    return {
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
