"""Signing in: what it gives away, what it takes, and what it opens."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pyotp
import pytest
from flask import Flask
from sqlalchemy import text

from portal.core.actor import OPERATOR, ActorKind
from portal.core.db import transaction
from tests.accounts.conftest import PASSWORD, Create
from tests.support.api import Caller

WRONG = "wrong wrong wrong"
EMAIL = "ada@example.org"


def sign_in(caller: Caller, **changes: str) -> tuple[int, dict[str, object]]:
    answer = caller.post("/sessions", {"email": EMAIL, "password": PASSWORD, **changes})
    return answer.status_code, answer.json


def test_a_patient_signs_in_reads_and_signs_out(
    app: Flask, anonymous: Caller, create: Create
) -> None:
    create(ActorKind.PATIENT)
    status, body = sign_in(anonymous, email="Ada@Example.org")
    assert status == 201
    me = Caller(app, str(body["token"]))
    assert me.get("/me").json["email"] == EMAIL
    [session] = me.get("/sessions").json["items"]
    assert session["current"] is True
    assert me.delete("/sessions/current").status_code == 204
    assert me.get("/me").status_code == 401


def test_nothing_tells_whether_an_account_exists(anonymous: Caller, create: Create) -> None:
    create(ActorKind.PATIENT)
    seen = []
    for changes in ({"password": WRONG}, {"email": "nobody@example.org"}):
        status, body = sign_in(anonymous, **changes)
        body.pop("request_id")
        seen.append((status, body))
    assert seen[0] == seen[1]
    assert seen[0][0] == 401


def test_five_misses_lock_and_the_right_password_looks_like_a_wrong_one(
    anonymous: Caller, create: Create
) -> None:
    create(ActorKind.PATIENT)
    for _ in range(5):
        assert sign_in(anonymous, password=WRONG)[0] == 401
    status, body = sign_in(anonymous)
    assert (status, body["code"]) == (401, "bad_credentials")
    with transaction(OPERATOR) as session:
        session.execute(text("UPDATE account SET locked_until = now() - interval '1 second'"))
    assert sign_in(anonymous)[0] == 201


def test_misses_at_the_same_time_are_all_counted(app: Flask, create: Create) -> None:
    create(ActorKind.PATIENT)
    start = Barrier(5)

    def miss(_number: int) -> int:
        start.wait()
        return sign_in(Caller(app), password=WRONG)[0]

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(miss, range(5))) == [401] * 5
    assert sign_in(Caller(app))[0] == 401


def test_a_practitioner_needs_a_code_and_each_is_good_once(
    app: Flask, anonymous: Caller, create: Create
) -> None:
    made = create(ActorKind.PRACTITIONER)
    assert made.enrolment
    assert sign_in(anonymous, password=WRONG)[1]["code"] == "bad_credentials"
    assert sign_in(anonymous)[1]["code"] == "second_factor_required"
    assert sign_in(anonymous, code="000000")[1]["code"] == "second_factor_wrong"
    code = pyotp.TOTP(made.enrolment.secret).now()
    start = Barrier(3)

    def use(_number: int) -> int:
        start.wait()
        return sign_in(Caller(app), code=code)[0]

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(use, range(3))) == [201, 401, 401]


def test_a_recovery_code_is_good_once(anonymous: Caller, create: Create) -> None:
    made = create(ActorKind.STAFF)
    assert len(made.recovery_codes) == 10
    code = made.recovery_codes[3]
    assert sign_in(anonymous, code=code)[0] == 201
    assert sign_in(anonymous, code=code)[0] == 401
    assert sign_in(anonymous, code=made.recovery_codes[4].upper().replace("-", " "))[0] == 201


def test_without_a_second_factor_a_practitioner_does_not_get_in(
    anonymous: Caller, create: Create
) -> None:
    create(ActorKind.PRACTITIONER)
    with transaction(OPERATOR) as session:
        session.execute(text("UPDATE account SET totp_confirmed_at = NULL"))
    assert sign_in(anonymous)[1]["code"] == "second_factor_missing"


def test_a_patient_may_add_a_second_factor_and_remove_it(
    app: Flask, anonymous: Caller, create: Create
) -> None:
    create(ActorKind.PATIENT)
    me = Caller(app, str(sign_in(anonymous)[1]["token"]))
    secret = me.post("/me/second-factor").json["secret"]
    assert sign_in(anonymous)[0] == 201, "it counts from its confirmation"
    totp = pyotp.TOTP(secret)
    assert me.post("/me/second-factor/confirm", {"code": "000000"}).status_code == 401
    confirmed = me.post("/me/second-factor/confirm", {"code": totp.now()})
    assert len(confirmed.json["recovery_codes"]) == 10
    assert sign_in(anonymous)[1]["code"] == "second_factor_required"
    code = confirmed.json["recovery_codes"][0]
    assert me.post("/me/second-factor/remove", {"code": code}).status_code == 204
    assert sign_in(anonymous)[0] == 201


def test_the_cookie_needs_its_csrf_token(app: Flask, create: Create) -> None:
    create(ActorKind.PATIENT)
    browser = app.test_client()
    answer = browser.post("/api/v1/sessions", json={"email": EMAIL, "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert browser.get("/api/v1/me").status_code == 200
    refused = browser.delete("/api/v1/sessions/current")
    assert answer.json
    assert refused.json
    assert (refused.status_code, refused.json["code"]) == (403, "csrf_token_required")
    csrf = {"X-CSRF-Token": answer.json["csrf_token"]}
    assert browser.delete("/api/v1/sessions/current", headers=csrf).status_code == 204


def test_sessions_of_others_can_be_neither_seen_nor_revoked(
    app: Flask, anonymous: Caller, create: Create
) -> None:
    create(ActorKind.PATIENT)
    create(ActorKind.PATIENT, "bea@example.org")
    mine = Caller(app, str(sign_in(anonymous)[1]["token"]))
    hers = Caller(app, str(sign_in(anonymous, email="bea@example.org")[1]["token"]))
    [session] = hers.get("/sessions").json["items"]
    assert mine.delete(f"/sessions/{session['id']}").status_code == 404
    assert len(mine.get("/sessions").json["items"]) == 1
    assert hers.get("/me").status_code == 200


def test_signing_out_elsewhere(app: Flask, anonymous: Caller, create: Create) -> None:
    create(ActorKind.PATIENT)
    here, there = (Caller(app, str(sign_in(anonymous)[1]["token"])) for _ in range(2))
    assert here.delete("/sessions").status_code == 204
    assert (here.get("/me").status_code, there.get("/me").status_code) == (200, 401)


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer x", "Basic x", "Bearer client_x", ""])
def test_tokens_that_are_none(anonymous: Caller, authorization: str) -> None:
    answer = anonymous.get("/me", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_an_expired_session_is_over(app: Flask, anonymous: Caller, create: Create) -> None:
    create(ActorKind.PATIENT)
    me = Caller(app, str(sign_in(anonymous)[1]["token"]))
    with transaction(OPERATOR) as session:
        session.execute(text("UPDATE sign_in_session SET expires_at = now()"))
    assert me.get("/me").status_code == 401
