"""Alembic's environment: migrations run as the owner, then roles and row policies follow the code."""

from alembic import context
from sqlalchemy import create_engine, text

from portal import models
from portal.core import rls

target_metadata = models.metadata
LOCK = 7_246_101


def include_object(
    _object: object, name: str | None, type_: str, _reflected: bool, _to: object
) -> bool:
    """Partitions of the audit trail are made by the workers, not by migrations."""
    return not (type_ == "table" and name is not None and name.startswith("audit_entry_"))


def run() -> None:
    engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "")
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.configure(
            connection=connection,
            target_metadata=target_metadata,
            include_object=include_object,
            compare_type=True,
        )
        connection.execute(text(f"SET LOCAL ROLE {rls.OWNER_ROLE}"))
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
