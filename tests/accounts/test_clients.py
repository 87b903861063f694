"""Systems: tokens by secret and by signed assertion, rotation, the command line."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import OKPKey

from portal.accounts import cli, service
from portal.accounts.service import CreateClient
from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, pharmacy

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEY = OKPKey.generate_key("Ed25519")


def create(public_jwk: str | None = None) -> tuple[UUID, str]:
    corner = pharmacy("Corner Pharmacy")
    add(corner)
    command = CreateClient(ActorKind.PHARMACY, corner.name, corner.id, public_jwk)
    with transaction(OPERATOR) as session:
        client, secret = service.create_client(session=session, command=command, now=utcnow())
        return client.id, secret


def token(caller: Caller, client_id: object, secret: str) -> Any:
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return caller.request(
        "POST",
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": f"Basic {basic}"},
    )


def by_assertion(caller: Caller, client_id: UUID, **claims: Any) -> Any:
    seconds = int(utcnow().timestamp())
    full = {
        "iss": str(client_id),
        "sub": str(client_id),
        "aud": "http://localhost:8000/oauth/token",
        "jti": str(new_id()),
        "exp": seconds + 60,
        **claims,
    }
    return caller.request(
        "POST",
        "/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION,
            "client_assertion": jwt.encode({"alg": "Ed25519"}, full, KEY, algorithms=["Ed25519"]),
        },
    )


def test_a_token_by_secret_is_good_for_an_hour(app: Flask, anonymous: Caller) -> None:
    client_id, secret = create()
    answer = token(anonymous, client_id, secret)
    assert answer.status_code == 200
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 3600)
    pharmacy = Caller(app, answer.json["access_token"])
    assert pharmacy.get("/me").status_code == 403, "known, but a system has no account"


@pytest.mark.parametrize("which", ["secret", "client", "garbage"])
def test_wrong_credentials_in_oauths_own_form(anonymous: Caller, which: str) -> None:
    client_id, secret = create()
    answer = {
        "secret": lambda: token(anonymous, client_id, secret + "x"),
        "client": lambda: token(anonymous, new_id(), secret),
        "garbage": lambda: token(anonymous, "nobody", "x"),
    }[which]()
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_another_grant_is_refused(anonymous: Caller) -> None:
    answer = anonymous.request("POST", "/oauth/token", data={"grant_type": "password"})
    assert (answer.status_code, answer.json["error"]) == (400, "unsupported_grant_type")


def test_rotation_leaves_the_old_secret_for_a_while(anonymous: Caller) -> None:
    client_id, old = create()
    with transaction(OPERATOR) as session:
        new = service.clients.rotate_secret(session=session, client_id=client_id, now=utcnow())
    assert [token(anonymous, client_id, s).status_code for s in (old, new)] == [200, 200]
    with transaction(OPERATOR) as session:
        newest = service.clients.rotate_secret(
            session=session, client_id=client_id, grace=timedelta(0), now=utcnow()
        )
    seen = [token(anonymous, client_id, s).status_code for s in (old, new, newest)]
    assert seen == [401, 401, 200]


def test_a_disabled_client_is_out_at_once(app: Flask, anonymous: Caller) -> None:
    client_id, secret = create()
    good = Caller(app, token(anonymous, client_id, secret).json["access_token"])
    with transaction(OPERATOR) as session:
        service.clients.set_status(session=session, client_id=client_id, enabled=False)
    assert good.get("/me").status_code == 401
    assert token(anonymous, client_id, secret).status_code == 401


def test_a_signed_assertion_is_good_once(anonymous: Caller) -> None:
    client_id, _ = create(_public())
    assert by_assertion(anonymous, client_id, jti="one").status_code == 200
    assert by_assertion(anonymous, client_id, jti="one").status_code == 401
    assert by_assertion(anonymous, client_id, jti="two").status_code == 200


def _public() -> str:
    return orjson.dumps(KEY.as_dict(private=False)).decode()


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://elsewhere.example/oauth/token"},
        {"exp": 0},
        {"exp": 99999999999},
        {"sub": "somebody"},
        {"jti": ""},
        {"exp": "soon"},
    ],
)
def test_assertions_that_do_not_hold(anonymous: Caller, claims: dict[str, Any]) -> None:
    client_id, _ = create(_public())
    assert by_assertion(anonymous, client_id, **claims).status_code == 401


def test_the_command_line(app: Flask, anonymous: Caller) -> None:
    runner = app.test_cli_runner()
    made = runner.invoke(cli.clients, ["create", "--kind", "phone", "--name", "Phone line"])
    assert made.exit_code == 0, (made.output, made.exception)
    client_id, secret = (line.split()[1] for line in made.stdout.splitlines()[:2])
    assert token(anonymous, client_id, secret).status_code == 200
    rotated = runner.invoke(cli.clients, ["rotate", client_id, "--grace-hours", "0"])
    assert token(anonymous, client_id, rotated.stdout.split()[1]).status_code == 200
    runner.invoke(cli.clients, ["disable", client_id])
    assert "disabled" in runner.invoke(cli.clients, ["list"]).output
    made = runner.invoke(
        cli.accounts,
        [
            "create",
            "--kind",
            "patient",
            "--email",
            "p@example.org",
            "--name",
            "P",
            "--password-stdin",
        ],
        input="a good long password\n",
    )
    assert made.exit_code == 0, made.output
    assert "p@example.org" in runner.invoke(cli.accounts, ["list"]).output
    assert runner.invoke(cli.accounts, ["disable", "p@example.org"]).exit_code == 0
    assert runner.invoke(cli.accounts, ["disable", "q@example.org"]).exit_code == 1


def test_administrators_create_and_rotate(caller: Callable[..., Caller], anonymous: Caller) -> None:
    administrator = caller(ActorKind.ADMINISTRATOR, new_id())
    corner = pharmacy("Corner Pharmacy")
    add(corner)
    body = {"kind": "pharmacy", "organization_id": str(corner.id), "name": "Corner"}
    made = administrator.post("/clients", body)
    assert made.status_code == 201, made.text
    assert token(anonymous, made.json["client_id"], made.json["client_secret"]).status_code == 200
    rotated = administrator.post(f"/clients/{made.json['client_id']}/rotate")
    assert rotated.status_code == 200
    assert administrator.post(f"/clients/{new_id()}/rotate").status_code == 404


@pytest.mark.parametrize("kind", ["pharmacy", "laboratory"])
def test_an_organization_that_the_directory_lacks_is_refused(
    app: Flask, clinic: SmallClinic, caller: Callable[..., Caller], kind: str
) -> None:
    places = {"pharmacy": clinic.pharmacy.id, "laboratory": clinic.laboratory.id}
    other = places["laboratory" if kind == "pharmacy" else "pharmacy"]
    administrator = caller(ActorKind.ADMINISTRATOR, new_id())
    runner = app.test_cli_runner()
    for id_, status in ((new_id(), 422), (other, 422), (places[kind], 201)):
        body = {"kind": kind, "organization_id": str(id_), "name": "Corner"}
        answer = administrator.post("/clients", body)
        assert answer.status_code == status, answer.text
        command = ["create", "--kind", kind, "--name", "Corner", "--organization-id", str(id_)]
        made = runner.invoke(cli.clients, command)
        assert made.exit_code == (0 if status == 201 else 1), made.output
        if status == 422:
            assert answer.json["code"] == "organization_unknown"
            assert answer.json["errors"][0]["pointer"] == "/organization_id"
            assert "Add it to the directory first" in made.output
