"""Row-level security as code: each table declares, beside its model, who may see which rows.

The application logs in as `careloop_app`, which owns nothing and sees nothing; transaction(actor)
switches to one role per kind of actor. A policy is written TO one role, with the setting in a
scalar sub-select, so that the planner evaluates it once and uses the index even without a WHERE.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError

from portal.core.actor import AccessCategory, ActorKind

APP_ROLE = "careloop_app"
OWNER_ROLE = "careloop_owner"
ME = "(SELECT nullif(current_setting('careloop.actor_id', true), '')::uuid)"
MY_CREDENTIAL = "(SELECT nullif(current_setting('careloop.credential_id', true), '')::uuid)"
ON_BEHALF_OF = "(SELECT nullif(current_setting('careloop.on_behalf_of', true), '')::uuid)"
EVERY_ROW = "true"

SELECT, INSERT, UPDATE, DELETE = "SELECT", "INSERT", "UPDATE", "DELETE"


@dataclass(frozen=True, slots=True)
class Grant:
    """What one kind of actor may do with the rows of a table for which `rows` holds.

    `columns` narrows UPDATE to those columns; `check` is the rule for rows as written, where it
    differs from `rows`.
    """

    kind: ActorKind
    verbs: tuple[str, ...]
    rows: str
    columns: tuple[str, ...] = ()
    check: str | None = None


@dataclass(frozen=True, slots=True)
class TableAccess:
    """Everything that the application's roles may do with one table."""

    table: str
    grants: tuple[Grant, ...]
    row_security: bool = True


@dataclass(slots=True)
class Registry:
    tables: dict[str, TableAccess] = field(default_factory=dict)
    functions: list[str] = field(default_factory=list)
    ways_in: dict[str, list[tuple[bool, str]]] = field(default_factory=dict)
    triggers: list[str] = field(default_factory=list)


registry = Registry()


def protect(table: str, *grants: Grant) -> None:
    """Declare a table with patients' data: forced row-level security, and these grants alone."""
    registry.tables[table] = TableAccess(table, grants)


def share(table: str, *grants: Grant) -> None:
    """Declare a table without patients' data: grants by verb, no row policies."""
    registry.tables[table] = TableAccess(table, grants, row_security=False)


def to(
    kinds: ActorKind | Iterable[ActorKind],
    verbs: str | Sequence[str],
    rows: str = EVERY_ROW,
    *,
    columns: Sequence[str] = (),
    check: str | None = None,
) -> tuple[Grant, ...]:
    """Grants of the same shape for several kinds of actor."""
    listed = (kinds,) if isinstance(kinds, ActorKind) else sorted(kinds)  # as policies are named
    listed_verbs = (verbs,) if isinstance(verbs, str) else tuple(verbs)
    return tuple(Grant(kind, listed_verbs, rows, tuple(columns), check) for kind in listed)


def delegated(
    category: AccessCategory,
    verbs: str | Sequence[str] = SELECT,
    rows: str = EVERY_ROW,
    *,
    columns: Sequence[str] = (),
    confidential: str | None = None,
    check: str | None = None,
) -> tuple[Grant, ...]:
    """Grants to delegates: a patient's rows, while they may act for that patient in a category.

    Asked of the delegations once a statement. `confidential` names the column by which a
    practitioner keeps a row from every delegate; `check` is the rule for rows as written, where it
    differs from `rows`.
    """
    condition = f"patient_id = (SELECT careloop_delegated('{category}'))"
    if confidential is not None:
        condition += f" AND NOT {confidential}"
    written = None if check is None else f"{condition} AND ({check})"
    if rows != EVERY_ROW:
        condition += f" AND ({rows})"
    return to(ActorKind.DELEGATE, verbs, condition, columns=columns, check=written)


SYSTEM = (ActorKind.WORKER, ActorKind.OPERATOR)


def system_access() -> tuple[Grant, ...]:
    """Workers and the operator's command line: every row, no DELETE."""
    return to(SYSTEM, (SELECT, INSERT, UPDATE))


