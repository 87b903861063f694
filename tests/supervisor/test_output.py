"""Log lines as a person reads them."""

import json

import pytest

from portal.supervisor.output import readable


def line(**entry: object) -> str:
    return json.dumps(entry)


def test_an_entry_is_its_event_and_what_belongs_to_it() -> None:
    entry = line(event="relayed", level="info", timestamp="2026-03-04T16:00:00Z", count=3)
    assert readable(entry) == "relayed count=3"


def test_what_is_worse_than_information_says_so() -> None:
    assert readable(line(event="late", level="warning", seconds=2)) == "WARNING late seconds=2"


def test_a_traceback_stands_below() -> None:
    entry = line(event="unhandled", level="error", exception="Traceback\n  one\n  two")
    assert readable(entry) == "ERROR unhandled\nTraceback\n  one\n  two"


@pytest.mark.parametrize(
    "plain",
    ["", "Booting worker", "{not json", '"text"', "[1, 2]", "17", "null", '{"no": "event"}'],
)
def test_anything_else_stays_as_it_is(plain: str) -> None:
    assert readable(plain) == plain
