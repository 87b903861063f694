"""Cursors: ours lead on, anything else is refused by name wherever there is a list."""

import base64
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st

from portal.core.actor import ActorKind
from portal.core.errors import Invalid
from portal.core.paging import (
    aware_time,
    decode_cursor,
    decode_key,
    encode_key,
    page_by,
)
from portal.core.permissions import PERMISSIONS, declared
from tests.messages.conftest import new_thread, started
from tests.results.conftest import order
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add, pharmacy

MOMENT = datetime(2026, 3, 4, 16, tzinfo=UTC)
ID = UUID("01a20b4e-26ea-7447-9143-b73bb68cdcd1")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def wrap(value: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode()


GARBAGE = [
    "garbage",
    "%%%",
    "ü",
    "bnVsbA==",
    wrap([]),
    wrap({"a": 1}),
    wrap([1, 2]),
    wrap(["2026-03-04T16:00:00+00:00", "a\x00b"]),
    wrap(["2026-03-04T16:00:00+00:00", str(ID), "more", "and more"]),
    wrap(["a\x00b", str(ID)]),
    wrap(["a\x00b", "a\x00b", str(ID)]),
]


@given(
    st.datetimes(timezones=st.just(UTC) | st.timezones()).filter(
        lambda m: m.utcoffset() is not None
    ),
    st.uuids(),
)
def test_a_cursor_is_read_back_as_it_was_written(moment: datetime, id_: UUID) -> None:
    decoded = decode_cursor(encode_key(moment, id_))
    assert decoded is not None
    assert (decoded[0].isoformat(), decoded[1]) == (moment.isoformat(), id_)


@given(st.text(), st.uuids())
def test_a_key_of_any_parts_is_read_back(name: str, id_: UUID) -> None:
    if "\x00" in name or any("\ud800" <= letter <= "\udfff" for letter in name):
        return  # no text of the database's
    assert decode_key(encode_key(name, id_), str, UUID) == (name, id_)


@given(st.text() | JSON.map(wrap))
@example("")
def test_no_cursor_is_anything_but_ours_or_invalid(cursor: str) -> None:
    for decode in (
        decode_cursor,
        lambda value: decode_key(value, str, UUID),
        lambda value: decode_key(value, aware_time, UUID),
    ):
        with suppress(Invalid):
            decode(cursor)


def test_a_page_ends_with_a_cursor_only_where_more_follows() -> None:
    rows = [(MOMENT + timedelta(seconds=number), uuid4()) for number in range(3)]
    assert page_by(rows, 3, lambda row: row).next is None
    page = page_by(rows, 2, lambda row: row)
    assert (page.items, decode_cursor(page.next)) == (rows[:2], rows[1])
    named = page_by(rows, 2, lambda row: row)
    assert decode_key(named.next, aware_time, UUID) == rows[1]
    assert page_by([], 2, lambda row: row).next is None


def lists(app: Flask) -> Iterator[tuple[str, ActorKind]]:
    """Every list with a cursor, with somebody who may read it."""
    paths = Caller(app).request("GET", "/api/openapi.json").json["paths"]
    with_cursor = {
        path
        for path, methods in paths.items()
        if any(
            found.get("name") == "cursor" for found in methods.get("get", {}).get("parameters", [])
        )
    }
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<uuid:", "{").replace(">", "}")
        if path in with_cursor and rule.methods and "GET" in rule.methods:
            allowed = PERMISSIONS[str(declared(app.view_functions[rule.endpoint]))]
            yield path.removeprefix("/api/v1"), min(allowed - {ActorKind.DELEGATE})


def test_garbage_is_refused_by_name_on_every_list(
    app: Flask, clinic: SmallClinic, caller: Callable[..., Caller]
) -> None:
    people = {ActorKind.PATIENT: clinic.patient.id, ActorKind.PRACTITIONER: clinic.physician.id}
    at_radiology = {"laboratory_id": clinic.radiology.id, "test_code": "24627-2"}
    scan = order(clinic, kind="imaging", status="accepted", **at_radiology)
    found = dict(lists(app))
    assert {"/worklist", "/notifications", "/pharmacies", "/refills", "/prescriptions"} <= set(
        found
    )
    readers = {kind: caller(kind, people.get(kind, uuid4())) for kind in set(found.values())}
    thread_id = started(readers[ActorKind.PATIENT], new_thread(clinic))
    for template, kind in found.items():
        reader = readers[kind]
        path = template.replace("{pharmacy_id}", str(clinic.pharmacy.id))
        path = path.replace("{thread_id}", str(thread_id))
        path = path.replace("{patient_id}", str(clinic.patient.id))
        query = {"requisition_id": str(scan.id)} if path == "/imaging/slots" else {}
        assert reader.get(path, query_string=query).status_code == 200, path
        for cursor in GARBAGE:
            answer = reader.get(path, query_string={**query, "cursor": cursor})
            assert answer.status_code == 422, (path, cursor, answer.text)
            assert answer.content_type == "application/problem+json"
            assert [error["pointer"] for error in answer.json["errors"]] == ["#query/cursor"]


@pytest.mark.parametrize("moment", ["yesterday", "2026-03-04T16:00:00", "2026-02-30T00:00:00Z"])
def test_a_time_that_is_none_or_has_no_zone_is_refused(moment: str) -> None:
    for decode in (decode_cursor, lambda value: decode_key(value, aware_time, UUID)):
        with pytest.raises(Invalid):
            decode(wrap([moment, str(ID)]))


def test_the_longest_names_can_be_passed_over(
    clinic: SmallClinic, caller: Callable[..., Caller]
) -> None:
    names = [letter + "\U0001f48a" * 199 for letter in "UVW"]
    for name in names:
        add(pharmacy(name))
    reader = caller(ActorKind.PATIENT, clinic.patient.id)
    listed: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = reader.get("/pharmacies", query_string={"limit": 1, **cursor})
        assert answer.status_code == 200, answer.text
        listed += [item["name"] for item in answer.json["items"]]
        if answer.json["next"] is None:
            break
        cursor = {"cursor": answer.json["next"]}
    assert listed[-3:] == names
    assert len(listed) == 6


@pytest.mark.parametrize(
    ("name", "value"),
    [("cursor", "x" * 2501), ("limit", "0"), ("limit", "201"), ("limit", "ten"), ("limit", "1.5")],
)
def test_bounds_of_a_page_are_named(
    clinic: SmallClinic, caller: Callable[..., Caller], name: str, value: str
) -> None:
    reader = caller(ActorKind.PATIENT, clinic.patient.id)
    answer = reader.get("/pharmacies", query_string={name: value})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [f"#query/{name}"]
