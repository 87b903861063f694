"""Patients who have died: what is closed, what goes on, and that nothing new is asked for them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Engine, text, update

from portal.core.actor import OPERATOR, PATIENT_SIDE, ActorKind
from portal.core.clock import utcnow
from portal.core.db import Base, naming_patients, transaction
from portal.core.permissions import DELEGATED, PERMISSIONS, READING, declared
from portal.patients import merging
from portal.patients.death_model import MUST_END, REFUSING, PatientDeath
from tests.appointments.conftest import in_days as at_ten
from tests.appointments.conftest import open_slots
from tests.messages.conftest import new_thread
from tests.patients.delegates import give, new_person, today
from tests.patients.endings import (
    BY_HAND,
    Life,
    broken,
    die,
    force,
    open_items,
    record_death,
    sent_to,
    status_of,
)
from tests.referrals.conftest import body as referral_body
from tests.refills.conftest import Make
from tests.requisitions.conftest import body as order_body
from tests.results.conftest import CRITICAL, HIGH, received, set_report, wish
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, care_team
from tests.support.clinic import patient as new_patient
from tests.support.races import at_once
from tests.support.work import drain
from tests.visits.conftest import in_days
from tests.workers.test_twice import new_prescription
from workers import schedule

Sign = Callable[..., Caller]


@pytest.mark.parametrize("table", sorted(MUST_END))
def test_whatever_is_open_is_closed_or_with_a_person(
    life: Life, cleaner: Engine, table: str
) -> None:
    """Every state of every slice's table in which something waits for the patient."""
    made = {}
    for status in MUST_END[table]:
        id_ = life.open_one(table)
        drain()
        if status in BY_HAND.get(table, ()):
            if status == "report_received":
                life.bring_to(table, id_, status)
            else:
                continue
        elif status_of(table, id_) != status:
            force(cleaner, table, id_, status)
        made[status] = id_
    seen = die(life.nurse, life.clinic.patient.id)
    steps = {UUID(step["subject_id"]): step for step in seen["steps"]}
    for status, id_ in made.items():
        after = status_of(table, id_)
        if after == status:
            assert open_items(id_), (status, after)
        elif table != "earlier_wish":  # it ends with its appointment
            assert steps[id_]["settled"] == "closed"
            assert steps[id_]["status_before"] == status
    assert [rule for rule in broken() if "has died" in rule] == []
    assert sent_to(life.clinic.patient.id) == []


def test_everything_at_once_keeps_the_promise(life: Life, caller: Sign) -> None:
    life.open_everything()
    drain()
    received(life.clinic, HIGH)
    give(life.clinic.patient, new_person())
    assert sent_to(life.clinic.patient.id)
    seen = die(life.nurse, life.clinic.patient.id)
    assert {step["resource"] for step in seen["steps"]} >= MUST_END.keys() - {"earlier_wish"}
    for tick in (schedule.remind_of_appointments, schedule.send_digests, schedule.find_unseen):
        tick()
    drain()
    assert sent_to(life.clinic.patient.id) == []
    assert broken() == []
    [asked] = open_items(UUID(seen["id"]))
    assert asked == "patient_died"


# What of a patient has a status, and waits neither for them nor for anybody to do it for them.
NOBODY_WAITS = {
    "attachment": "it is scanned, or is part of what ends",
    "correction_request": "the front desk answers it: a work item has it",
    "diagnostic_report": "the practitioner reads it; letters and calls about it end",
    "observation": "as its report",
    "prescription": "it stands until it expires; no fill is let through",
    "problem": "it is a part of the chart",
    "problem_version": "as its problem",
    "report_version": "as its report",
    "visit_summary": "the practitioner writes it up; nobody tells the patient",
    "work_item": "it is with a person",
}


def test_every_status_of_something_of_a_patient_is_thought_of() -> None:
    with_status = {
        table.name
        for table in Base.metadata.tables.values()
        if {"status", "patient_id"} <= set(table.columns.keys())
    }
    assert with_status == MUST_END.keys() | NOBODY_WAITS.keys()


def test_every_table_that_names_a_patient_says_whether_something_new_may_come() -> None:
    """Beside what is refused: what tells of what has been, or belongs to what is refused."""
    told_of = {
        "patient_death",
        "death_step",
        "audit_entry",
        "work_item",
        "work_item_hop",
        "care_team_member",
        "break_glass_grant",
        "confidentiality_entry",
        "notification",
        "notification_delivery",
    }
    mine = {"delegation", "account"} | set(REFUSING)
    named = {column.table.name for column, _ in naming_patients(Base.metadata)}
    histories = {name for name in named if name.endswith("_history")}
    left = named - told_of - mine - histories
    assert not left & {"refill", "thread", "appointment", "referral", "requisition", "letter"}
    assert MUST_END.keys() <= REFUSING


