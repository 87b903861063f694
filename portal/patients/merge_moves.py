"""The statements by which a merge moves rows, keeps what it moved, and gives it back.

One statement for each table that names patients: it moves the rows and writes the ledger.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import Any, cast

from sqlalchemy import (
    Column,
    Index,
    PrimaryKeyConstraint,
    Table,
    TextClause,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql

from portal.core.db import Base, naming_patients

# The audit trail is sealed: it says of which record something was seen or written at the time.
APPEND_ONLY = frozenset({"audit_entry"})

# There is one primary practitioner: the survivor's. The duplicate's goes on caring for the patient.
_STEP_DOWN = """
    WITH changed AS (
        UPDATE care_team_member t SET role = 'care_coordinator'
        WHERE t.patient_id = :duplicate AND t.role = 'primary' AND t.ended_on IS NULL
          AND EXISTS (
            SELECT FROM care_team_member o
            WHERE o.patient_id = :survivor AND o.role = 'primary' AND o.ended_on IS NULL)
          AND NOT EXISTS (
            SELECT FROM care_team_member o
            WHERE o.patient_id = :survivor AND o.member_id = t.member_id)
        RETURNING CAST(:survivor AS uuid) AS patient_id, member_id,
                  jsonb_build_object('role', 'primary') AS before)
"""
# Who cared for both goes on caring, also where their care of the survivor had ended, and is the
# primary practitioner where there would be none.
_TAKE_UP = """
    WITH changed AS (
        UPDATE care_team_member t SET ended_on = NULL, role = CASE
            WHEN o.role = 'primary' AND EXISTS (
                SELECT FROM care_team_member p WHERE p.patient_id = :survivor
                AND p.role = 'primary' AND p.ended_on IS NULL) THEN 'care_coordinator'
            ELSE o.role END
        FROM care_team_member o
        WHERE t.patient_id = :survivor AND o.patient_id = :duplicate
          AND o.member_id = t.member_id AND o.ended_on IS NULL
          AND (t.ended_on IS NOT NULL OR (o.role = 'primary' AND NOT EXISTS (
                SELECT FROM care_team_member p WHERE p.patient_id = :survivor
                AND p.role = 'primary' AND p.ended_on IS NULL)))
        RETURNING t.patient_id, t.member_id,
                  jsonb_build_object('role', old.role, 'ended_on', old.ended_on) AS before)
"""
_END_CARE = """
    WITH changed AS (
        UPDATE care_team_member t SET ended_on = :today
        WHERE t.patient_id = :duplicate AND t.ended_on IS NULL
        RETURNING t.patient_id, t.member_id, jsonb_build_object('ended_on', NULL) AS before)
"""
_NOTE_CARE = """
    INSERT INTO merge_move AS m (merge_id, table_name, row_key, before)
    SELECT :merge, 'care_team_member',
           jsonb_build_object('patient_id', patient_id, 'member_id', member_id), before
    FROM changed
    ON CONFLICT (merge_id, table_name, row_key) DO UPDATE SET before = excluded.before || m.before
"""
STEP_DOWN, TAKE_UP, END_CARE = (
    text(statement + _NOTE_CARE) for statement in (_STEP_DOWN, _TAKE_UP, _END_CARE)
)
# Who has left meanwhile does not come back, and there is one primary practitioner.
RESTORE_CARE = text(
    """
    UPDATE care_team_member t SET
        role = CASE WHEN m.before ->> 'role' IS NULL
                 OR (m.before ->> 'role' = 'primary' AND EXISTS (
                    SELECT FROM care_team_member o WHERE o.patient_id = t.patient_id
                    AND o.member_id <> t.member_id AND o.role = 'primary' AND o.ended_on IS NULL))
               THEN t.role ELSE m.before ->> 'role' END,
        ended_on = CASE WHEN NOT jsonb_exists(m.before, 'ended_on') OR EXISTS (
                    SELECT FROM departure d WHERE d.subject_id = t.member_id
                    AND d.done_at IS NOT NULL)
               THEN t.ended_on ELSE CAST(m.before ->> 'ended_on' AS date) END
    FROM merge_move m
    WHERE m.merge_id = :merge AND m.table_name = 'care_team_member'
      AND (jsonb_exists(m.before, 'role') OR jsonb_exists(m.before, 'ended_on'))
      AND t.member_id = CAST(m.row_key ->> 'member_id' AS uuid)
      AND t.patient_id = CASE WHEN jsonb_exists(m.before, 'patient_id') THEN :duplicate
                         ELSE CAST(m.row_key ->> 'patient_id' AS uuid) END
    """
)
CARED_AGAIN = text(
    "SELECT CAST(row_key ->> 'member_id' AS uuid) FROM merge_move "
    "WHERE merge_id = :merge AND table_name = 'care_team_member' "
    "AND jsonb_exists(before, 'patient_id')"
)


Naming = Sequence[tuple[Column[Any], str]]


@cache
def tables() -> Sequence[tuple[Table, Naming]]:
    """Each table whose rows follow a patient, with the columns that name one; parents first."""
    naming = [one for one in naming_patients(Base.metadata) if one[0].table.name not in APPEND_ONLY]
    grouped = groupby(naming, key=lambda one: one[0].table)
    return [(cast(Table, table), list(columns)) for table, columns in grouped]


@cache
def moves() -> Sequence[TextClause]:
    """For each table: move what names the duplicate to the survivor, and note it."""
    return [text(_move(table, columns)) for table, columns in tables()]


@cache
def returns() -> Sequence[TextClause]:
    """For each table, what hangs on others first: give back what a merge moved and what is still
    the survivor's."""
    return [text(_return(table, columns)) for table, columns in reversed(tables())]


