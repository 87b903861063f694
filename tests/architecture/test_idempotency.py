"""Which calls take an Idempotency-Key, and which are refused without one."""

import inspect
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.idempotency import HEADER, key_required, once
from portal.core.ids import new_id
from portal.core.tables import OutboxEvent
from portal.web import openapi
from tests.appointments.conftest import open_slots
from tests.messages.story import CALL
from tests.prescriptions.orders import order
from tests.refills.conftest import TODAY
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, prescription

# What may be created without a key, by why a second one sends nothing out a second time.
EXEMPT = {
    "what stands refuses the second, or answers with the first": {
        "arrange_coverage",
        "ask",
        "book_appointment",
        "close_clinic",
        "invite",
        "invite_patient",
        "offer_access",
        "record_death",
        "record_departure",
        "record_parent",
        "request_call",
        "request_refills",
    },
    "it has a key of its own in the body": {"request_renewal"},
    "nobody waits for a header in an emergency": {"break_glass"},
    "nobody is told of it": {
        "activate",
        "add_draft",
        "add_laboratory",
        "add_pharmacy",
        "add_problem",
        "add_quick_reply",
        "create_client",
        "enrol",
        "offer_slots",
        "open_session",
        "open_slots",
        "record_own_vital",
        "record_vitals",
        "register",
        "renew_recovery_codes",
        "upload_attachment",
    },
}


def views(app: Flask) -> Iterator[tuple[str, str, Any]]:
    for (path, method), view in openapi._views(app):
        if path.startswith("/api/v1"):
            yield path, method, view


def leads_to_once(view: Callable[..., Any], seen: frozenset[str] = frozenset()) -> bool:
    """Whether a view, or a function of its module that it calls, calls once()."""
    function = inspect.unwrap(view)
    named = {
        name: function.__globals__.get(name) for name in set(function.__code__.co_names) - seen
    }
    if once in named.values():
        return True
    ours = [one for one in named.values() if getattr(one, "__module__", "").endswith("routes")]
    return any(leads_to_once(one, seen | named.keys()) for one in ours if inspect.isfunction(one))


def test_the_mark_says_what_the_view_does(app: Flask) -> None:
    for path, method, view in views(app):
        marked = key_required(view) is not None
        assert marked == leads_to_once(view), (method, path)


def created(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        if "201" in item.get("post", {}).get("responses", {}):
            yield path, item["post"]


@pytest.fixture
def document(anonymous: Caller) -> dict[str, Any]:
    found: dict[str, Any] = anonymous.request("GET", "/api/openapi.json").json
    return found


def _required(operation: dict[str, Any]) -> bool:
    return any(
        parameter.get("name") == HEADER and parameter["required"]
        for parameter in operation["parameters"]
    )


def test_whatever_is_created_has_a_key_or_a_reason_why_not(document: dict[str, Any]) -> None:
    """A new call that creates something has to be thought of: who gets it twice?"""
    exempt = set().union(*EXEMPT.values())
    found = {operation["operationId"]: _required(operation) for _, operation in created(document)}
    assert {name for name, required in found.items() if not required} == exempt
    assert {name for name, required in found.items() if required} == {
        "offer_times",
        "order_tests",
        "plan_visit",
        "refer",
        "start_thread",
        "write_message",
        "write_prescription",
        "write_to_many",
    }


def test_without_a_key_nothing_is_looked_at(
    document: dict[str, Any], clinic: SmallClinic, caller: Callable[..., Caller]
) -> None:
    people = {
        "practitioner": caller(ActorKind.PRACTITIONER, clinic.physician.id),
        "staff": caller(ActorKind.STAFF, clinic.nurse.id),
        "patient": caller(ActorKind.PATIENT, clinic.patient.id),
    }
    for path, operation in created(document):
        if not _required(operation):
            continue
        assert "400" in operation["responses"], path
        who = people[next(kind for kind in people if kind in operation["x-actors"])]
        where = path.replace("{thread_id}", str(new_id()))
        answer = who.request("POST", where, json={})
        assert (answer.status_code, answer.json["code"]) == (400, "idempotency_key_required"), path
        assert [one["pointer"] for one in answer.json["errors"]] == [f"#header/{HEADER}"]
        assert HEADER in answer.json["detail"]


def test_a_prescription_without_a_key_is_not_written(
    clinic: SmallClinic, physician: Caller
) -> None:
    answer = physician.request("POST", "/api/v1/prescriptions", json=order(clinic))
    assert answer.status_code == 400
    assert physician.get(f"/prescriptions?patient_id={clinic.patient.id}").json["items"] == []


def test_who_may_not_call_is_told_that_first(patient: Caller, clinic: SmallClinic) -> None:
    assert patient.request("POST", "/api/v1/prescriptions", json=order(clinic)).status_code == 403


def _refill(clinic: SmallClinic) -> dict[str, Any]:
    rx = prescription(
        clinic,
        last_filled_on=TODAY - timedelta(days=40),
        written_on=TODAY - timedelta(days=90),
        expires_on=TODAY + timedelta(days=200),
    )
    return {"items": [{"prescription_id": str(rx.id)}]}


ROBIN = {
    "email": "robin@example.org",
    "name": "Robin",
    "relationship": "spouse",
    "categories": ["medicines"],
}

BODIES: dict[str, Callable[[SmallClinic], dict[str, Any]]] = {
    "/refills": _refill,
    "/delegations": lambda _clinic: ROBIN,
    "/advice-calls": lambda _clinic: CALL,
}


def events() -> int:
    with transaction(OPERATOR) as session:
        return session.scalar(select(func.count()).select_from(OutboxEvent)) or 0


@pytest.mark.parametrize("path", BODIES)
def test_what_needs_no_key_sends_nothing_twice(
    clinic: SmallClinic, patient: Caller, path: str
) -> None:
    body = BODIES[path](clinic)
    first = patient.request("POST", f"/api/v1{path}", json=body)
    assert first.status_code == 201, first.text
    sent = events()
    again = patient.request("POST", f"/api/v1{path}", json=body)
    assert again.status_code in (409, 422), again.text
    assert events() == sent


def test_a_time_that_one_has_is_given_again(
    clinic: SmallClinic, patient: Caller, physician: Caller
) -> None:
    [slot] = open_slots(physician, utcnow().replace(microsecond=0) + timedelta(days=3))
    answers = [patient.request("POST", f"/api/v1/slots/{slot}/book", json={}) for _ in range(2)]
    assert [UUID(answer.json["id"]) for answer in answers] == [UUID(answers[0].json["id"])] * 2
