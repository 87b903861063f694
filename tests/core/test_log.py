"""What is in a log line, and what never is."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import orjson
import pytest
import structlog
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from portal.core import problems, web
from portal.core.actor import OPERATOR, ActorKind
from portal.core.db import transaction
from portal.core.errors import Invalid
from portal.core.ids import new_id
from portal.core.log import ALLOWED_KEYS, bind_request_id, name_of, request_id, where
from portal.core.paging import decode_cursor
from portal.directory.model import Clinic
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add

SECRET = "Avery Testpatient"


class Paper:
    """What a log's lines are written on."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def msg(self, line: str) -> None:
        assert SECRET not in line
        self.lines.append(orjson.loads(line))

    debug = info = warning = error = msg


@pytest.fixture
def paper(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Paper:
    """What the application logs while it answers."""
    assert app.testing, "logging is set up with the application"
    written = Paper()
    for module in (web, problems):
        monkeypatch.setattr(module, "log", structlog.wrap_logger(written))
    return written


def violated(clinic_id: object) -> IntegrityError:
    """What the database says about a row that is there already, with its values."""
    try:
        add(Clinic(id=clinic_id, name=SECRET, time_zone="UTC", phone="555-0100"))
    except IntegrityError as error:
        return error
    raise AssertionError("nothing was violated")


def test_only_known_members_are_written(paper: Paper) -> None:
    web.log.info("test", patient_name=SECRET, note=SECRET, body={"name": SECRET}, kind="routine")
    [line] = paper.lines
    assert line.keys() <= ALLOWED_KEYS
    assert (line["event"], line["kind"], line["level"]) == ("test", "routine", "info")


def test_what_is_below_the_level_is_not_written(paper: Paper) -> None:
    web.log.debug("test")
    assert paper.lines == []


def test_a_traceback_has_places_and_no_messages(paper: Paper, clinic: SmallClinic) -> None:
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as cause:
            raise ValueError(SECRET) from cause
    except ValueError:
        web.log.error("test", exc_info=True)
    web.log.error("test", exc_info=violated(clinic.clinic.id))
    chain, database = (line["exception"] for line in paper.lines)
    assert "KeyError\nthen\n" in chain
    assert chain.endswith("ValueError")
    assert "test_log.py:" in chain
    assert "IntegrityError (23505 pk_clinic)" in database


def test_the_kind_of_an_error_names_no_values(clinic: SmallClinic) -> None:
    error = violated(clinic.clinic.id)
    assert SECRET in str(error.orig) or str(clinic.clinic.id) in str(error.orig)
    assert name_of(error) == "IntegrityError (23505 pk_clinic)"
    assert name_of(ValueError(SECRET)) == where(ValueError(SECRET)) == "ValueError"


def test_where_an_error_was_is_the_last_place_of_our_own() -> None:
    with pytest.raises(Invalid) as caught:
        decode_cursor(SECRET)
    assert re.fullmatch(
        r"Invalid at \S*portal/core/paging.py:\d+ in decode_key", where(caught.value)
    )


def test_a_request_is_one_line_with_its_route_and_without_its_ids(
    paper: Paper, clinic: SmallClinic, caller: Callable[..., Caller]
) -> None:
    patient = caller(ActorKind.PATIENT, clinic.patient.id)
    path = f"/prescriptions/{uuid4()}?limit={SECRET.replace(' ', '+')}"
    answer = patient.get(path, headers={"X-Request-ID": "monday-morning"})
    [line] = paper.lines
    assert (line["route"], line["status"]) == ("/api/v1/prescriptions/<uuid:prescription_id>", 404)
    assert line["request_id"] == answer.headers["X-Request-ID"] == "monday-morning"
    assert answer.json["request_id"] == "monday-morning"
    assert line["duration_ms"] >= 0


def test_a_defect_is_logged_and_told_without_details(
    app: Flask, paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        with transaction(OPERATOR) as session:
            session.add(Clinic(id=new_id(), name=SECRET, time_zone=None, phone=""))

    name = next(rule.endpoint for rule in app.url_map.iter_rules() if rule.rule == "/healthz")
    broken.__portal_permission__ = "public"  # type: ignore[attr-defined]
    monkeypatch.setitem(app.view_functions, name, broken)
    answer = Caller(app).request("GET", "/healthz")
    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    assert SECRET not in answer.text
    [line] = paper.lines
    assert line["event"] == "unhandled"
    assert line["request_id"] == answer.json["request_id"]
    assert "IntegrityError (23502" in line["exception"]


@pytest.mark.parametrize("value", ["short", "x" * 65, "with space", "line\nbreak", 'quo"te!!', ""])
def test_a_request_id_that_could_be_anything_is_not_taken_over(value: str) -> None:
    made = bind_request_id(value)
    assert made != value
    assert request_id() == made
    assert len(made) == 32


@given(st.from_regex(r"[A-Za-z0-9._-]{8,64}", fullmatch=True))
def test_a_well_formed_request_id_is_taken_over(value: str) -> None:
    assert bind_request_id(value) == value == request_id()
