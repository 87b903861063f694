"""The demo's records: one was corrected, and of a patient who has died nothing stays open."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask
from sqlalchemy import text

from portal.core.actor import OPERATOR
from portal.core.db import transaction
from portal.demo import cast
from portal.patients.death_model import MUST_END
from tests.support.api import Caller
from workers import tasks
from workers.runner import run_events

assert tasks.__all__


SignIn = Callable[[str], Caller]


@pytest.fixture
def sign_in(app: Flask, loaded: Path, anonymous: Caller) -> SignIn:
    """Signs somebody of the demo in, once the workers have followed what happened last."""
    accounts = {one["name"]: one for one in json.loads(loaded.read_text())["accounts"]}
    for kind in ("patient.corrected", "patient.correction_answered", "patient.died"):
        events = rows("SELECT id FROM outbox_event WHERE kind = :kind", kind=kind)
        run_events(kind, [event.id for event in events])

    def sign(name: str) -> Caller:
        one = accounts[name]
        body = {"email": one["email"], "password": one["password"]}
        if one["totp_secret"]:
            body["code"] = pyotp.TOTP(one["totp_secret"]).now()
        return Caller(app, anonymous.post("/sessions", body).json["token"])

    return sign


def rows(query: str, **values: Any) -> list[Any]:
    with transaction(OPERATOR) as session:
        return list(session.execute(text(query), values).all())


def birth_date_was_corrected(sign_in: SignIn) -> None:
    """As the patient had asked."""
    [resident] = [one for one in cast.PATIENTS if one.given_name == "Olga"]
    caller = sign_in("Olga Petrova")
    [kept] = caller.get("/patients/me/corrections").json["items"]
    assert kept["by"] == "Maya Goldberg"
    assert kept["changes"] == [
        {
            "field": "birth_date",
            "before": str(resident.registered_as),
            "after": str(resident.birth_date),
        }
    ]
    [asked] = caller.get("/patients/me/correction-requests").json["items"]
    assert (asked["id"], asked["status"]) == (kept["request_id"], "corrected")
    assert rows("SELECT 1 FROM notification WHERE event = 'record_corrected'")
    assert caller.get("/patients/me").json["birth_date"] == str(resident.birth_date)


def nothing_of_who_has_died_stays_open(sign_in: SignIn) -> None:
    [patient] = rows("SELECT id FROM patient WHERE given_name = 'Walter'")
    walter = patient.id
    death = sign_in(cast.LINDQVIST.name).get(f"/patients/{walter}/death").json
    assert {step["resource"] for step in death["steps"]} >= {"refill", "requisition"}
    for table, statuses in MUST_END.items():
        left = f"SELECT id FROM {table} WHERE patient_id = :id AND status = ANY(:statuses)"
        given = {one.subject_id for one in rows("SELECT subject_id FROM work_item")}
        open_ones = {row.id for row in rows(left, id=walter, statuses=list(statuses))}
        assert open_ones <= given, table
    assert rows("SELECT 1 FROM account WHERE person_id = :id", id=walter) == []


def test_what_became_of_two_records(sign_in: SignIn) -> None:
    birth_date_was_corrected(sign_in)
    nothing_of_who_has_died_stays_open(sign_in)