def role_statements(password: str = "") -> list[str]:
    """SQL that makes the cluster's roles where missing. Run by a role that may create roles."""
    login = f" PASSWORD '{password}'" if password else ""
    statements = [_create_role(OWNER_ROLE, "NOLOGIN"), _create_role(APP_ROLE, "LOGIN NOINHERIT")]
    if login:
        statements.append(f"ALTER ROLE {APP_ROLE}{login}")
    for kind in ActorKind:
        statements.append(_create_role(kind.database_role, "NOLOGIN"))
        statements.append(f"GRANT {kind.database_role} TO {APP_ROLE} WITH INHERIT FALSE, SET TRUE")
    statements.append(f"GRANT {OWNER_ROLE} TO CURRENT_USER")
    return statements


def _create_role(name: str, attributes: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN "
        f"CREATE ROLE {name} {attributes}; END IF; END $$"
    )


def access_statements(access: TableAccess) -> list[str]:
    """SQL that brings one table's grants and policies to what the code declares, once the policies
    of an earlier version are gone."""
    name = access.table
    roles = ", ".join([APP_ROLE, *(kind.database_role for kind in ActorKind)])
    statements = [f"REVOKE ALL ON {name} FROM PUBLIC, {roles}"]
    switch = "ENABLE" if access.row_security else "DISABLE"
    force = "FORCE" if access.row_security else "NO FORCE"
    statements.append(f"ALTER TABLE {name} {switch} ROW LEVEL SECURITY")
    statements.append(f"ALTER TABLE {name} {force} ROW LEVEL SECURITY")
    if access.row_security:
        # The owner is a role that nobody logs in as: migrations and the look-up functions run
        # as it, and FORCE would blind them without a policy of their own.
        statements.append(
            f"CREATE POLICY {name}_owner ON {name} TO {OWNER_ROLE} USING (true) WITH CHECK (true)"
        )
    for grant in access.grants:
        statements.extend(_verb_statements(name, grant))
    if access.row_security:
        statements.extend(_policy_statements(access))
    return statements


def _verb_statements(table: str, grant: Grant) -> Iterator[str]:
    columns = f" ({', '.join(grant.columns)})" if grant.columns else ""
    for verb in grant.verbs:
        narrowed = columns if verb in (UPDATE, SELECT) else ""
        yield f"GRANT {verb}{narrowed} ON {table} TO {grant.kind.database_role}"


def _policy_statements(access: TableAccess) -> Iterator[str]:
    """One policy for each kind of actor and verb, whose reasons are tried as they were declared:
    of several policies the server would choose the order, and might ask the dearest first."""
    reasons: dict[tuple[ActorKind, str], list[Grant]] = {}
    for grant in access.grants:
        for verb in grant.verbs:
            reasons.setdefault((grant.kind, verb), []).append(grant)
    for (kind, verb), grants in reasons.items():
        rows = " OR ".join(f"({grant.rows})" for grant in grants)
        check = " OR ".join(f"({grant.check or grant.rows})" for grant in grants)
        clauses = "" if verb == INSERT else f" USING ({rows})"
        if verb in (INSERT, UPDATE):
            clauses += f" WITH CHECK ({check})"
        name = f"{access.table}_{kind.value}_{verb.lower()}"
        yield f"CREATE POLICY {name} ON {access.table} FOR {verb} TO {kind.database_role}{clauses}"


def define_function(statement: str) -> None:
    """Declare a SQL function (CREATE OR REPLACE …) that policies or sign-in stand on."""
    registry.functions.append(statement)


def way_in(function: str, condition: str, *, usual: bool = False) -> None:
    """Add a reason for which an actor may see a patient or a record (`target` in the condition).

    `function` is the name that policies call, as in `careloop_cares_for(patient_id)`. Each slice
    adds the reasons that its own tables give; the `usual` ones are tried before the others.
    """
    registry.ways_in.setdefault(function, []).append((not usual, condition))


