"""`portal directory load`: a clinic from a file."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from portal.cli import portal
from portal.core.actor import OPERATOR
from portal.core.db import transaction
from portal.directory.loading import EXAMPLE
from portal.directory.model import (
    Clinic,
    Laboratory,
    Pharmacy,
    PoolMember,
    Practitioner,
    StaffMember,
)


def load(app: Flask, tmp_path: Path, document: Any) -> Result:
    file = tmp_path / "directory.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return app.test_cli_runner().invoke(portal, ["directory", "load", str(file)])


def counts() -> list[int | None]:
    with transaction(OPERATOR) as session:
        tables = (Clinic, Practitioner, StaffMember, Pharmacy, PoolMember, Laboratory)
        return [session.scalar(select(func.count()).select_from(table)) for table in tables]


def test_the_example_can_be_loaded_twice_with_one_effect(app: Flask, tmp_path: Path) -> None:
    first = load(app, tmp_path, EXAMPLE)
    assert first.exit_code == 0, first.output
    assert "Dr. Ines Okafor" in first.output
    assert counts() == [1, 1, 2, 1, 4, 1]
    changed = json.loads(json.dumps(EXAMPLE))
    changed["clinics"][0]["staff"][0]["title"] = "Head nurse"
    assert load(app, tmp_path, changed).output == first.output
    assert counts() == [1, 1, 2, 1, 4, 1]
    with transaction(OPERATOR) as session:
        titles = set(session.scalars(select(StaffMember.title)))
    assert "Head nurse" in titles


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "not JSON"),
        ({"clinics": [{"name": "X"}]}, "/clinics/0/time_zone"),
        ({"pharmacies": [{"nmae": "X"}]}, "/pharmacies/0/nmae"),
        ({"laboratories": [{"clia": "X"}]}, "/laboratories/0/clia"),
        ({"laboratories": [{**EXAMPLE["laboratories"][0], "mllp_host": None}]}, "/mllp_host"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_loaded(
    app: Flask, tmp_path: Path, document: Any, said: str
) -> None:
    answer = load(app, tmp_path, document)
    assert answer.exit_code == 1
    assert said in answer.output
    assert counts() == [0] * 6


def test_a_pool_that_is_missing_is_named(app: Flask, tmp_path: Path) -> None:
    document = json.loads(json.dumps(EXAMPLE))
    document["clinics"][0]["pools"] = document["clinics"][0]["pools"][1:]
    answer = load(app, tmp_path, document)
    assert answer.exit_code == 1
    assert "nurses" in answer.output
    assert counts() == [0] * 6
