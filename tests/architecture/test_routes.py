"""Every call, tried by every kind of actor and by nobody."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from portal.core.actor import NOBODY, ActorKind
from portal.core.permissions import ANYONE, PERMISSIONS, declared
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, token_for

_NUMBER = re.compile(r"<int:[^>]+>")
_PARAMETER = re.compile(r"<[^>]+>")
SYSTEMS = (ActorKind.WORKER, ActorKind.OPERATOR, ActorKind.ANONYMOUS)


def calls(app: Flask) -> Iterator[tuple[str, str, str]]:
    """(method, path with made-up ids, permission) of every call."""
    for rule in app.url_map.iter_rules():
        permission = declared(app.view_functions[rule.endpoint])
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path = _PARAMETER.sub(str(uuid4()), _NUMBER.sub("1", rule.rule))
            yield method, path, str(permission)


@pytest.fixture
def everybody(app: Flask, clinic: SmallClinic) -> dict[ActorKind, Caller]:
    ids = {
        ActorKind.PATIENT: clinic.patient.id,
        ActorKind.DELEGATE: uuid4(),
        ActorKind.PRACTITIONER: clinic.physician.id,
        ActorKind.STAFF: clinic.nurse.id,
        ActorKind.ADMINISTRATOR: uuid4(),
        ActorKind.PHARMACY: clinic.pharmacy.id,
        ActorKind.LABORATORY: clinic.laboratory.id,
        ActorKind.PHONE: NOBODY,
    }
    assert set(ids) | set(SYSTEMS) == set(ActorKind)
    return {kind: Caller(app, token_for(kind, id_)) for kind, id_ in ids.items()}


def send(caller: Caller, method: str, path: str) -> Any:
    options: dict[str, Any] = {} if method in ("GET", "DELETE") else {"json": {}}
    return caller.request(method, path, **options)


def test_nobody_gets_in_without_a_token(app: Flask, anonymous: Caller) -> None:
    for method, path, permission in calls(app):
        status = send(anonymous, method, path).status_code
        if permission == ANYONE:
            assert status not in (401, 403), (method, path, status)
        else:
            assert status == 401, (method, path, status)


def test_a_made_up_token_is_nobodys(app: Flask) -> None:
    for token in ("x", "client_x", "é", "a" * 5000):
        caller = Caller(app, token)
        for method, path, permission in calls(app):
            if permission != ANYONE:
                assert send(caller, method, path).status_code in (400, 401), (method, path)


def test_each_call_is_for_those_whom_the_table_names(
    app: Flask, everybody: dict[ActorKind, Caller]
) -> None:
    ending = "sessions"  # these sign the caller out: others need the same token afterwards
    for method, path, permission in calls(app):
        if permission == ANYONE or (method == "DELETE" and ending in path):
            continue
        for kind, caller in everybody.items():
            status = send(caller, method, path).status_code
            where = (kind, method, path, status)
            if kind in PERMISSIONS[permission]:
                assert status not in (401, 403), where
                assert status < 500, where
            else:
                assert status == 403, where


def test_every_permission_is_used(app: Flask) -> None:
    assert {permission for _, _, permission in calls(app)} - {ANYONE} == set(PERMISSIONS)