def define_trigger(statement: str) -> None:
    """Declare a statement that makes a constraint trigger, run after the functions exist."""
    registry.triggers.append(statement)


def owned_function(
    signature: str,
    returns: str,
    body: str,
    *,
    language: str = "sql",
    one_plan: bool = False,
) -> None:
    """Declare a function that runs as the owner, callable by the application's roles.

    With `one_plan` its statements keep one plan for all arguments: for those whose only plan is a
    walk along an index to a LIMIT, which the server would else make anew for each call.
    """
    name = signature.split("(", maxsplit=1)[0]
    volatility = "STABLE " if language == "sql" else ""
    settings = " SET plan_cache_mode = force_generic_plan" if one_plan else ""
    define_function(
        f"CREATE OR REPLACE FUNCTION {signature} RETURNS {returns} LANGUAGE {language} "
        f"{volatility}SECURITY DEFINER SET search_path = public{settings} AS $${body}$$"
    )
    define_function(f"ALTER FUNCTION {name} OWNER TO {OWNER_ROLE}")


def _way_in_statements(function: str, ways: Iterable[tuple[bool, str]]) -> list[str]:
    """The reasons are tried one after another. As one expression each call would make ready for
    all of them, and most rows need only the first."""
    usual_first = sorted(ways, key=itemgetter(0))
    tried = " ".join(f"IF ({condition}) THEN RETURN true; END IF;" for _, condition in usual_first)
    return [
        f"CREATE OR REPLACE FUNCTION {function}(target uuid) RETURNS boolean LANGUAGE plpgsql "
        f"STABLE SECURITY DEFINER SET search_path = public AS "
        f"$$BEGIN {tried} RETURN false; END$$",
        f"ALTER FUNCTION {function} OWNER TO {OWNER_ROLE}",
    ]


_NAME = re.compile(r"CREATE OR REPLACE FUNCTION (\w+)")
_OTHER_RESULT = "42P13"


def _function_statements() -> list[str]:
    ways_in = (
        statement
        for function, ways in registry.ways_in.items()
        for statement in _way_in_statements(function, ways)
    )
    return [*registry.functions, *ways_in]


def function_names() -> set[str]:
    """The functions that the code declares."""
    return {named[1] for one in _function_statements() if (named := _NAME.match(one))}


# Before functions are defined: those that policies call could not be dropped.
_DROP_POLICIES = (
    "DO $$ DECLARE p record; BEGIN FOR p IN SELECT tablename, policyname FROM pg_policies "
    "WHERE schemaname = current_schema() LOOP "
    "EXECUTE format('DROP POLICY %I ON %I', p.policyname, p.tablename); END LOOP; END $$"
)


def _define(connection: Connection, statement: str) -> None:
    """Run a statement of the registry. A function that an earlier version left with another result
    or other names of its parameters can't be replaced: it is dropped first."""
    escaped = statement.replace("%", "%%")
    named = _NAME.match(statement)
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(escaped)
    except ProgrammingError as error:
        if named is None or getattr(error.orig, "sqlstate", None) != _OTHER_RESULT:
            raise
        connection.exec_driver_sql(f"DROP FUNCTION {named[1]}")
        connection.exec_driver_sql(escaped)


def apply(connection: Connection) -> None:
    """Bring functions, grants and policies to what the code declares, in one transaction.

    Runs after every migration as the owner, so that a policy changed in the code is never
    forgotten in a migration. Idempotent.
    """
    roles = ", ".join([APP_ROLE, *(kind.database_role for kind in ActorKind)])
    statements = [
        *registry.triggers,
        *(
            statement
            for access in registry.tables.values()
            for statement in access_statements(access)
        ),
    ]
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {roles}")
    connection.exec_driver_sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {roles}")
    connection.exec_driver_sql(_DROP_POLICIES.replace("%", "%%"))
    for function in _function_statements():
        _define(connection, function)
    for statement in statements:
        connection.exec_driver_sql(statement.replace("%", "%%"))
