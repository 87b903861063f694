"""The catalogue: what is shipped, loading another, and looking for a test."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal.requisitions.catalog import TESTS
from portal.requisitions.cli import catalog
from tests.support.api import Caller


def check_digit(code: str) -> bool:
    """Whether a LOINC code ends with its own check digit (mod 10, as on a card)."""
    number, digit = code.split("-")
    doubled = [int(n) * (2 - place % 2) for place, n in enumerate(reversed(number))]
    return (10 - sum(n // 10 + n % 10 for n in doubled) % 10) % 10 == int(digit)


def test_every_shipped_code_is_well_formed_and_there_once() -> None:
    codes = [test["code"] for test in TESTS]
    components = [one["code"] for test in TESTS for one in test.get("components", ())]
    assert len(codes) == len(set(codes))
    assert [code for code in (*codes, *components) if not check_digit(code)] == []


def load(app: Flask, *arguments: str) -> Any:
    return app.test_cli_runner().invoke(catalog, ["load", *arguments])


def test_the_shipped_one_is_loaded_and_again(app: Flask, patient: Caller) -> None:
    first = load(app)
    assert (first.exit_code, first.output) == (0, f"{len(TESTS) - 4} added, 4 changed\n")
    assert load(app).output == f"0 added, {len(TESTS)} changed\n"
    listed = patient.get("/catalog/tests?kind=imaging").json["items"]
    assert len(listed) == 12
    assert [one["name"] for one in listed] == sorted(one["name"] for one in listed)
    [found] = patient.get("/catalog/tests?q=comprehensive").json["items"]
    assert (found["code"], len(found["components"])) == ("24323-8", 14)
    one = patient.get("/catalog/tests?limit=30").json
    two = patient.get(f"/catalog/tests?limit=30&cursor={one['next']}").json
    assert len({test["code"] for test in one["items"] + two["items"]}) == len(TESTS)
    assert two["next"] is None
    assert patient.get("/catalog/tests?q=%25").json["items"] == []
    assert patient.get("/catalog/tests/24627-2").json["modality"] == "CT"
    assert patient.get("/catalog/tests/1-1").json["code"] == "test_not_found"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "This is not JSON"),
        ({}, "/tests: "),
        ({"tests": [{"code": "24323-8", "kind": "imaging", "name": "CT"}]}, "/tests/0/modality: "),
        ({"tests": [{"code": "x", "kind": "laboratory", "name": "X"}]}, "/tests/0/code: "),
        ({"tests": [{"code": "1-8", "kind": "laboratory", "name": "X"}] * 2}, "/tests/1/code: "),
    ],
)
def test_a_document_that_is_wrong_says_where(
    app: Flask, tmp_path: Path, document: Any, said: str
) -> None:
    path = tmp_path / "catalog.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    result = load(app, str(path))
    assert result.exit_code == 1
    assert said in result.output


def test_the_example_can_be_loaded(app: Flask, clinic: Any, tmp_path: Path) -> None:
    path = tmp_path / "catalog.json"
    path.write_text(app.test_cli_runner().invoke(catalog, ["example"]).output)
    assert load(app, str(path)).output == "0 added, 2 changed\n"
    assert clinic.clinic.name
