"""A thirteen-year-old's mother sees the vaccination and not the confidential visit."""

import re
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from portal.core.actor import OPERATOR
from portal.core.db import transaction
from portal.patients.model import Patient
from tests.notifications.conftest import Mailbox, mailbox
from tests.patients.delegates import born_years_ago
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, prescription
from tests.support.work import drain
from tests.visits.conftest import plan, released, step

__all__ = ["mailbox"]

MOTHER = {"email": "morgan@example.org", "name": "Morgan Testpatient"}
PASSWORD = "a long walk in the rain"
WHY = "The patient asked not to tell at home"


def is_now(clinic: SmallClinic, years: int) -> None:
    """It is the birthday of so many years."""
    with transaction(OPERATOR) as session:
        session.get_one(Patient, clinic.patient.id).birth_date = born_years_ago(years)


def ids(who: Caller, path: str) -> set[str]:
    answer = who.get(path)
    assert answer.status_code == 200, answer.text
    return {item["id"] for item in answer.json["items"]}


def seen(who: Caller, visit: UUID) -> list[int]:
    """How each way of reading a visit answers."""
    paths = ("", "/summary", "/summary.pdf", "/due")
    return [who.get(f"/visits/{visit}{path}").status_code for path in paths]


@pytest.fixture
def mother(app: Flask, clinic: SmallClinic, nurse: Caller, mailbox: Mailbox) -> Caller:
    """Recorded by the staff when the child is thirteen, with an account by the code in her mail."""
    is_now(clinic, 13)
    made = nurse.post(f"/patients/{clinic.patient.id}/parents", MOTHER)
    assert made.status_code == 201, made.text
    drain()
    [mail] = mailbox.messages
    found = re.search(r"[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}", mail.get_content())
    assert found
    assert "Avery" not in mail.get_content()
    opened = Caller(app).post("/activations", {"code": found.group(), "password": PASSWORD})
    assert opened.status_code == 201, opened.text
    signed = Caller(app).post("/sessions", {"email": MOTHER["email"], "password": PASSWORD})
    who = Caller(app, signed.json["token"])
    [child] = who.get("/me/patients").json["items"]
    assert (child["patient_id"], child["status"]) == (str(clinic.patient.id), "active")
    assert set(child["categories"]) == {"appointments", "medicines", "results", "visits"}
    return who.acting_for(clinic.patient.id)


def held(physician: Caller, clinic: SmallClinic, reason: str, **changes: Any) -> UUID:
    """A visit that begins now."""
    visit = plan(physician, clinic, reason=reason, starts_at=None, **changes)
    step(physician, visit, "start")
    return visit


def test_the_vaccination_and_not_the_confidential_visit(
    clinic: SmallClinic, patient: Caller, physician: Caller, mother: Caller
) -> None:
    # An ordinary visit, and one that the child asked not to tell of at home.
    vaccination = held(physician, clinic, "Vaccination")
    released(
        physician,
        vaccination,
        {"kind": "visit", "text": "Come again in two months."},
        found="The second dose against HPV was given.",
    )
    step(physician, vaccination, "finish")
    secret = held(physician, clinic, "Contraception", confidential_reason=WHY)
    pill = prescription(clinic, drug_name="Levonorgestrel", confidential=True)
    released(physician, secret, {"kind": "fill", "text": "Fetch it.", "target_id": str(pill.id)})
    step(physician, secret, "finish")
    drain()

    # She sees the one in every way, and the other in none: no list, page, notice or task.
    assert seen(mother, vaccination) == seen(patient, vaccination) == [200, 200, 200, 200]
    assert seen(patient, secret) == [200, 200, 200, 200]
    assert seen(mother, secret) == [404, 404, 404, 404]
    assert ids(mother, "/visits?when=past") == {str(vaccination)}
    assert ids(patient, "/visits?when=past") == {str(vaccination), str(secret)}
    everything = "".join(
        mother.get(path).text
        for path in ("/visits?when=past", "/instructions", "/prescriptions", "/notifications")
    )
    assert "Come again in two months." in everything
    for word in ("Contraception", "Fetch it.", "Levonorgestrel", str(secret), str(pill.id)):
        assert word not in everything
    told = [item["subject_id"] for item in mother.get("/notifications").json["items"]]
    assert told.count(str(vaccination)) == 1
    assert len(patient.get("/notifications").json["items"]) == 2

    # What she may not see at this age she is told so, and the child sees who looked.
    answer = mother.get("/threads")
    assert (answer.status_code, answer.json["code"]) == (403, "category_not_delegated")
    looked = [
        row
        for row in patient.get("/patients/me/access-log").json["items"]
        if row["actor_kind"] == "delegate"
    ]
    assert {row["actor_name"] for row in looked} == {MOTHER["name"]}
    acted = [row for row in looked if row["resource"] != "delegation"]  # her own list of whom
    assert {row["on_behalf_of"] for row in acted} == {str(clinic.patient.id)}

    # Grown up, nothing is left, from that day on; at once for what is going on.
    is_now(clinic, 18)
    late = mother.get("/visits?when=past")
    assert (late.status_code, late.json["code"]) == (403, "access_ended")
    assert patient.get(f"/visits/{secret}").status_code == 200