def test_nobody_signs_in_and_the_login_comes_back(
    clinic: SmallClinic, nurse: Caller, anonymous: Caller
) -> None:
    id_ = clinic.patient.id
    made = nurse.post(f"/patients/{id_}/invitation", {"email": "avery@example.org"})
    code, password = made.json["activation_code"], "a long enough password"
    opening = {"code": code, "birth_date": "1980-04-15", "password": password}
    assert anonymous.post("/activations", opening).status_code in (200, 201)
    signing = {"email": "avery@example.org", "password": password}
    token = anonymous.post("/sessions", signing).json["token"]
    mine = {"Authorization": f"Bearer {token}"}
    assert anonymous.get("/patients/me", headers=mine).status_code == 200
    die(nurse, id_)
    assert anonymous.get("/patients/me", headers=mine).status_code == 401
    refused = anonymous.post("/sessions", signing)
    wrong = anonymous.post("/sessions", {**signing, "password": "another password"})
    assert (refused.status_code, refused.json["detail"]) == (401, wrong.json["detail"])
    asked = anonymous.post("/password-resets", {"email": "avery@example.org"})
    assert asked.status_code < 300
    with transaction(OPERATOR) as session:
        mails = session.execute(
            text("SELECT count(*) FROM outbox_event WHERE kind = 'account.password_reset'")
        ).scalar_one()
    assert mails == 0
    assert nurse.post(f"/patients/{id_}/invitation", {"email": "a@example.org"}).json["code"] == (
        "patient_deceased"
    )
    revoked = nurse.post(f"/patients/{id_}/death/revoke", {"reason": "Another of that name."})
    assert (revoked.status_code, revoked.json["revoke_reason"]) == (200, "Another of that name.")
    assert anonymous.post("/sessions", signing).status_code in (200, 201)


def test_a_code_that_was_not_used_opens_nothing(
    clinic: SmallClinic, nurse: Caller, anonymous: Caller
) -> None:
    made = nurse.post(f"/patients/{clinic.patient.id}/invitation", {"email": "a@example.org"})
    die(nurse, clinic.patient.id)
    opening = {
        "code": made.json["activation_code"],
        "birth_date": "1980-04-15",
        "password": "a long enough password",
    }
    assert anonymous.post("/activations", opening).json["code"] == "code_unusable"


def test_an_administrator_opens_no_account_of_the_dead(
    clinic: SmallClinic, nurse: Caller, patient: Caller, caller: Sign
) -> None:
    assert patient.get("/patients/me").status_code == 200
    die(nurse, clinic.patient.id)
    administrator = caller(ActorKind.ADMINISTRATOR, clinic.nurse.id)
    with transaction(OPERATOR) as session:
        account = session.execute(
            text("SELECT id FROM account WHERE person_id = :id AND kind = 'patient'"),
            {"id": clinic.patient.id},
        ).scalar_one()
    refused = administrator.post(f"/accounts/{account}/enable")
    assert (refused.status_code, refused.json["code"]) == (409, "account_suspended")
    assert administrator.post(f"/accounts/{account}/disable").status_code == 200
    nurse.post(f"/patients/{clinic.patient.id}/death/revoke", {"reason": "A mistake."})
    assert status_of("account", account) == "disabled"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"died_on": "1980-04-14"}, 422),
        ({"died_on": (today() + timedelta(days=1)).isoformat()}, 422),
        ({"died_on": "1980-04-15"}, 201),
        ({"source": "hearsay"}, 422),
        ({"reason": ""}, 422),
    ],
)
def test_bounds(clinic: SmallClinic, nurse: Caller, changes: dict[str, Any], status: int) -> None:
    made = record_death(nurse, clinic.patient.id, **changes)
    assert made.status_code == status, made.text
    if status == 422:
        assert made.json["errors"][0]["pointer"] == f"/{next(iter(changes))}"


