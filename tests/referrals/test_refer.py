"""Writing a referral: what is made of it, and everything that is wrong with one."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from portal.core.actor import OPERATOR
from portal.core.clock import local_day, utcnow
from portal.core.db import transaction
from portal.directory.model import Practitioner
from portal.referrals.rules import DRAFT_KEPT_FOR
from tests.referrals.conftest import (
    OUTSIDE,
    body,
    done,
    items,
    kept_promise,
    load,
    open_kinds,
    refer,
    step,
    told,
)
from tests.results.conftest import received
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic
from tests.support.work import drain


def pointers(answer: Any) -> list[str]:
    return [error["pointer"] for error in answer.json["errors"]]


def test_it_waits_for_the_specialist(
    clinic: SmallClinic, physician: Caller, patient: Caller, cardiologist: Practitioner
) -> None:
    diagnosis = {"code": "I20.8", "text": "Angina"}
    about = {"kind": "result", "id": str(received(clinic))}
    made = done(
        physician.post(
            "/referrals", body(clinic, cardiologist, diagnoses=[diagnosis], about=[about])
        )
    )
    drain()
    assert made["number"].startswith("REF-")
    assert (made["status"], made["urgency"], made["late"]) == ("requested", "routine", False)
    assert (made["diagnoses"], made["about"]) == ([diagnosis], [about])
    assert made["specialist"]["name"] == cardiologist.name
    assert made["arranged_by"]["name"] == "Desk"
    [item] = items(made["id"])
    assert (item.kind, item.responsible_id) == ("referral_decision", cardiologist.id)
    assert (item.assignee_id, item.pool_id) == (cardiologist.id, cardiologist.pool_id)
    seen = done(patient.get(f"/referrals/{made['id']}"))
    assert seen["with"] == {
        "kind": "specialist",
        "name": cardiologist.name,
        "since": seen["status_at"],
    }
    assert cardiologist.name in seen["next_step"]
    assert told(clinic.patient.id) == ["referral_requested"]
    kept_promise()


def test_elsewhere_it_waits_for_the_staff(
    clinic: SmallClinic, physician: Caller, cardiologist: Practitioner
) -> None:
    assert cardiologist.active
    referral = refer(physician, clinic, None)
    [item] = items(referral)
    assert (item.kind, item.responsible_id, str(item.pool_id)) == (
        "referral_decision",
        None,
        "00000000-0000-0000-0000-00000000004d",
    )
    assert done(physician.get(f"/referrals/{referral}"))["specialist"]["phone"] == OUTSIDE["phone"]


@pytest.mark.parametrize(
    ("changes", "urgency", "priority"),
    [
        ({}, "routine", "routine"),
        ({"same_day": True}, "urgent", "urgent"),
        ({"same_day": True, "urgency": "stat"}, "stat", "stat"),
    ],
)
def test_what_is_asked_for_today_is_urgent(
    clinic: SmallClinic,
    physician: Caller,
    cardiologist: Practitioner,
    changes: dict[str, Any],
    urgency: str,
    priority: str,
) -> None:
    referral = refer(physician, clinic, cardiologist, kind="consultation", **changes)
    [item] = items(referral)
    assert (load(referral).urgency, item.priority) == (urgency, priority)


def test_a_draft_is_for_the_care_team_until_it_is_sent(
    clinic: SmallClinic,
    physician: Caller,
    patient: Caller,
    specialist: Caller,
    cardiologist: Practitioner,
) -> None:
    until = str(local_day(utcnow(), ZONE) + timedelta(days=60))
    allowed = {"number": "A-1", "valid_until": until, "visits_allowed": 3}
    draft = refer(physician, clinic, cardiologist, draft=True, authorization=allowed)
    assert (load(draft).status, open_kinds(draft)) == ("draft", [])
    assert load(draft).expires_at == load(draft).created_at + DRAFT_KEPT_FOR
    for reader in (patient, specialist):
        assert reader.get(f"/referrals/{draft}").status_code == 404
        query = "?to=me" if reader is specialist else ""
        assert reader.get(f"/referrals{query}").json["items"] == []
    sent = step(physician, draft, "send")
    assert (sent["status"], open_kinds(draft)) == ("requested", ["referral_decision"])
    expires_at = load(draft).expires_at
    assert expires_at is not None
    assert local_day(expires_at, ZONE) == local_day(utcnow(), ZONE) + timedelta(days=61)
    assert specialist.get("/referrals?to=me").json["items"][0]["id"] == draft
    again = physician.post(f"/referrals/{draft}/send")
    assert (again.status_code, again.json["code"]) == (409, "not_sendable")


def test_the_same_key_refers_once(
    clinic: SmallClinic, physician: Caller, cardiologist: Practitioner
) -> None:
    headers = {"Idempotency-Key": "refer-1"}
    one = physician.post("/referrals", body(clinic, cardiologist), headers=headers)
    two = physician.post("/referrals", body(clinic, cardiologist), headers=headers)
    assert (one.status_code, two.json) == (201, one.json)
    with transaction(OPERATOR) as session:
        assert session.scalar(text("SELECT count(*) FROM referral")) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"patient_id": str(uuid4())}, "/patient_id"),
        ({"to": {"specialist_id": str(uuid4())}}, "/to/specialist_id"),
        ({"to": {}}, "/to/specialist_id"),
        ({"to": {"specialist_id": str(uuid4()), "outside": OUTSIDE}}, "/to/specialist_id"),
        ({"to": {"outside": {"name": "Dr. X", "npi": "12"}}}, "/to/outside/npi"),
        ({"urgency": "soon"}, "/urgency"),
        ({"reason": ""}, "/reason"),
        ({"reason": "bell \x07"}, "/reason"),
        ({"diagnoses": [{"code": "angina", "text": "x"}]}, "/diagnoses/0/code"),
        ({"about": [{"kind": "dream", "id": str(uuid4())}]}, "/about/0/kind"),
        ({"about": [{"kind": "result", "id": str(uuid4())}]}, "/about/0/id"),
        ({"authorization": {"valid_until": "2020-01-01"}}, "/authorization/valid_until"),
        ({"authorization": {"valid_until": "2999-01-01"}}, "/authorization/valid_until"),
        ({"authorization": {"valid_from": "2999-01-01"}}, "/authorization/valid_from"),
        ({"authorization": {"visits_allowed": 0}}, "/authorization/visits_allowed"),
        ({"pool_id": str(uuid4())}, "/pool_id"),
        ({"status": "closed"}, "/status"),
    ],
)
def test_what_is_wrong_is_named(
    clinic: SmallClinic,
    physician: Caller,
    cardiologist: Practitioner,
    changes: dict[str, Any],
    expected: str,
) -> None:
    answer = physician.post("/referrals", body(clinic, cardiologist, **changes))
    assert (answer.status_code, pointers(answer)) == (422, [expected])


def test_nobody_refers_to_themselves(clinic: SmallClinic, physician: Caller) -> None:
    answer = physician.post("/referrals", body(clinic, clinic.physician))
    assert (answer.status_code, pointers(answer)) == (422, ["/to/specialist_id"])
