"""Bringing a database to this version: roles, schema, then functions, grants and row policies."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.dialects.postgresql.base import ischema_names

from portal import models
from portal.config import Config
from portal.core import audit_chain, rls
from portal.core.clock import utcnow
from portal.core.tables import Xid8

SCRIPTS = Path(__file__).parent.parent / "migrations"
ROLES_LOCK = 7_246_102
ischema_names["xid8"] = Xid8


def alembic_config(owner_url: str) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("sqlalchemy.url", owner_url.replace("%", "%%"))
    return config


def migrate(config: Config) -> None:
    """Upgrade the database that PORTAL_OWNER_DATABASE_URL names. Safe to run again, and twice."""
    owner_url = config.owner_database_url
    engine = create_engine(owner_url)
    try:
        with engine.begin() as connection:
            _ensure_roles(connection, make_url(config.database_url).password or "")
        command.upgrade(alembic_config(owner_url), "head")
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ROLES_LOCK})
            connection.execute(text(f"SET LOCAL ROLE {rls.OWNER_ROLE}"))
            rls.apply(connection)
            audit_chain.ensure_months(connection, utcnow())
    finally:
        engine.dispose()


def _ensure_roles(connection: Connection, app_password: str) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ROLES_LOCK})
    for statement in rls.role_statements(app_password):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"GRANT USAGE, CREATE ON SCHEMA public TO {rls.OWNER_ROLE}")


def drift(config: Config) -> list[str]:
    """What the models declare and the migrated database lacks, or the other way; empty is good."""
    engine = create_engine(config.owner_database_url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"include_object": _not_a_partition}
            )
            return [str(change) for change in compare_metadata(context, models.metadata)]
    finally:
        engine.dispose()


def _not_a_partition(
    _object: object, name: str | None, type_: str, _reflected: bool, _to: object
) -> bool:
    return not (type_ == "table" and name is not None and name.startswith("audit_entry_"))
