"""Giving access: offering, answering, changing and ending it; parents; and who is told."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.accounts import passwords
from portal.accounts.model import Account
from portal.core import loops
from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.tables import OutboxEvent
from portal.patients.delegation_model import Delegation
from portal.patients.delegation_rules import OFFER_LASTS, ParentalBounds, age_on, of_age
from portal.patients.delegation_states import DELEGATION, DelegationStatus
from portal.patients.model import Patient
from tests.notifications.conftest import Mailbox, mailbox
from tests.patients.conftest import Sign
from tests.patients.delegates import born_years_ago, give, new_person, today
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain

__all__ = ["mailbox"]

OFFER = {
    "email": "robin@example.org",
    "name": "Robin Thompson",
    "relationship": "spouse",
    "categories": ["medicines", "results"],
}
PARENT = {"email": "robin@example.org", "name": "Robin Thompson"}
PASSWORD = "a long walk in the rain"


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def offer(patient: Caller, **changes: Any) -> str:
    answer = patient.post("/delegations", {**OFFER, **changes})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def account_of(email: str) -> Account:
    with transaction(OPERATOR) as session:
        return session.scalars(select(Account).where(Account.email == email)).one()


def change(model: type[Any], id_: object, **values: Any) -> None:
    with transaction(OPERATOR) as session:
        row = session.get_one(model, id_)
        for name, value in values.items():
            setattr(row, name, value)


def register(patient_id: UUID, email: str) -> None:
    with transaction(OPERATOR) as session:
        row = session.scalars(select(Account).where(Account.person_id == patient_id)).one()
        row.email = email


def sign_in(app: Flask, email: str) -> Caller:
    answer = Caller(app).post("/sessions", {"email": email, "password": PASSWORD})
    return Caller(app, answer.json["token"])


def test_somebody_without_an_account_gets_one_by_mail_and_acts(
    app: Flask, clinic: SmallClinic, patient: Caller, mailbox: Mailbox
) -> None:
    id_ = offer(patient)
    drain()
    [mail] = [one for one in mailbox.messages if one["To"] == OFFER["email"]]
    body = mail.get_content()
    for private in ("Avery", "Testpatient", "Robin", clinic.patient.mrn, str(clinic.patient.id)):
        assert private not in body
    found = re.search(r"[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}", body)
    assert found
    opened = Caller(app).post("/activations", {"code": found.group(), "password": PASSWORD})
    assert opened.status_code == 201, opened.text
    robin = sign_in(app, OFFER["email"])  # type: ignore[arg-type]
    [charge] = robin.get("/me/patients").json["items"]
    assert (charge["delegation_id"], charge["status"]) == (id_, "offered")
    assert charge["name"] == "Avery Testpatient"
    accepted = robin.post(f"/delegations/{id_}/accept")
    assert accepted.json["items"][0]["status"] == "active"
    assert accepted.json["items"][0]["categories"] == ["medicines", "results"]
    assert robin.acting_for(clinic.patient.id).get("/prescriptions").status_code == 200
    drain()
    events = [item["event"] for item in patient.get("/notifications").json["items"]]
    assert events == ["delegation_answered"]
    steps = patient.get(f"/delegations/{id_}").json["history"]
    assert [step["status"] for step in steps] == ["offered", "accepted"]
    assert steps[1]["by"] == {"kind": "delegate", "name": "Robin Thompson"}


def test_a_patient_is_told_in_the_portal_and_acts_with_their_own_account(
    clinic: SmallClinic, patient: Caller, caller: Sign, mailbox: Mailbox
) -> None:
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    register(clinic.other_patient.id, "blake@example.org")
    id_ = offer(patient, email="Blake@Example.org")
    drain()
    assert not [one for one in mailbox.messages if "code" in one.get_content()]
    [told] = other.get("/notifications").json["items"]
    assert told["event"] == "delegation_offered"
    assert other.post(f"/delegations/{id_}/accept").status_code == 200
    assert other.acting_for(clinic.patient.id).get("/results").status_code == 200
    assert other.get("/prescriptions").status_code == 200


def test_whoever_offers_does_not_learn_whether_there_is_an_account(
    clinic: SmallClinic, patient: Caller, caller: Sign
) -> None:
    caller(ActorKind.PATIENT, clinic.other_patient.id)
    register(clinic.other_patient.id, "blake@example.org")
    views = []
    for email in ("blake@example.org", "nobody@example.org"):
        id_ = offer(patient, email=email)
        drain()
        view = patient.get(f"/delegations/{id_}").json
        personal = {"id", "email", "offered_at", "history"}
        views.append({name: value for name, value in view.items() if name not in personal})
    assert views[0] == views[1]


def test_an_address_of_somebody_who_works_here_is_asked_for_another(
    clinic: SmallClinic, patient: Caller, physician: Caller, mailbox: Mailbox
) -> None:
    register(clinic.physician.id, "ines@example.org")
    offer(patient, email="ines@example.org")
    drain()
    [mail] = mailbox.messages
    assert "another address" in mail.get_content()
    with transaction(OPERATOR) as session:
        assert session.scalars(select(Delegation.delegate_id)).all() == [None]
    assert physician.get("/me/patients").status_code == 403


def test_the_outbox_holds_ids_alone(patient: Caller) -> None:
    offer(patient)
    with transaction(OPERATOR) as session:
        payloads = session.scalars(
            select(OutboxEvent.payload).where(OutboxEvent.kind == "delegation.offered")
        ).all()
    assert [set(payload) for payload in payloads] == [{"delegation_id"}]


def test_an_offer_is_declined_once_and_for_all(
    clinic: SmallClinic, patient: Caller, caller: Sign
) -> None:
    person = new_person()
    given = give(clinic.patient, person, status="offered")
    robin = caller(ActorKind.DELEGATE, person)
    assert robin.post(f"/delegations/{given.id}/decline").json["items"] == []
    assert robin.post(f"/delegations/{given.id}/decline").status_code == 200
    assert code(robin.post(f"/delegations/{given.id}/accept")) == (409, "delegation_ended")
    assert code(patient.post(f"/delegations/{given.id}/revoke")) == (409, "delegation_ended")


def test_an_offer_that_was_left_for_too_long_lapses(
    clinic: SmallClinic, patient: Caller, caller: Sign
) -> None:
    person = new_person()
    given = give(clinic.patient, person, status="offered")
    change(Delegation, given.id, offered_at=given.offered_at - OFFER_LASTS)
    robin = caller(ActorKind.DELEGATE, person)
    assert robin.get("/me/patients").json["items"] == []
    assert code(robin.post(f"/delegations/{given.id}/accept")) == (409, "delegation_ended")
    [listed] = patient.get("/delegations").json["items"]
    assert listed["status"] == "lapsed"


def test_nobody_answers_for_somebody_else(
    clinic: SmallClinic, patient: Caller, caller: Sign
) -> None:
    given = give(clinic.patient, new_person(), status="offered")
    stranger = caller(ActorKind.DELEGATE, new_person())
    other = caller(ActorKind.PATIENT, clinic.other_patient.id)
    for who in (stranger, other, patient):
        for answer in ("accept", "decline"):
            path = f"/delegations/{given.id}/{answer}"
            assert code(who.post(path)) == (404, "delegation_not_found")
    for call in (
        other.get(f"/delegations/{given.id}"),
        other.patch(f"/delegations/{given.id}", {"categories": ["visits"]}),
        other.post(f"/delegations/{given.id}/revoke"),
    ):
        assert code(call) == (404, "delegation_not_found")


def test_a_second_offer_to_the_same_address_names_the_first(patient: Caller) -> None:
    first = offer(patient)
    again = patient.post("/delegations", {**OFFER, "email": "ROBIN@example.org"})
    assert code(again) == (409, "already_delegated")
    assert again.json["delegation_id"] == first
    assert patient.post(f"/delegations/{first}/revoke").status_code == 200
    assert patient.post("/delegations", OFFER).status_code == 201


def test_revoking_twice_is_once(patient: Caller) -> None:
    id_ = offer(patient)
    first = patient.post(f"/delegations/{id_}/revoke", {"reason": "A mistake"}).json
    second = patient.post(f"/delegations/{id_}/revoke", {"reason": "Again"}).json
    assert first == second
    assert first["history"][-1]["reason"] == "A mistake"


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "no address"},
        {"name": "two\nlines"},
        {"relationship": "owner"},
        {"categories": []},
        {"categories": ["everything"]},
        {"starts_on": "2026-02-30"},
        {"starts_on": "2090-01-02", "ends_on": "2090-01-01"},
        {"ends_on": "2020-01-01"},
        {"kind": "parental"},
    ],
    ids=str,
)
def test_what_can_not_be_offered_is_refused(patient: Caller, wrong: dict[str, Any]) -> None:
    answer = patient.post("/delegations", {**OFFER, **wrong})
    assert answer.status_code == 422, answer.text
    assert answer.json["errors"]


def test_the_period_is_changed_and_ends_at_once(
    clinic: SmallClinic, patient: Caller, acting: Caller
) -> None:
    [given] = patient.get("/delegations").json["items"]
    path = f"/delegations/{given['id']}"
    tag = patient.get(path).headers["ETag"]
    tomorrow = (today() + timedelta(days=1)).isoformat()
    changed = patient.patch(path, {"starts_on": tomorrow}, headers={"If-Match": tag})
    assert changed.json["status"] == "upcoming"
    assert changed.json["open_categories"] == []
    assert code(acting.get("/results")) == (403, "access_ended")
    late = patient.patch(path, {"ends_on": tomorrow}, headers={"If-Match": tag})
    assert code(late) == (412, "precondition_failed")
    yesterday = (today() - timedelta(days=1)).isoformat()
    assert patient.patch(path, {"ends_on": yesterday}).status_code == 422


def test_who_acts_gives_it_up(
    clinic: SmallClinic, patient: Caller, robin: Caller, acting: Caller
) -> None:
    path = f"/me/patients/{clinic.patient.id}"
    assert robin.delete(path).status_code == 204
    assert code(acting.get("/results")) == (403, "access_ended")
    assert code(robin.delete(path)) == (404, "delegation_not_found")
    drain()
    events = [item["event"] for item in patient.get("/notifications").json["items"]]
    assert events == ["delegation_ended"]


def test_staff_end_access_for_a_patient_who_calls(
    clinic: SmallClinic, patient: Caller, nurse: Caller, acting: Caller, robin: Caller
) -> None:
    [given] = nurse.get(f"/patients/{clinic.patient.id}/delegations").json["items"]
    ended = nurse.post(f"/delegations/{given['id']}/revoke", {"reason": "Asked for on the phone"})
    assert ended.json["status"] == "revoked", ended.text
    assert ended.json["history"][-1]["by"]["name"] == "Nora Bell"
    assert code(acting.get("/results")) == (403, "access_ended")
    drain()
    assert [one["event"] for one in robin.get("/notifications").json["items"]] == [
        "delegation_ended"
    ]
    assert "delegation_ended" in patient.get("/notifications").text


def test_minors_give_no_access_and_adults_have_no_parents_recorded(
    clinic: SmallClinic, patient: Caller, nurse: Caller
) -> None:
    path = f"/patients/{clinic.patient.id}/parents"
    assert code(nurse.post(path, PARENT)) == (409, "not_a_minor")
    change(Patient, clinic.patient.id, birth_date=born_years_ago(18, days_later=1))
    assert code(patient.post("/delegations", OFFER)) == (409, "not_of_age")
    recorded = nurse.post(path, PARENT)
    assert recorded.status_code == 201, recorded.text
    assert recorded.json["open_categories"] == ["appointments", "medicines", "results", "visits"]


def test_a_parent_needs_not_accept_and_is_ended_by_the_staff_alone(
    app: Flask, clinic: SmallClinic, patient: Caller, nurse: Caller, mailbox: Mailbox, caller: Sign
) -> None:
    change(Patient, clinic.patient.id, birth_date=born_years_ago(5))
    recorded = nurse.post(f"/patients/{clinic.patient.id}/parents", PARENT).json
    drain()
    with transaction(OPERATOR) as session:
        person = session.get_one(Delegation, UUID(recorded["id"])).delegate_id
        account = session.scalars(select(Account).where(Account.person_id == person)).one()
        account.status = "active"
    robin = sign_in_as(app, account)
    [charge] = robin.get("/me/patients").json["items"]
    assert (charge["kind"], charge["status"]) == ("parental", "active")
    assert charge["birth_date"] == born_years_ago(5).isoformat()
    acting = robin.acting_for(clinic.patient.id)
    assert acting.get("/prescriptions").status_code == 200
    path = f"/delegations/{recorded['id']}"
    assert code(patient.post(f"{path}/revoke")) == (409, "recorded_by_clinic")
    assert code(patient.patch(path, {"categories": ["visits"]})) == (409, "recorded_by_clinic")
    assert nurse.post(f"{path}/revoke", {"reason": "A court's order"}).status_code == 200
    assert code(acting.get("/prescriptions")) == (403, "access_ended")
    assert "court" not in robin.get("/me/patients").text


def sign_in_as(app: Flask, account: Account) -> Caller:
    """With the account that is there."""
    with transaction(OPERATOR) as session:
        row = session.get_one(Account, account.id)
        row.password_hash = passwords.hash_password(PASSWORD)
    return sign_in(app, account.email)


def test_on_the_eighteenth_birthday_the_parent_finds_the_access_gone(
    clinic: SmallClinic, caller: Sign, patient: Caller
) -> None:
    person = new_person()
    give(clinic.patient, person, kind="parental", relationship="parent")
    mother = caller(ActorKind.DELEGATE, person).acting_for(clinic.patient.id)
    change(Patient, clinic.patient.id, birth_date=born_years_ago(18, days_later=1))
    assert mother.get("/prescriptions").status_code == 200
    change(Patient, clinic.patient.id, birth_date=born_years_ago(18))
    assert code(mother.get("/prescriptions")) == (403, "access_ended")
    [listed] = patient.get("/delegations").json["items"]
    assert (listed["status"], listed["open_categories"]) == ("outgrown", [])


@pytest.mark.parametrize("before", DelegationStatus)
@pytest.mark.parametrize("after", DelegationStatus)
def test_the_table_of_moves(before: DelegationStatus, after: DelegationStatus) -> None:
    moves = {
        ("offered", "accepted"): {"delegate"},
        ("offered", "declined"): {"delegate"},
        ("offered", "revoked"): {"patient", "staff", "delegate", "worker"},
        ("accepted", "revoked"): {"patient", "staff", "delegate"},
    }
    allowed = moves.get((before.value, after.value), set())
    for kind in ActorKind:
        assert DELEGATION.allows(before, after, kind) == (kind.value in allowed), kind


def test_the_age_of_who_was_born_on_a_leap_day(clinic: SmallClinic) -> None:
    """The same in Python and in PostgreSQL."""
    born = today().replace(year=2012, month=2, day=29)
    for year, month, day, years in ((2024, 2, 28, 11), (2024, 2, 29, 12), (2025, 2, 28, 12)):
        moment = born.replace(year=year, month=month, day=day)
        with transaction(OPERATOR) as session:
            counted = session.scalar(select(func.extract("year", func.age(moment, born))))
        assert (age_on(born, moment), counted) == (years, years), moment


def test_what_an_age_leaves_of_a_parents_categories() -> None:
    bounds = ParentalBounds(10, 16, frozenset({"visits"}))
    born = today().replace(year=today().year - 12, month=1, day=1)
    left = of_age("parental", ["visits", "results"], born, bounds, today())
    assert left == {"visits"}
    assert of_age("granted", ["results"], born, bounds, today()) == {"results"}


def test_a_hundred_offers_at_once_to_one_address_are_one(
    app: Flask, patient: Caller, clinic: SmallClinic
) -> None:
    with ThreadPoolExecutor(10) as pool:
        callers = [Caller(app, patient.token) for _ in range(100)]
        statuses = list(pool.map(lambda one: one.post("/delegations", OFFER).status_code, callers))
    assert statuses.count(201) == 1
    assert set(statuses) <= {201, 409, 429}
    with transaction(OPERATOR) as session:
        assert len(session.scalars(select(Delegation)).all()) == 1, clinic.patient.id


def test_of_an_answer_and_a_revocation_at_once_the_revocation_stays(
    app: Flask, clinic: SmallClinic, patient: Caller, caller: Sign
) -> None:
    for _ in range(5):
        person = new_person()
        given = give(clinic.patient, person, status="offered")
        robin = caller(ActorKind.DELEGATE, person)
        calls = [(robin, "accept"), (patient, "revoke")]
        with ThreadPoolExecutor(2) as pool:
            done = [
                pool.submit(Caller(app, who.token).post, f"/delegations/{given.id}/{act}")
                for who, act in calls
            ]
            accepted, revoked = (one.result().status_code for one in done)
        assert accepted in (200, 409)
        assert revoked == 200
        acting = robin.acting_for(clinic.patient.id)
        assert code(acting.get("/results")) == (403, "access_ended")


def test_nobody_offers_access_to_themselves(
    clinic: SmallClinic, patient: Caller, mailbox: Mailbox
) -> None:
    register(clinic.patient.id, "avery@example.org")
    answer = patient.post("/delegations", {**OFFER, "email": "Avery@example.org"})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/email")


def test_the_promise_is_kept_and_a_breach_is_found(clinic: SmallClinic, patient: Caller) -> None:
    offer(patient)
    late = utcnow() + timedelta(hours=1)
    with transaction(OPERATOR) as session:
        found = {one.rule for one in loops.check(session, now=late)}
    assert "access was given and nobody was looked for" in found
    drain()
    with transaction(OPERATOR) as session:
        found = {one.rule for one in loops.check(session, now=late)}
    assert "access was given and nobody was looked for" not in found
