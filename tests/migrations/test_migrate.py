"""The migrations make what the models declare; running them again changes nothing."""

import os
import subprocess
import sys

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from portal.config import Config
from portal.core import rls
from portal.migrate import alembic_config, drift, migrate

_POLICIES = text(
    "SELECT tablename, policyname, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2, 3"
)


def policies(config: Config) -> list[tuple[object, ...]]:
    engine = create_engine(config.owner_database_url)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(_POLICIES)]
    finally:
        engine.dispose()


def test_the_migrations_make_what_the_models_declare(config: Config) -> None:
    assert drift(config) == []


def test_there_is_one_head(config: Config) -> None:
    scripts = ScriptDirectory.from_config(alembic_config(config.owner_database_url))
    assert len(scripts.get_heads()) == 1


def test_again_and_at_once_changes_nothing(config: Config, environ: dict[str, str]) -> None:
    before = policies(config)
    command = [sys.executable, "-m", "portal", "migrate"]
    running = [subprocess.Popen(command, env={**os.environ, **environ}) for _ in range(2)]
    assert [process.wait(300) for process in running] == [0, 0]
    assert policies(config) == before
    assert drift(config) == []


def test_what_was_granted_by_hand_is_taken_back(config: Config) -> None:
    engine = create_engine(config.owner_database_url)
    granted = text("SELECT has_table_privilege('careloop_patient', 'audit_entry', 'DELETE')")
    with engine.begin() as connection:
        connection.execute(text("GRANT DELETE ON audit_entry TO careloop_patient"))
    migrate(config)
    with engine.connect() as connection:
        assert connection.execute(granted).scalar() is False
    engine.dispose()


def test_a_forgotten_column_is_found(config: Config) -> None:
    engine = create_engine(config.owner_database_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE pharmacy ADD COLUMN forgotten text"))
    try:
        assert any("forgotten" in change for change in drift(config))
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE pharmacy DROP COLUMN forgotten"))
        engine.dispose()


@pytest.mark.parametrize("role", ["careloop_app", "careloop_patient", "careloop_worker"])
def test_no_role_of_the_application_goes_past_row_security(config: Config, role: str) -> None:
    engine = create_engine(config.owner_database_url)
    query = text("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = :role")
    with engine.connect() as connection:
        assert tuple(connection.execute(query, {"role": role}).one()) == (False, False)
    engine.dispose()


_FUNCTIONS = text(
    "SELECT p.proname, pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid), "
    "p.proowner::regrole::text FROM pg_proc p "
    "WHERE p.pronamespace = 'public'::regnamespace AND p.prorettype <> 'trigger'::regtype "
    "AND p.proname LIKE 'careloop%' ORDER BY 1, 2"
)


def test_functions_of_an_earlier_version_with_other_results_are_replaced(config: Config) -> None:
    """Whatever policies call them: a function can't be replaced by one that returns other rows."""
    declared = rls.function_names()
    before = policies(config)
    engine = create_engine(config.owner_database_url)
    with engine.begin() as connection:
        functions = [row for row in connection.execute(_FUNCTIONS) if row.proname in declared]
        for name, arguments, _result, _owner in functions:
            connection.exec_driver_sql(f"DROP FUNCTION {name}({arguments}) CASCADE")
            connection.exec_driver_sql(
                f"CREATE FUNCTION {name}({arguments}) RETURNS TABLE (earlier int) LANGUAGE sql "
                "AS 'SELECT 1'"
            )
            connection.exec_driver_sql(f"ALTER FUNCTION {name} OWNER TO careloop_owner")
    migrate(config)
    with engine.connect() as connection:
        after = [row for row in connection.execute(_FUNCTIONS) if row.proname in declared]
    assert after == functions
    engine.dispose()
    assert len(functions) > 20
    assert policies(config) == before
    assert drift(config) == []
