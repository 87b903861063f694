"""Requests that can't be read at all: each a problem document, none a 500, nothing changed."""

from typing import Any

import pytest
from flask import Flask

from portal.core.actor import ActorKind
from portal.core.web import MAX_BODY_BYTES
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, token_for

REFILLS = "/api/v1/refills"
JSON = "application/json"


@pytest.fixture
def patient(app: Flask, clinic: SmallClinic) -> Caller:
    return Caller(app, token_for(ActorKind.PATIENT, clinic.patient.id))


def send(patient: Caller, body: bytes, kind: str = JSON, **options: Any) -> Any:
    return patient.request("POST", REFILLS, data=body, content_type=kind, **options)


def check(answer: Any, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == code
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe", b"{'a': 1}", b'{"items": [}', b'"\\ud800"', b"NaN", b"[" * 5000, b"\x00"],
    ids=repr,
)
def test_what_is_no_json_is_malformed(patient: Caller, body: bytes) -> None:
    check(send(patient, body), 400, "malformed")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", ""])
def test_another_content_type_is_named(patient: Caller, kind: str) -> None:
    check(send(patient, b"{}", kind), 415, "unsupported_media_type")


def test_too_large_a_body_is_refused_before_it_is_read(patient: Caller) -> None:
    check(send(patient, b" " * (MAX_BODY_BYTES + 1)), 413, "too_large")


def test_an_empty_body_names_what_is_missing(patient: Caller) -> None:
    answer = send(patient, b"")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/items"


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_an_unusable_idempotency_key_is_named(patient: Caller, key: str) -> None:
    answer = send(patient, b'{"items": []}', headers={"Idempotency-Key": key})
    assert answer.status_code in (400, 422)
    assert answer.json["errors"][0]["pointer"] in ("#header/Idempotency-Key", "/items")


def test_a_wrong_method_says_which_are_right(patient: Caller) -> None:
    answer = patient.request("DELETE", REFILLS)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert answer.content_type == "application/problem+json"


def test_a_path_that_is_not_there(patient: Caller) -> None:
    check(patient.get("/refills/not-a-uuid"), 404, "not_found")
    check(patient.get("/nothing"), 404, "not_found")
    check(patient.post("/pharmacy/updates/a%00b/replay"), 404, "not_found")


def test_a_misspelt_query_parameter_is_named(patient: Caller) -> None:
    answer = patient.get("/refills?statsu=open")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "#query/statsu"


def test_a_request_id_of_the_callers_is_kept_if_it_is_harmless(patient: Caller) -> None:
    good = patient.get("/refills", headers={"X-Request-ID": "abcdefgh-12345678"})
    assert good.headers["X-Request-ID"] == "abcdefgh-12345678"
    odd = patient.get("/refills", headers={"X-Request-ID": "Avery <script>"})
    assert odd.headers["X-Request-ID"] != "Avery <script>"
