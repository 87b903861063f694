"""Who may see and do what with a referral, by every kind of actor."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from portal.core.actor import OPERATOR, Actor, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.tables import AuditEntry
from portal.directory.model import Practitioner
from tests.referrals.conftest import change, done, in_days, refer, step
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, actor

TABLES = ("referral", "referral_history", "referral_message", "consult_note")


def counts(reader: Actor) -> dict[str, int]:
    with transaction(reader) as session:
        return {
            table: session.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in TABLES
        }


@pytest.fixture
def reported(specialist: Caller, physician: Caller, requested: str) -> str:
    """A referral with a message of each sort and a held note."""
    step(specialist, requested, "ask", question="Is there an ECG?")
    step(physician, requested, "information", answer="Yes.", visible_to_patient=True)
    reason = "The patient asked to hear it in person."
    until = (utcnow() + timedelta(days=2)).isoformat()
    hold = {"exception": "patient_request", "reason": reason, "until": until}
    step(specialist, requested, "answer", text="All is well.", hold=hold)
    return requested


def test_each_sees_what_is_theirs(
    clinic: SmallClinic, cardiologist: Practitioner, reported: str
) -> None:
    everything = {"referral": 1, "referral_history": 4, "referral_message": 2, "consult_note": 1}
    nothing = dict.fromkeys(TABLES, 0)
    practitioner, staff = ActorKind.PRACTITIONER, ActorKind.STAFF
    patients = {**everything, "referral_message": 1, "consult_note": 0}
    for who, seen in (
        (actor(ActorKind.PATIENT, clinic.patient.id), patients),
        (actor(practitioner, clinic.physician.id), everything),
        (actor(practitioner, cardiologist.id), everything),
        (actor(staff, clinic.nurse.id), everything),  # of the physician's team
        (actor(staff, UUID(int=78)), everything),  # arranges it
        (actor(ActorKind.PATIENT, clinic.other_patient.id), nothing),
        (actor(practitioner, uuid4()), nothing),
        (actor(staff, clinic.liaison_officer.id), nothing),
    ):
        assert counts(who) == seen, who


def test_who_was_asked_sees_the_patient_while_it_goes_on(
    clinic: SmallClinic, cardiologist: Practitioner, specialist: Caller, physician: Caller
) -> None:
    path = f"/patients/{clinic.patient.id}"
    assert specialist.get(path).status_code == 404
    draft = refer(physician, clinic, cardiologist, draft=True)
    assert specialist.get(path).status_code == 404
    step(physician, draft, "send")
    assert specialist.get(path).status_code == 200
    step(specialist, draft, "decline", reason_code="not_my_field")
    yesterday = utcnow() - timedelta(days=2)
    change(draft, status_at=yesterday)
    with transaction(OPERATOR) as session:
        moved = "UPDATE work_item SET closed_at = :at, closed_by = NULL WHERE closed_at IS NOT NULL"
        session.execute(text(moved), {"at": yesterday})
        session.execute(text("UPDATE work_item SET pool_id = :id"), {"id": clinic.nurses.id})
    assert specialist.get(path).status_code == 404


@pytest.mark.parametrize(
    "call",
    [
        "send",
        "cancel",
        "close",
        "information",
        "accept",
        "decline",
        "ask",
        "answer",
        "note",
        "note/release",
        "appointment",
        "appointment/cancel",
        "attended",
        "no-show",
        "authorization",
    ],
)
def test_strangers_find_nothing(
    clinic: SmallClinic, caller: Callable[..., Caller], requested: str, call: str
) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "information": {"answer": "x"},
        "decline": {"reason_code": "other"},
        "ask": {"question": "x"},
        "answer": {"text": "x"},
        "note": {"text": "x"},
        "appointment": {"starts_at": in_days(30), "place": "x"},
        "authorization": {"authorization": {}},
    }
    for kind, id_ in (
        (ActorKind.PRACTITIONER, uuid4()),
        (ActorKind.STAFF, clinic.liaison_officer.id),
        (ActorKind.PATIENT, clinic.other_patient.id),
        (ActorKind.PHARMACY, clinic.pharmacy.id),
        (ActorKind.LABORATORY, clinic.laboratory.id),
    ):
        status = caller(kind, id_).post(f"/referrals/{requested}/{call}", bodies.get(call, {}))
        assert status.status_code in (403, 404), (kind, call, status.text)


def test_reading_and_writing_are_audited(
    clinic: SmallClinic, specialist: Caller, cardiologist: Practitioner, requested: str
) -> None:
    done(specialist.get(f"/referrals/{requested}"))
    done(specialist.get("/referrals?to=me"))
    step(specialist, requested, "accept")
    with transaction(OPERATOR) as session:
        rows = session.query(AuditEntry).filter_by(resource="referral").order_by(AuditEntry.at)
        seen = [(row.action, row.actor_id) for row in rows]
        assert {row.patient_id for row in rows} == {clinic.patient.id}
    assert ("create", clinic.physician.id) in seen
    mine = [action for action, who in seen if who == cardiologist.id]
    assert sorted(mine) == ["accepted", "read", "read", "read"]


def test_lists_say_from_and_to_whom(
    clinic: SmallClinic, physician: Caller, specialist: Caller, clerk: Caller, requested: str
) -> None:
    whose = f"patient_id={clinic.patient.id}"
    for reader, query in (
        (physician, "by=me"),
        (physician, whose),
        (specialist, "to=me"),
        (specialist, f"to=me&status=requested&{whose}"),
        (clerk, "to=me&status=open"),
    ):
        found = done(reader.get(f"/referrals?{query}"))["items"]
        assert [one["id"] for one in found] == [requested], query
    for reader, query in ((physician, "to=me"), (specialist, "by=me"), (clerk, "to=me&by=me")):
        assert done(reader.get(f"/referrals?{query}"))["items"] == []
    nothing = physician.get("/referrals")
    assert (nothing.status_code, nothing.json["errors"][0]["pointer"]) == (
        422,
        "#query/patient_id",
    )


def test_pages_follow_each_other(
    clinic: SmallClinic, physician: Caller, cardiologist: Practitioner, patient: Caller
) -> None:
    made = [refer(physician, clinic, cardiologist) for _ in range(3)]
    first = done(patient.get("/referrals?limit=2"))
    second = done(patient.get(f"/referrals?limit=2&cursor={first['next']}"))
    assert [one["id"] for one in (*first["items"], *second["items"])] == made[::-1]
    assert second["next"] is None
