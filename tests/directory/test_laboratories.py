"""Laboratories and radiologies: found by everybody, written and seen in full by administrators."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from portal.core.actor import NOBODY, OPERATOR, ActorKind
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.core.tables import AuditEntry
from portal.directory.model import Laboratory
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic, add, laboratory

SignIn = Callable[..., Caller]
WIRES = {"application", "facility", "transport", "mllp_host", "mllp_port", "mllp_tls"}


@pytest.fixture
def administrator(clinic: SmallClinic, caller: SignIn) -> Caller:
    assert clinic.laboratory.active
    return caller(ActorKind.ADMINISTRATOR, new_id(), "Ada Admin")


def new_laboratory(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Cedar Laboratory",
        "clia": "33D0000001",
        "phone": "555-0123",
        "line": "9 River Road",
        "city": "Troy",
        "state": "NY",
        "postal_code": "54321",
        "hours": "Mon-Fri 7-15",
        "time_zone": ZONE,
        "application": "CEDAR",
        "facility": "CEDAR LAB",
        **changes,
    }


def names(caller: Caller, **query: Any) -> list[str]:
    answer = caller.get("/laboratories", query_string=query)
    assert answer.status_code == 200, answer.text
    return [found["name"] for found in answer.json["items"]]


def test_they_are_found_by_name_place_and_kind(patient: Caller) -> None:
    add(laboratory("100% Scans", "SCANS", "SCANS", kind="radiology", city="Utica"))
    acme, beacon, elm = "Acme Laboratory", "Beacon Laboratory", "Elm Street Radiology"
    assert names(patient) == ["100% Scans", acme, beacon, elm]
    assert names(patient, kind="laboratory") == [acme, beacon]
    assert names(patient, kind="radiology", q="springf") == [elm]
    assert names(patient, q="%") == ["100% Scans"]
    assert names(patient, q="123", kind="laboratory") == [acme, beacon]
    assert patient.get("/laboratories?kind=bakery").status_code == 422
    first = patient.get("/laboratories?limit=3").json
    rest = patient.get(f"/laboratories?limit=3&cursor={first['next']}").json
    assert [item["name"] for item in rest["items"]] == [elm]


def test_the_inactive_is_read_but_not_listed(clinic: SmallClinic, patient: Caller) -> None:
    with transaction(OPERATOR) as session:
        session.get_one(Laboratory, clinic.laboratory.id).active = False
    assert "Acme Laboratory" not in names(patient)
    assert patient.get(f"/laboratories/{clinic.laboratory.id}").json["active"] is False
    unknown = patient.get(f"/laboratories/{uuid4()}")
    assert (unknown.status_code, unknown.json["code"]) == (404, "laboratory_unknown")


def test_an_administrator_adds_and_changes_one(administrator: Caller, patient: Caller) -> None:
    added = administrator.post("/laboratories", new_laboratory())
    assert added.status_code == 201, added.text
    assert (added.json["kind"], added.json["transport"]) == ("laboratory", "feed")
    path = f"/laboratories/{added.json['id']}"
    wires = {"transport": "mllp", "mllp_host": "hl7.cedar.example", "mllp_port": 2575}
    changed = administrator.patch(path, wires)
    assert (changed.status_code, changed.json) == (200, {**added.json, **wires})
    assert administrator.get(path).json == changed.json
    shown = patient.get(path).json
    assert shown == {name: changed.json[name] for name in changed.json.keys() - WIRES}
    assert changed.json.keys() - shown.keys() == WIRES
    with transaction(OPERATOR) as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [(entry.action, entry.resource) for entry in entries] == [
            ("create", "laboratory"),
            ("update", "laboratory"),
        ]


@pytest.mark.parametrize(
    "kind", [ActorKind.PATIENT, ActorKind.PRACTITIONER, ActorKind.STAFF, ActorKind.ADMINISTRATOR]
)
def test_the_wires_are_shown_to_administrators_alone(
    clinic: SmallClinic, caller: SignIn, kind: ActorKind
) -> None:
    somebody = caller(kind, clinic.patient.id)
    seen = [
        somebody.get(f"/laboratories/{clinic.laboratory.id}").json,
        *somebody.get("/laboratories").json["items"],
    ]
    for one in seen:
        assert WIRES & one.keys() == (WIRES if kind is ActorKind.ADMINISTRATOR else set())


@pytest.mark.parametrize(
    "kind", [ActorKind.PATIENT, ActorKind.PRACTITIONER, ActorKind.STAFF, ActorKind.LABORATORY]
)
def test_only_administrators_write(clinic: SmallClinic, caller: SignIn, kind: ActorKind) -> None:
    somebody = caller(kind, clinic.laboratory.id)
    assert somebody.post("/laboratories", new_laboratory()).status_code == 403
    path = f"/laboratories/{clinic.laboratory.id}"
    assert somebody.patch(path, {"phone": "555-0199"}).status_code == 403


def test_nobody_reads_without_signing_in(anonymous: Caller) -> None:
    assert anonymous.get("/laboratories").status_code == 401
    assert anonymous.post("/laboratories", new_laboratory()).status_code == 401


def test_names_that_another_has_are_refused(clinic: SmallClinic, administrator: Caller) -> None:
    assert administrator.post("/laboratories", new_laboratory()).status_code == 201
    same_clia = new_laboratory(application="OTHER")
    same_name = new_laboratory(clia=None)
    for body in (same_clia, same_name):
        answer = administrator.post("/laboratories", body)
        assert (answer.status_code, answer.json["code"]) == (409, "laboratory_taken")
    path = f"/laboratories/{clinic.other_laboratory.id}"
    taken = administrator.patch(path, {"application": "CEDAR", "facility": "CEDAR LAB"})
    assert (taken.status_code, taken.json["code"]) == (409, "laboratory_taken")
    assert administrator.patch(f"/laboratories/{uuid4()}", {"phone": "555-0199"}).status_code == 404


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"transport": "mllp"}, ["/mllp_host", "/mllp_port"]),
        ({"transport": "mllp", "mllp_host": "a.example"}, ["/mllp_port"]),
        ({"transport": "pigeon"}, ["/transport"]),
        ({"mllp_port": 0}, ["/mllp_port"]),
        ({"mllp_port": 65536}, ["/mllp_port"]),
        ({"mllp_port": "2575"}, ["/mllp_port"]),
        ({"mllp_host": "two\nlines"}, ["/mllp_host"]),
        ({"application": "A^B"}, ["/application"]),
        ({"facility": "A|B"}, ["/facility"]),
        ({"facility": "A\n"}, ["/facility"]),
        ({"clia": "3D"}, ["/clia"]),
        ({"kind": "bakery"}, ["/kind"]),
        ({"time_zone": "Mars/Olympus"}, ["/time_zone"]),
        ({"id": str(NOBODY)}, ["/id"]),
    ],
    ids=str,
)
def test_bad_laboratories_name_the_member(
    clinic: SmallClinic, administrator: Caller, changes: dict[str, Any], pointers: list[str]
) -> None:
    for answer in (
        administrator.post("/laboratories", new_laboratory(**changes)),
        administrator.patch(f"/laboratories/{clinic.laboratory.id}", changes),
    ):
        assert answer.status_code == 422
        assert sorted(error["pointer"] for error in answer.json["errors"]) == pointers
    assert "Cedar Laboratory" not in names(administrator)


def test_orders_cannot_lose_their_address(administrator: Caller) -> None:
    wires = {"transport": "mllp", "mllp_host": "hl7.cedar.example", "mllp_port": 2575}
    made = administrator.post("/laboratories", new_laboratory(**wires))
    path = f"/laboratories/{made.json['id']}"
    assert administrator.patch(path, {"mllp_host": None}).status_code == 422
    assert administrator.get(path).json["mllp_host"] == "hl7.cedar.example"
    assert administrator.patch(path, {"transport": "feed", "mllp_host": None}).status_code == 200
