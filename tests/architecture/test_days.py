"""A day is somebody's: nothing takes one from UTC, where it begins and ends at other hours."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.test_source import OURS, name_of

# What is no day of anybody's calendar, or names its day already.
REASONED = {
    ("portal/core/dates.py", "(now - WESTERNMOST - self.back).date()"): "the widest there can be",
    ("portal/core/dates.py", "(now + EASTERNMOST + self.ahead).date()"): "the widest there can be",
    ("portal/core/dates.py", "bounds.example(utcnow()).date()"): "an example, a week away",
    ("portal/directory/cli.py", "last_day.date()"): "a day as it was typed",
    ("portal/hl7v2/times.py", "self.value.date()"): "as the sender wrote it, with its zone",
    ("portal/hl7v2/times.py", "found.value.date()"): "as the sender wrote it, with its zone",
    ("portal/demo/seed/cli.py", "(as_of or utcnow()).date()"): "made-up patients of no place",
    ("portal/demo/visit_stories.py", "clinic.at(3 * DAY).date()"): "made-up, days ahead",
    (
        "portal/core/audit_chain.py",
        "'audit_entry_' || to_char(month, 'YYYY_MM'),",
    ): "the name of a table, of a month of UTC",
    (
        "portal/patients/merge_moves.py",
        "THEN t.ended_on ELSE CAST(m.before ->> 'ended_on' AS date) END",
    ): "the day that it was before",
    ("portal/visits/summary_text.py", "released_at.date()"): "handed over in the place's time",
}
# Parameters that are days, of whatever type the driver makes of them.
_DAYS = r"CAST\(:(birth_date|day) AS date\)"
_IN_SQL = re.compile(
    r"::date\b|AS date\)|\bcurrent_date\b|\blocaltimestamp\b|\bdate_trunc\('day'|\bto_char\(",
    re.IGNORECASE,
)
_LOCAL = re.compile(r"AT TIME ZONE", re.IGNORECASE)


def _is_local(node: ast.AST, local_names: set[str]) -> bool:
    """Whether a time was brought to somebody's zone, in the expression or where it got its name."""
    if isinstance(node, ast.Name):
        return node.id in local_names
    return isinstance(node, ast.Call) and _method(node) == "astimezone"


def _method(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _local_names(tree: ast.AST) -> set[str]:
    return {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_local(node.value, set())
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _in_python(tree: ast.AST) -> Iterator[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for scope in (*functions, tree):
        names = _local_names(scope) if scope is not tree else set()
        inner = {id(one) for each in functions for one in ast.walk(each)} if scope is tree else ()
        for node in ast.walk(scope):
            if id(node) not in inner and isinstance(node, ast.expr) and _takes_day(node, names):
                yield ast.unparse(node)


def _takes_day(node: ast.expr, local_names: set[str]) -> bool:
    """`x.date()`, `date.today()`, `x.isoformat()[:10]`, `func.current_date()`, `cast(x, Date)`."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Call) and ast.unparse(node).endswith("isoformat()[:10]")
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        if ast.unparse(node.func.value) == "func":
            return node.func.attr in ("current_date", "date", "date_trunc")
        if node.func.attr == "today":
            return True
        day_of = node.func.attr == "date" and not node.args
        return day_of and not _is_local(node.func.value, local_names)
    to_day = ast.unparse(node.func) == "cast" and ast.unparse(node.args[-1]) == "Date"
    return to_day and "func.timezone(" not in ast.unparse(node.args[0])


def _in_statements(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        for line in node.value.splitlines():
            bare = re.sub(_DAYS, "", line)
            if _IN_SQL.search(bare) and not _LOCAL.search(bare):
                yield line.strip()


def days_taken(source: str) -> list[str]:
    """What of a source takes a day from a time that is in nobody's zone."""
    tree = ast.parse(source)
    return sorted({*_in_python(tree), *_in_statements(tree)})


def test_every_day_is_somebodys() -> None:
    found = {(name_of(path), what) for path in OURS for what in days_taken(path.read_text())}
    assert found == set(REASONED)


@pytest.mark.parametrize(
    "source",
    [
        "day = utcnow().date()",
        "def f(now):\n    return now.date()",
        "def f(local):\n    return local.date()",
        "day = date.today()",
        "day = datetime.today()",
        "day = now.isoformat()[:10]",
        "day = func.current_date()",
        "day = cast(Visit.starts_at, Date)",
        "query = 'SELECT CURRENT_DATE'",
        "query = 'WHERE ends_on < now()::date'",
        "query = f'WHERE ends_on < CAST(:settled AS date) AND {more}'",
    ],
)
def test_what_is_found(source: str) -> None:
    assert len(days_taken(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "day = moment.astimezone(ZoneInfo(zone)).date()",
        "def f(moment):\n    local = moment.astimezone(zone)\n    return local.date()",
        "day = cast(func.timezone(Patient.time_zone, now), Date)",
        "query = 'WHERE (now() AT TIME ZONE p.time_zone)::date = day'",
        "query = 'WHERE born = CAST(:birth_date AS date)'",
    ],
)
def test_what_is_somebodys_already(source: str) -> None:
    assert days_taken(source) == []
