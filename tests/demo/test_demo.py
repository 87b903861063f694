"""The demo clinic: everything that can be is there, once, and its logins work."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pyotp
from flask import Flask
from sqlalchemy import text

from portal.config import Config
from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.crypto import Vault
from portal.core.db import transaction
from portal.core.loops import check
from portal.demo import logins
from portal.demo.cli import demo
from portal.demo.loading import load, wipe
from portal.prescriptions.rules import Eligibility, Reason, RefillAction, eligibility
from portal.refills.states import RefillStatus
from portal.refills.views import facts_of
from tests.support.api import Caller

_PRESCRIPTIONS = text(
    "SELECT p.*, r.id AS open_refill_id, ph.mail_order FROM prescription p "
    "JOIN pharmacy ph ON ph.id = p.pharmacy_id "
    "LEFT JOIN refill r ON r.prescription_id = p.id AND r.closed_at IS NULL"
)


def answers() -> list[tuple[Eligibility, bool]]:
    """What may be done with each prescription, and whether it is at a mail-order pharmacy."""
    today = utcnow().date()
    with transaction(OPERATOR) as session:
        rows = session.execute(_PRESCRIPTIONS).all()
    return [(eligibility(facts_of(row), today), row.mail_order) for row in rows]


def count(table: str) -> int:
    with transaction(OPERATOR) as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_every_standing_and_status_is_there(loaded: Path) -> None:
    assert loaded.exists()
    found = answers()
    assert {answer.action for answer, _ in found} == set(RefillAction)
    assert {reason for answer, _ in found for reason in answer.reasons} == set(Reason)
    with transaction(OPERATOR) as session:
        statuses = set(session.execute(text("SELECT status FROM refill")).scalars())
        assert statuses == set(RefillStatus)
        assert check(session, now=utcnow()) == []


def test_scripts_find_enough_to_use_up(loaded: Path) -> None:
    assert loaded.exists()
    at_hand = Counter(answer.action for answer, mail_order in answers() if not mail_order)
    assert at_hand[RefillAction.REFILL] >= 12
    assert at_hand[RefillAction.RENEW] >= 12
    by_mail = {answer.action for answer, mail_order in answers() if mail_order}
    assert not by_mail & {RefillAction.REFILL, RefillAction.RENEW}


def test_loading_again_changes_nothing_but_the_address(
    here: Config, vault: Vault, loaded: Path
) -> None:
    first, tables = json.loads(loaded.read_text()), (count("refill"), count("account"))
    assert loaded.stat().st_mode & 0o777 == 0o600
    moved = replace(here, base_url="http://localhost:8123")
    path, fresh = load(config=moved, vault=vault, now=utcnow())
    assert not fresh
    assert json.loads(path.read_text()) == {**first, "base_url": "http://localhost:8123"}
    assert (count("refill"), count("account")) == tables


def test_a_lost_file_is_made_again_with_new_secrets(
    here: Config, vault: Vault, loaded: Path
) -> None:
    old = logins.read(here.var)
    loaded.unlink()
    _, fresh = load(config=here, vault=vault, now=utcnow())
    made = logins.read(here.var)
    assert not fresh
    assert old is not None
    assert made is not None
    assert [one.email for one in made.accounts] == [one.email for one in old.accounts]
    assert {one.client_id for one in made.clients} == {one.client_id for one in old.clients}
    with transaction(OPERATOR) as session:
        assert logins.still_good(session, made, utcnow())
        assert not logins.still_good(session, old, utcnow())


def test_everybody_can_sign_in(loaded: Path, anonymous: Caller) -> None:
    made = json.loads(loaded.read_text())
    roles = Counter(one["role"] for one in made["accounts"])
    assert roles == {
        "patient": 13,
        "delegate": 1,
        "practitioner": 4,
        "staff": 4,
        "administrator": 1,
    }
    assert Counter(one["kind"] for one in made["clients"]) == {
        "pharmacy": 3,
        "laboratory": 3,
        "phone": 1,
    }
    for one in made["accounts"]:
        body = {"email": one["email"], "password": one["password"]}
        if one["totp_secret"]:
            body["code"] = pyotp.TOTP(one["totp_secret"]).now()
        assert anonymous.post("/sessions", body).status_code in (200, 201), one["email"]
    for one in made["clients"]:
        UUID(one["client_id"])


def test_starting_over_loads_the_clinic_anew(here: Config, vault: Vault, loaded: Path) -> None:
    assert count("patient") == 14
    wipe(here)
    assert count("patient") == 0
    _, fresh = load(config=here, vault=vault, now=utcnow())
    assert fresh
    assert count("patient") == 14


def test_nothing_of_this_runs_outside_the_demo(app: Flask) -> None:
    runner = app.test_cli_runner()
    for arguments in (["load"], ["reset", "--yes"]):
        outcome = runner.invoke(demo, arguments)
        assert outcome.exit_code == 1
        assert "PORTAL_ENV=demo" in outcome.output
    assert count("clinic") == 0


def test_a_friend_acts_for_an_old_lady(app: Flask, loaded: Path) -> None:
    accounts = json.loads(loaded.read_text())["accounts"]
    friend = next(one for one in accounts if one["name"].startswith("Mei-Ling"))
    answer = Caller(app).post(
        "/sessions", {"email": friend["email"], "password": friend["password"]}
    )
    signed_in = Caller(app, answer.json["token"])
    [charge] = signed_in.get("/me/patients").json["items"]
    assert (charge["name"], charge["status"]) == ("Grace Nakamura", "active")
    acting = signed_in.acting_for(charge["patient_id"])
    assert acting.get("/prescriptions").json["items"]
    assert acting.get("/results").status_code == 403