def test_who_may_record_it_and_once(
    clinic: SmallClinic, nurse: Caller, physician: Caller, patient: Caller, caller: Sign
) -> None:
    assert record_death(patient, clinic.patient.id).status_code == 403
    stranger = caller(ActorKind.STAFF, clinic.liaison_officer.id)
    assert record_death(stranger, clinic.patient.id).status_code == 404
    assert nurse.get(f"/patients/{clinic.patient.id}/death").status_code == 404
    revoke = f"/patients/{clinic.patient.id}/death/revoke"
    assert nurse.post(revoke, {"reason": "A mistake."}).json["code"] == "not_deceased"
    assert record_death(physician, clinic.patient.id).status_code == 201
    again = record_death(nurse, clinic.patient.id)
    assert (again.status_code, again.json["code"]) == (409, "already_deceased")
    assert nurse.get(f"/patients/{clinic.patient.id}").json["deceased_on"] == str(today())
    assert nurse.post(revoke, {"reason": "A mistake."}).status_code == 200
    assert nurse.get(f"/patients/{clinic.patient.id}").json["deceased_on"] is None
    assert record_death(nurse, clinic.patient.id).status_code == 201


def test_what_was_closed_is_listed_for_a_person_when_it_was_wrong(life: Life) -> None:
    made = life.open_everything()
    drain()
    id_ = life.clinic.patient.id
    seen = die(life.nurse, id_)
    death_id = UUID(seen["id"])
    revoked = life.nurse.post(f"/patients/{id_}/death/revoke", {"reason": "Another patient."})
    assert revoked.status_code == 200
    drain()
    assert open_items(death_id) == ["death_revoked"]
    work = life.physician.get("/worklist?limit=100").json["items"]
    [item] = [one for one in work if one["subject_id"] == str(death_id)]
    assert item["link"] == f"/api/v1/patients/{id_}/death"
    listed = {step["subject_id"] for step in revoked.json["steps"]}
    assert str(made["thread"]) in listed
    assert str(made["refill"]) in listed
    again = life.physician.post(
        "/threads", {**new_thread(life.clinic), "patient_id": str(id_), "to": None}
    )
    assert again.json.get("code") != "patient_deceased"
    drain()
    assert broken() == []


REQUESTS: dict[str, Callable[[SmallClinic], Any]] = {
    "/prescriptions": new_prescription,
    "/requisitions": order_body,
    "/referrals": lambda clinic: referral_body(clinic, clinic.colleague),
    "/visits": lambda clinic: {
        "patient_id": str(clinic.patient.id),
        "practitioner_id": str(clinic.physician.id),
        "kind": "office",
        "reason": "Check",
        "starts_at": in_days(3),
    },
}


@pytest.mark.parametrize("path", sorted(REQUESTS))
def test_nothing_new_is_asked_for_the_dead(
    clinic: SmallClinic, nurse: Caller, physician: Caller, path: str
) -> None:
    die(nurse, clinic.patient.id)
    refused = physician.post(path, REQUESTS[path](clinic))
    assert (refused.status_code, refused.json["code"]) == (409, "patient_deceased"), refused.text


def test_no_time_is_booked_or_offered(
    clinic: SmallClinic, nurse: Caller, physician: Caller
) -> None:
    slots = open_slots(physician, at_ten(3), at_ten(4))
    die(nurse, clinic.patient.id)
    mine = {"patient_id": str(clinic.patient.id)}
    for path, body in (
        (f"/slots/{slots[0]}/book", mine),
        ("/appointments/offers", {**mine, "slot_ids": [str(slots[1])]}),
    ):
        refused = nurse.post(path, body)
        assert (refused.status_code, refused.json["code"]) == (409, "patient_deceased"), path


def test_who_writes_to_many_is_told_who_has_died(clinic: SmallClinic, nurse: Caller) -> None:
    die(nurse, clinic.patient.id)
    body = {
        "patient_ids": [str(clinic.patient.id), str(clinic.other_patient.id)],
        "category": "other",
        "subject": "Flu vaccine",
        "body": "It is here: come in any morning.",
    }
    sent = nurse.post("/threads/many", body)
    assert sent.status_code == 207, sent.text
    dead, alive = sent.json["items"]
    assert (dead["outcome"], dead["problem"]["code"]) == ("rejected", "patient_deceased")
    assert alive["outcome"] == "sent"


def test_a_closed_thread_is_not_opened_again(life: Life) -> None:
    thread = life.open_one("thread")
    die(life.nurse, life.clinic.patient.id)
    seen = life.nurse.get(f"/threads/{thread}").json
    assert (seen["status"], seen["closed_reason"]) == ("closed", "patient_died")
    refused = life.nurse.post(f"/threads/{thread}/reopen")
    assert (refused.status_code, refused.json["code"]) == (409, "patient_deceased")


