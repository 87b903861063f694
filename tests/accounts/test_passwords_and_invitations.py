"""New passwords by link, activation by code, and what administrators do."""

import re
from collections.abc import Callable
from datetime import date

import pyotp
import pytest
from flask import Flask
from sqlalchemy import text

from portal.accounts import service
from portal.accounts.service import Invite
from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from tests.accounts.conftest import PASSWORD, Create
from tests.accounts.test_sign_in import EMAIL, sign_in
from tests.support.api import Caller
from workers import tasks as _registers_the_mails  # noqa: F401
from workers.registry import DELIVERERS, Event

NEW = "a much better password"
BORN = date(1980, 4, 15)


def invited(app: Flask, kind: ActorKind = ActorKind.PATIENT, born: date | None = BORN) -> str:
    with transaction(OPERATOR) as session:
        return service.invite(
            session=session,
            actor=OPERATOR,
            command=Invite(kind, new_id(), EMAIL, "Ada Test", born),
            secret_key=app.extensions["careloop.config"].secret_key,
            now=utcnow(),
        )


def link_token(app: Flask) -> str:
    """The token of the link that the worker would send now."""
    with transaction(OPERATOR) as session:
        row = session.execute(
            text(
                "SELECT id, kind, payload, attempts, created_at, request_id FROM outbox_event "
                "WHERE kind = 'account.password_reset'"
            )
        ).one()
        event = Event(*row)
        prepared = DELIVERERS[event.kind].prepare(session=session, event=event, now=utcnow())
    assert prepared
    found = re.search(r"password-reset#(\S+)", prepared.text)
    assert found
    return found.group(1)


def test_a_reset_link_works_once_and_signs_out_everywhere(
    app: Flask, anonymous: Caller, create: Create
) -> None:
    create(ActorKind.PATIENT)
    me = Caller(app, str(sign_in(anonymous)[1]["token"]))
    assert anonymous.post("/password-resets", {"email": EMAIL}).status_code == 202
    body = {"token": link_token(app), "password": NEW}
    assert anonymous.post("/password-resets/confirm", body).status_code == 204
    assert me.get("/me").status_code == 401
    assert sign_in(anonymous)[0] == 401
    assert sign_in(anonymous, password=NEW)[0] == 201
    again = anonymous.post("/password-resets/confirm", body)
    assert (again.status_code, again.json["code"]) == (422, "code_unusable")


def test_an_unknown_address_gets_the_same_answer_and_no_mail(anonymous: Caller) -> None:
    answer = anonymous.post("/password-resets", {"email": "nobody@example.org"})
    assert (answer.status_code, answer.json) == (202, {})
    with transaction(OPERATOR) as session:
        assert session.execute(text("SELECT count(*) FROM outbox_event")).scalar() == 0


def test_no_secret_is_in_the_payload(anonymous: Caller, create: Create) -> None:
    create(ActorKind.PATIENT)
    anonymous.post("/password-resets", {"email": EMAIL})
    with transaction(OPERATOR) as session:
        payload = session.execute(text("SELECT payload FROM outbox_event")).scalar_one()
    assert list(payload) == ["account_id"]


@pytest.mark.parametrize("password", ["short", "x" * 129, "aaaaaaaaaaaaaa"])
def test_passwords_that_cannot_be_one(app: Flask, anonymous: Caller, password: str) -> None:
    body = {"code": invited(app), "birth_date": str(BORN), "password": password}
    answer = anonymous.post("/activations", body)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/password")


def test_a_patient_activates_with_code_and_birth_date(app: Flask, anonymous: Caller) -> None:
    body = {"code": invited(app).lower(), "birth_date": str(BORN), "password": NEW}
    answer = anonymous.post("/activations", body)
    assert answer.status_code == 201, answer.text
    assert answer.json["enrolment"] is None
    assert sign_in(anonymous, password=NEW)[0] == 201
    assert anonymous.post("/activations", body).json["code"] == "code_unusable"


def test_five_wrong_birth_dates_void_the_code(app: Flask, anonymous: Caller) -> None:
    code = invited(app)
    right = {"code": code, "birth_date": str(BORN), "password": NEW}
    for _ in range(5):
        wrong = anonymous.post("/activations", {**right, "birth_date": "1980-04-16"})
        assert (wrong.status_code, wrong.json["code"]) == (422, "code_unusable")
    assert anonymous.post("/activations", right).status_code == 422


def test_a_colleague_gets_a_second_factor_with_the_activation(
    app: Flask, anonymous: Caller
) -> None:
    code = invited(app, ActorKind.PRACTITIONER, None)
    opened = anonymous.post("/activations", {"code": code, "password": NEW}).json
    assert len(opened["recovery_codes"]) == 10
    totp = pyotp.TOTP(opened["enrolment"]["secret"]).now()
    assert sign_in(anonymous, password=NEW, code=totp)[0] == 201


def test_administrators_close_accounts_at_once(
    app: Flask, anonymous: Caller, create: Create, caller: Callable[..., Caller]
) -> None:
    account = create(ActorKind.PATIENT).account
    me = Caller(app, str(sign_in(anonymous)[1]["token"]))
    administrator = caller(ActorKind.ADMINISTRATOR, new_id())
    assert administrator.post(f"/accounts/{account.id}/disable").json["status"] == "disabled"
    assert me.get("/me").status_code == 401
    assert sign_in(anonymous)[1]["code"] == "bad_credentials"
    administrator.post(f"/accounts/{account.id}/enable")
    assert sign_in(anonymous)[0] == 201
    listed = administrator.get("/accounts?limit=1").json
    assert len(listed["items"]) == 1
    assert listed["next"]


def test_the_same_person_or_address_twice(
    app: Flask, create: Create, caller: Callable[..., Caller]
) -> None:
    create(ActorKind.PATIENT)
    administrator = caller(ActorKind.ADMINISTRATOR, new_id())
    body = {"kind": "patient", "person_id": str(new_id()), "email": EMAIL.upper(), "name": "A"}
    answer = administrator.post("/accounts", body)
    assert (answer.status_code, answer.json["code"]) == (409, "account_exists")


def test_changing_the_password_needs_the_old_one(
    app: Flask, anonymous: Caller, create: Create
) -> None:
    create(ActorKind.PATIENT)
    me = Caller(app, str(sign_in(anonymous)[1]["token"]))
    wrong = me.post("/me/password", {"current_password": NEW, "password": NEW})
    assert wrong.status_code == 401
    right = me.post("/me/password", {"current_password": PASSWORD, "password": NEW})
    assert right.status_code == 204
    assert me.get("/me").status_code == 401
    assert sign_in(anonymous, password=NEW)[0] == 201
