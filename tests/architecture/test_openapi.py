"""The API document: complete, consistent, and true under fuzzing."""

import json
import re
import warnings
from typing import Any

import pytest
from flask import Flask

from portal.app import create_app
from portal.config import Config
from portal.web import starting
from portal.web.starting import Step
from tests.support.api import Caller

_PARAMETER = re.compile(r"\{[^}]+\}")
_NOBODY = "01a20b43-766f-71d7-a9cb-17e944f7beb1"
# Refused for who they name, not for what is sent.
_OF_OTHERS = ("/api/v1/coverage",)


@pytest.fixture
def document(anonymous: Caller) -> dict[str, Any]:
    found: dict[str, Any] = anonymous.request("GET", "/api/openapi.json").json
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]


def test_schemas_have_one_name_each(config: Config) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        create_app(config)


def test_every_operation_says_what_it_does_and_for_whom(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    for method, path, operation in operations(document):
        assert operation["summary"], (method, path)
        assert operation["x-permission"], (method, path)
        assert "security" in operation, (method, path)
        assert "default" in operation["responses"], (method, path)


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        bodies += [
            answer
            for status, answer in operation["responses"].items()
            if status.startswith("2") and "content" in answer
        ]
        for body in bodies:
            for media in body["content"].values():
                has_example = "example" in media or "example" in json.dumps(media["schema"])
                assert has_example, (method, path)


def test_every_call_of_the_api_is_in_the_document(app: Flask, document: dict[str, Any]) -> None:
    routes = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1")}
    assert len(routes) == len([p for p in document["paths"] if p.startswith("/api/v1")])


def test_every_problem_leads_to_its_page(anonymous: Caller) -> None:
    problem = anonymous.get("/me").json
    assert anonymous.request("GET", problem["type"]).status_code == 200
    assert anonymous.request("GET", "/problems/").status_code == 200
    assert anonymous.request("GET", "/problems/no-such-thing").status_code == 404


def test_the_documentation_needs_nothing_from_elsewhere(anonymous: Caller) -> None:
    for path in ("/", "/api/docs", "/problems/"):
        answer = anonymous.request("GET", path)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "<script" not in answer.text
        assert 'src="http' not in answer.text


def test_health_names_each_dependency(anonymous: Caller) -> None:
    ready = anonymous.request("GET", "/readyz")
    assert (ready.status_code, ready.json["dependencies"]) == (
        200,
        {"database": "ok", "queue": "ok", "mail": "away"},
    )
    assert anonymous.request("GET", "/healthz").json["status"] == "ok"


def test_what_is_still_being_loaded_is_said(anonymous: Caller, config: Config) -> None:
    starting.write(config.var, Step("demo: visits", 5, 9))
    try:
        ready = anonymous.request("GET", "/readyz")
        assert (ready.status_code, ready.json["status"]) == (503, "loading")
        assert ready.json["dependencies"]["preparation"] == "loading"
        page = anonymous.request("GET", "/").text
        assert "demo: visits" in page
        assert "Demo logins" not in page
    finally:
        starting.clear(config.var)
    assert anonymous.request("GET", "/readyz").status_code == 200
    assert "Still starting" not in anonymous.request("GET", "/").text


def test_metrics_tell_how_the_loops_stand(anonymous: Caller) -> None:
    text = anonymous.request("GET", "/metrics").text
    for name in ("careloop_database_up 1.0", "careloop_outbox_lag_seconds", "request_seconds"):
        assert name in text


def test_every_example_of_a_request_can_be_sent(
    document: dict[str, Any], patient: Caller, physician: Caller, nurse: Caller
) -> None:
    """Its ids are nobody's; but each member has a value that it may have."""
    callers = {"patient": patient, "practitioner": physician, "staff": nurse}
    refused = {}
    for method, path, operation in operations(document):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        who = next((one for one in callers if one in operation.get("x-actors", ())), None)
        if body is None or who is None or path in _OF_OTHERS:
            continue
        url = _PARAMETER.sub(_NOBODY, path).removeprefix("/api/v1")
        answer = callers[who].request(
            method.upper(),
            f"/api/v1{url}",
            json=body["example"],
            headers={"Idempotency-Key": path},
        )
        if answer.status_code in (400, 415) or answer.json.get("code") == "invalid":
            refused[path] = answer.json.get("errors")
    assert refused == {}