def _move(table: Table, columns: Naming) -> str:
    wanted = {
        column.name: f"t.{column.name} = :duplicate AND ({when}){free(column, 'survivor')}"
        for column, when in columns
    }
    sets = ", ".join(
        f"{name} = CASE WHEN {condition} THEN :survivor ELSE t.{name} END"
        for name, condition in wanted.items()
    )
    key = ", ".join(f"'{one.name}', new.{one.name}" for one in table.primary_key)
    before = ", ".join(
        f"'{name}', CASE WHEN old.{name} IS DISTINCT FROM new.{name} THEN old.{name} END"
        for name in wanted
    )
    return (
        f"WITH moved AS (UPDATE {table.name} t SET {sets} "  # noqa: S608 - names from the models
        f"WHERE {' OR '.join(f'({condition})' for condition in wanted.values())} "
        f"RETURNING jsonb_build_object({key}) AS row_key, "
        f"jsonb_strip_nulls(jsonb_build_object({before})) AS before), "
        "noted AS (INSERT INTO merge_move AS m (merge_id, table_name, row_key, before) "
        f"SELECT :merge, '{table.name}', row_key, before FROM moved "
        "ON CONFLICT (merge_id, table_name, row_key) "
        "DO UPDATE SET before = excluded.before || m.before) "
        "SELECT count(*) FROM moved"
    )


def _return(table: Table, columns: Naming) -> str:
    wanted = {
        column.name: f"m.before ->> '{column.name}' IS NOT NULL AND t.{column.name} = :survivor"
        f"{free(column, 'duplicate')}"
        for column, _ in columns
    }
    sets = ", ".join(
        f"{name} = CASE WHEN {condition} THEN CAST(m.before ->> '{name}' AS uuid) ELSE t.{name} END"
        for name, condition in wanted.items()
    )
    key = " AND ".join(
        f"t.{one.name} = CAST(m.row_key ->> '{one.name}' AS {_sql_type(one)})"
        for one in table.primary_key
    )
    return (
        f"UPDATE {table.name} t SET {sets} FROM merge_move m "  # noqa: S608 - names from the models
        f"WHERE m.merge_id = :merge AND m.table_name = '{table.name}' AND {key} "
        f"AND ({' OR '.join(f'({condition})' for condition in wanted.values())})"
    )


def _sql_type(column: Column[Any]) -> str:
    return str(column.type.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


def free(column: Column[Any], heir: str) -> str:
    """That no unique key of the heir's is in the way of the row `t`."""
    table = column.table
    return "".join(
        f" AND NOT (coalesce({narrowed}, false) AND EXISTS "
        f"(SELECT FROM {table} o WHERE o.{column.name} = :{heir}{others} AND {narrowed}))"
        for others, narrowed in _others_of_keys(column)
    )


def _others_of_keys(column: Column[Any]) -> Iterator[tuple[str, str]]:
    """For each unique key with this column, what else must be equal for two rows to clash, and for
    which rows it holds."""
    table = cast(Any, column.table)
    keys: list[tuple[Any, str | None]] = [
        (key, None)
        for key in table.constraints
        if isinstance(key, PrimaryKeyConstraint | UniqueConstraint)
    ]
    keys += [(index, _where(index)) for index in table.indexes if index.unique]
    for key, where in keys:
        names = [one.name for one in key.columns]
        if column.name in names:
            others = "".join(f" AND o.{one} = t.{one}" for one in names if one != column.name)
            yield others, "true" if where is None else f"({where})"


def _where(index: Index) -> str | None:
    where = index.dialect_options["postgresql"]["where"]
    return None if where is None else str(where)
