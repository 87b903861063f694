"""Rate limits: how much is left is said, too much is refused, and nobody spends another's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
import redis
from flask import Flask

from portal.app import create_app
from portal.config import Config
from portal.core.actor import ActorKind
from portal.core.limits import limiter
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, token_for
from tests.support.servers import config_of

# A window may end in between, and the count begin again.
MOST_TRIES = 2 * 20 + 1


@pytest.fixture
def limited(
    clinic: SmallClinic, environ: dict[str, str], config: Config
) -> Iterator[tuple[Flask, SmallClinic]]:
    """An application with limits, on a Valkey without any counts, with the clinic behind it."""
    client = redis.Redis.from_url(config.redis_url)
    client.flushdb()
    with limits_on():
        yield create_app(config_of({**environ, "PORTAL_RATE_LIMITS": "yes"})), clinic
    client.flushdb()
    client.close()


@contextmanager
def limits_on() -> Iterator[None]:
    """The limiter is one for all applications of a process: afterwards it is off again."""
    enabled = limiter.enabled
    yield
    limiter.enabled = enabled
    limiter._storage_dead = False  # it would look for the broker again after a while only


def test_without_valkey_the_limits_hold_all_the_same(
    clinic: SmallClinic, environ: dict[str, str]
) -> None:
    away = {"PORTAL_RATE_LIMITS": "yes", "PORTAL_REDIS_URL": "redis://127.0.0.1:9/0"}
    with limits_on():
        app = create_app(config_of({**environ, **away}))
        assert until_refused(app, "ada@example.org").json["code"] == "too_many_requests"
        reader = Caller(app, token_for(ActorKind.PATIENT, clinic.patient.id))
        assert reader.get("/pharmacies").status_code == 200


def sign_in(app: Flask, email: str) -> Any:
    return Caller(app).post("/sessions", {"email": email, "password": "wrong password"})


def until_refused(app: Flask, email: str) -> Any:
    for _ in range(MOST_TRIES):
        answer = sign_in(app, email)
        if answer.status_code == 429:
            return answer
        assert answer.status_code == 401, answer.text
    raise AssertionError("never refused")


def test_what_is_left_is_said(limited: tuple[Flask, SmallClinic]) -> None:
    app, clinic = limited
    reader = Caller(app, token_for(ActorKind.PATIENT, clinic.patient.id))
    answer = reader.get("/pharmacies")
    assert answer.status_code == 200
    assert answer.headers["RateLimit-Limit"] == "1200"
    assert 0 < int(answer.headers["RateLimit-Remaining"]) < 1200
    assert int(answer.headers["RateLimit-Reset"]) >= 0


def test_too_many_are_refused_with_when_to_come_again(limited: tuple[Flask, SmallClinic]) -> None:
    app, _clinic = limited
    answer = until_refused(app, "ada@example.org")
    assert answer.content_type == "application/problem+json"
    assert (answer.json["code"], answer.json["status"]) == ("too_many_requests", 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 62
    assert answer.headers["RateLimit-Limit"] == "20"
    assert answer.headers["RateLimit-Remaining"] == "0"


def test_guessing_at_one_account_does_not_lock_others_out(
    limited: tuple[Flask, SmallClinic],
) -> None:
    app, _clinic = limited
    until_refused(app, "ada@example.org")
    assert sign_in(app, "bob@example.org").status_code == 401
    assert until_refused(app, " ADA@example.org").status_code == 429


def test_nobody_spends_anothers_allowance(limited: tuple[Flask, SmallClinic]) -> None:
    app, clinic = limited
    physician = token_for(ActorKind.PRACTITIONER, clinic.physician.id)
    colleague = token_for(ActorKind.PRACTITIONER, clinic.colleague.id)
    body = {"mrn": "none", "birth_date": "1980-01-01", "reason": "Unconscious here"}

    def open_record(token: str) -> int:
        return Caller(app, token).post("/patients/break-glass", body).status_code

    statuses = [open_record(physician) for _ in range(MOST_TRIES)]
    assert {404, 429} == set(statuses)
    assert open_record(colleague) == 404


def test_no_address_is_kept_in_the_broker(
    limited: tuple[Flask, SmallClinic], config: Config
) -> None:
    app, _clinic = limited
    sign_in(app, f"{uuid4().hex}@example.org")
    with redis.Redis.from_url(config.redis_url) as client:
        keys = client.keys("*")
    assert keys
    assert not [key for key in keys if b"example.org" in key]
