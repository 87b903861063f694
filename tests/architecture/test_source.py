"""Rules that no linter knows."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("portal", "workers", "bench", "tests", "migrations")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
OURS = [path for path in SOURCES if path.parts[len(ROOT.parts)] in ("portal", "workers")]
LONGEST = 350


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_nothing_is_left_for_later() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
    for path in SOURCES:
        text = path.read_text()
        assert not any(word in text for word in words), name_of(path)


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


def calls(tree: ast.AST, attribute: str) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == attribute
        for node in ast.walk(tree)
    )


def test_the_edge_alone_commits() -> None:
    committing = {name_of(path) for path in OURS if calls(ast.parse(path.read_text()), "commit")}
    assert committing <= {"portal/core/db.py", "portal/demo/seed/loading.py"}


def test_services_and_rules_read_no_clock() -> None:
    for path in OURS:
        if path.name in ("rules.py", "service.py") or path.parent.name == "service":
            tree = ast.parse(path.read_text())
            names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            assert "utcnow" not in names, name_of(path)
            assert not calls(tree, "now"), name_of(path)


def test_imports_stand_at_the_top() -> None:
    for path in OURS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = [
                    one for one in ast.walk(node) if isinstance(one, ast.Import | ast.ImportFrom)
                ]
                assert inner == [], f"{name_of(path)}: {node.name}"


def test_no_address_of_a_package_registry() -> None:
    for path in ROOT.glob("requirements*.txt"):
        assert "http" not in path.read_text().replace("httpcore", "").replace("httpx", "").replace(
            "aiohttp", ""
        ).replace("httptools", "")
