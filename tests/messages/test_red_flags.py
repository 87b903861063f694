"""Red flags: shown before sending, and what becomes of a message that is sent all the same."""

from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from flask import Flask
from sqlalchemy import select

from portal.core.actor import OPERATOR
from portal.core.db import transaction
from portal.messages.cli import red_flags
from portal.messages.composing_model import RedFlagWarning
from portal.messages.composing_schemas import RedFlagSetSchema
from portal.messages.red_flags import SHIPPED, compiled, shipped
from tests.messages.conftest import (
    ALARMING,
    answer,
    broken,
    items,
    messages,
    new_thread,
    open_items,
    thread,
    to_physician,
    write,
)
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain


def warnings() -> list[tuple[str, int, list[str]]]:
    with transaction(OPERATOR) as session:
        rows = session.scalars(select(RedFlagWarning).order_by(RedFlagWarning.id))
        return [(row.warned_of, row.set_version, row.red_flags) for row in rows]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("I have CHEST  PAIN!", ["chest_pain"]),
        ("chest-pains at night", ["chest_pain"]),
        ("I can\u2019t breathe", ["breathing"]),
        ("i cant breathe well", ["breathing"]),
        ("tengo dolor en el pecho y me pega", ["chest_pain", "violence"]),
        ("Presi\u00f3n en el pecho", ["chest_pain"]),
        ("feeling suicidal", ["self_harm"]),
        ("I took too many pills", ["overdose"]),
        ("My chest of drawers fell over", []),
        ("I painted my orchestra", []),
        ("", []),
    ],
)
def test_phrases_are_found_as_words(text: str, codes: list[str]) -> None:
    assert [flag.code for flag in shipped().found_in(text)] == codes


def test_the_shipped_set_is_one_that_could_be_loaded() -> None:
    assert RedFlagSetSchema().load(dict(SHIPPED))["version"] == 1
    assert shipped().guidance_in("es-MX").startswith("Lo que")
    assert shipped().guidance_in("fr") == shipped().guidance_in("en")


def test_before_sending_the_guidance_is_shown_and_kept(patient: Caller) -> None:
    calm = patient.post("/messages/check", {"body": "My knee itches."}).json
    assert (calm["flags"], calm["guidance"]) == ([], None)
    assert warnings() == []
    found = patient.post("/messages/check", {"body": ALARMING}).json
    assert found["flags"] == [{"code": "chest_pain", "label": "Chest pain or pressure"}]
    assert "911" in found["guidance"]
    assert found["advice_line"] == {"phone": "555-0100", "request": "/api/v1/advice-calls"}
    assert warnings() == [("message", 1, ["chest_pain"])]


def test_sending_needs_an_acknowledgement(clinic: SmallClinic, patient: Caller) -> None:
    body = to_physician(clinic, body=ALARMING)
    for acknowledged in (None, 7):
        refused = patient.post("/threads", {**body, "acknowledged_red_flags": acknowledged})
        assert (refused.status_code, refused.json["code"]) == (409, "red_flags_found")
        assert "911" in refused.json["guidance"]
        assert refused.json["version"] == 1
    assert patient.get("/threads").json["items"] == []
    assert len(warnings()) == 2
    sent = patient.post("/threads", {**body, "acknowledged_red_flags": 1})
    assert sent.status_code == 201, sent.text
    assert sent.json["urgent"] is True
    id_ = UUID(sent.json["id"])
    [message] = messages(id_)
    assert (message.red_flag_version, message.red_flags) == (1, ["chest_pain"])
    [item] = items(id_)
    assert (item.priority, item.pool_id, item.responsible_id) == (
        "urgent",
        clinic.nurses.id,
        None,
    )
    drain()
    assert broken() == []


def test_the_same_key_is_free_after_the_guidance(clinic: SmallClinic, patient: Caller) -> None:
    key, body = {"Idempotency-Key": "alarm"}, new_thread(clinic, body=ALARMING)
    assert patient.post("/threads", body, headers=key).status_code == 409
    acknowledged = {**body, "acknowledged_red_flags": 1}
    assert patient.post("/threads", acknowledged, headers=key).status_code == 201


def test_a_flag_in_the_subject_counts(clinic: SmallClinic, patient: Caller) -> None:
    refused = patient.post("/threads", new_thread(clinic, subject="Chest pain"))
    assert refused.json["code"] == "red_flags_found"


def test_what_waits_becomes_urgent_and_goes_to_the_nurses(
    clinic: SmallClinic, patient: Caller, nurse: Caller
) -> None:
    id_ = UUID(patient.post("/threads", to_physician(clinic)).json["id"])
    drain()
    before = thread(id_).reply_due_at
    assert write(patient, id_, ALARMING).json["code"] == "red_flags_found"
    assert write(patient, id_, ALARMING, acknowledged_red_flags=1).status_code == 201
    first, second = items(id_)
    assert (first.status, first.outcome) == ("cancelled", "urgent: to the nurses")
    assert (second.priority, second.responsible_id) == ("urgent", None)
    row = thread(id_)
    assert row.urgent
    assert row.reply_due_at is not None
    assert before is not None
    assert row.reply_due_at < before
    assert write(patient, id_, ALARMING, acknowledged_red_flags=1).status_code == 201
    assert len(open_items(id_)) == 1
    answer(nurse, id_)
    assert not thread(id_).urgent
    drain()
    assert broken() == []


def test_the_care_team_is_not_warned(nurse: Caller, asked: UUID) -> None:
    assert answer(nurse, asked, f"You wrote: {ALARMING}").status_code == 201


def run_load(app: Flask, tmp_path: Path, document: Any) -> Any:
    file = tmp_path / "flags.json"
    file.write_bytes(orjson.dumps(document))
    return app.test_cli_runner().invoke(red_flags, ["load", str(file)])


def test_a_clinic_loads_its_own_set(app: Flask, tmp_path: Path, patient: Caller) -> None:
    own = {
        "version": 2,
        "guidance": {"en": "Call us."},
        "flags": [{"code": "itch", "label": "Itching", "phrases": ["it itches"]}],
    }
    old = run_load(app, tmp_path, {**own, "version": 1})
    assert "above 1" in old.output
    assert "/guidance" in run_load(app, tmp_path, {**own, "guidance": {}}).output
    twice = run_load(app, tmp_path, {**own, "flags": own["flags"] * 2})  # type: ignore[operator]
    assert "/flags/1/code" in twice.output
    done = run_load(app, tmp_path, own)
    assert (done.exit_code, done.output) == (0, "Version 2 is in force\n")
    found = patient.post("/messages/check", {"body": "It itches"}).json
    assert (found["version"], found["guidance"]) == (2, "Call us.")
    assert patient.post("/messages/check", {"body": ALARMING}).json["flags"] == []
    assert compiled(own).version == 2
