"""What the demo tells of messages, the advice line, appointments, referrals and a family."""

import json
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask
from sqlalchemy import text

from portal.config import Config
from portal.core.actor import OPERATOR
from portal.core.db import transaction
from portal.messages.states import ThreadStatus
from tests.support.api import Caller

_THREADS = text(
    "SELECT t.subject, t.status, t.urgent, w.priority, w.escalation_level, p.kind AS pool "
    "FROM thread t LEFT JOIN work_item w ON w.subject_id = t.id AND w.status = 'open' "
    "LEFT JOIN pool p ON p.id = w.pool_id"
)
_REFERRALS = text(
    "SELECT kind, status, warned_at IS NOT NULL AS warned, appointment_id IS NOT NULL AS ours "
    "FROM referral"
)


@pytest.fixture
def accounts(loaded: Path) -> list[dict[str, Any]]:
    """The logins of a demo that was loaded just now."""
    found: list[dict[str, Any]] = json.loads(loaded.read_text())["accounts"]
    return found


def rows(statement: Any) -> list[Any]:
    with transaction(OPERATOR) as session:
        return list(session.execute(statement).all())


def one(sql: str) -> Any:
    return rows(text(sql))[0][0]


def sign_in(app: Flask, accounts: list[dict[str, Any]], name: str) -> Caller:
    account = next(one for one in accounts if one["name"] == name)
    body = {"email": account["email"], "password": account["password"]}
    if account["totp_secret"]:
        body["code"] = pyotp.TOTP(account["totp_secret"]).now()
    return Caller(app, Caller(app).post("/sessions", body).json["token"])


def test_every_conversation_and_every_step_is_there(
    accounts: list[dict[str, Any]], here: Config
) -> None:
    threads = {row.subject: row for row in rows(_THREADS)}
    assert {row.status for row in threads.values()} == set(ThreadStatus)
    urgent, overdue = threads["Since this morning"], threads["Physical therapy"]
    assert (urgent.urgent, urgent.priority, urgent.pool) == (True, "urgent", "nurses")
    assert overdue.escalation_level == 1
    assert one("SELECT count(*) FROM red_flag_warning") == 1
    assert one("SELECT count(*) FROM message WHERE kind = 'internal_note'") == 1
    assert one("SELECT count(*) FROM message WHERE kind = 'automatic_notice'") == 1
    assert one("SELECT count(*) FROM message WHERE signature_kind = 'team'") == 1
    assert one("SELECT count(*) FROM quick_reply") == 2
    assert one("SELECT count(*) FROM draft") == 1
    assert {status for (status,) in rows(text("SELECT status FROM advice_call"))} == {
        "waiting",
        "advised",
    }
    [digest] = rows(text("SELECT encode(digest, 'hex') FROM attachment WHERE to_id IS NOT NULL"))
    [kept] = [path for path in here.attachments.rglob("*") if path.is_file()]
    assert kept.name == digest[0]
    assert kept.read_bytes().startswith(b"%PDF")

    referrals = [tuple(row) for row in rows(_REFERRALS)]
    assert sorted(referrals) == [
        ("consultation", "requested", False, False),
        ("referral", "accepted", True, False),
        ("referral", "closed", False, False),
        ("referral", "no_show", False, False),
        ("referral", "report_received", False, False),
        ("referral", "requested", False, False),
        ("referral", "scheduled", False, True),
    ]
    assert one("SELECT count(DISTINCT practitioner_id) FROM slot") == 3
    assert one("SELECT count(*) FROM appointment_offer WHERE status = 'open'") == 1
    assert one("SELECT count(*) FROM earlier_wish WHERE status = 'waiting'") == 1


def test_a_mother_sees_the_vaccination_and_not_the_talk(
    app: Flask, accounts: list[dict[str, Any]]
) -> None:
    mother = sign_in(app, accounts, "Elena Reyes")
    [charge] = mother.get("/me/patients").json["items"]
    assert (charge["name"], charge["status"], charge["relationship"]) == (
        "Lucia Reyes",
        "active",
        "parent",
    )
    acting = mother.acting_for(charge["patient_id"])
    [visit] = acting.get("/visits?when=past").json["items"]
    assert visit["reason"] == "Yearly check and vaccination"
    # To come again is not done by the talk, of which she does not know.
    told = acting.get(f"/visits/{visit['id']}").json["instructions"]
    assert {one["status"] for one in told} == {"open"}
    assert acting.get("/prescriptions").json["items"]
    assert acting.get("/threads").status_code == 403
    daughter = sign_in(app, accounts, "Lucia Reyes")
    assert {visit["reason"] for visit in daughter.get("/visits?when=past").json["items"]} == {
        "Yearly check and vaccination",
        "A talk in confidence",
    }