def test_access_of_delegates_ends_or_goes_on_to_be_read(
    app: Flask, life: Life, caller: Sign
) -> None:
    clinic, person = life.clinic, new_person()
    give(clinic.patient, person)
    robin = caller(ActorKind.DELEGATE, person).acting_for(clinic.patient.id)
    administrator = caller(ActorKind.ADMINISTRATOR, clinic.nurse.id)
    thread = life.open_one("thread")
    died = die(life.nurse, clinic.patient.id)
    assert robin.get("/refills").json["code"] == "access_ended"
    policy = f"/clinics/{clinic.clinic.id}/access-after-death"
    assert administrator.get(policy).json == {"days": 0}
    assert life.nurse.put(policy, {"days": 30}).status_code == 403
    assert administrator.put(policy, {"days": 30}).json == {"days": 30}
    assert robin.get(f"/threads/{thread}").status_code == 200
    walked = 0
    for rule in app.url_map.iter_rules():
        permission = declared(app.view_functions[rule.endpoint]) or ""
        acting = permission in DELEGATED and PERMISSIONS[permission] & PATIENT_SIDE
        if not acting or permission.endswith(READING):
            continue
        path = rule.rule
        for argument in rule.arguments:
            path = path.replace(f"<uuid:{argument}>", str(thread))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            refused = robin.request(method, path, json={})
            assert (refused.status_code, refused.json["code"]) == (409, "patient_deceased"), path
            walked += 1
    assert walked > 10
    with transaction(OPERATOR) as session:
        session.execute(
            update(PatientDeath)
            .where(PatientDeath.id == UUID(died["id"]))
            .values(recorded_at=utcnow() - timedelta(days=31))
        )
    assert robin.get(f"/threads/{thread}").json["code"] == "access_ended"


def test_the_phone_line_knows_nobody_of_that_name(
    clinic: SmallClinic, nurse: Caller, caller: Sign, refillable: Make
) -> None:
    label = refillable()
    line = caller(ActorKind.PHONE, clinic.clinic.id)
    body = {"refill_number": label.refill_number, "date_of_birth": "1980-04-15"}
    die(nurse, clinic.patient.id)
    wrong = line.post("/phone/refills", {**body, "date_of_birth": "1981-01-01"})
    assert line.post("/phone/refills", body).json == wrong.json


def test_a_result_reaches_its_practitioner_and_nobody_else(
    clinic: SmallClinic, nurse: Caller, patient: Caller
) -> None:
    wish(clinic, by="letter")
    die(nurse, clinic.patient.id)
    report = received(clinic, CRITICAL)
    assert set(open_items(report)) >= {"result_review", "result_critical"}
    set_report(report, released_at=utcnow() - timedelta(days=30))
    set_report(report, reviewed_at=utcnow() - timedelta(days=30))
    schedule.find_unseen()
    schedule.find_uncommunicated()
    drain()
    with transaction(OPERATOR) as session:
        assert session.execute(text("SELECT count(*) FROM letter")).scalar_one() == 0
    assert set(open_items(report)) & {"result_unseen", "result_communication"} == set()
    assert [rule for rule in broken() if "told" in rule or "seen" in rule] == []
    assert sent_to(clinic.patient.id) == []


def test_a_notification_on_its_way_is_not_sent(life: Life) -> None:
    life.open_one("requisition")
    drain()
    assert sent_to(life.clinic.patient.id)  # there is no mail server yet
    die(life.nurse, life.clinic.patient.id)
    assert sent_to(life.clinic.patient.id) == []


def test_a_request_of_the_same_moment_is_refused_or_closed(life: Life) -> None:
    """The two orders in which a death and a request can come."""
    label = life.refillable()
    body = {"items": [{"prescription_id": str(label.id)}]}
    death, asked = at_once(
        lambda: record_death(life.nurse, life.clinic.patient.id),
        lambda: life.patient.post("/refills", body),
    )
    assert death.status_code == 201
    assert asked.status_code in (201, 401, 409), asked.text
    drain()
    with transaction(OPERATOR) as session:
        left = session.execute(text("SELECT status FROM refill")).scalars().all()
    assert set(left) <= {"cancelled"}
    assert broken() == []


def test_a_merge_with_the_record_of_somebody_who_died(
    clinic: SmallClinic, nurse: Caller, patient: Caller
) -> None:
    duplicate = new_patient(clinic.clinic, clinic.pharmacy, "Avery", 3)
    add(duplicate, care_team(duplicate, clinic.physician))
    die(nurse, duplicate.id)
    body = {"into_id": str(clinic.patient.id), "reason": "The same person"}
    assert nurse.post(f"/patients/{duplicate.id}/merge", body).status_code == 200
    drain(until=utcnow() + 10 * merging.SETTLED_AFTER)
    assert patient.get("/patients/me").status_code == 401
    assert nurse.get(f"/patients/{clinic.patient.id}").json["deceased_on"] == str(today())
