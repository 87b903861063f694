"""Messages of real systems and public test data: each is read, or refused for what is wrong."""

import json
from typing import Any

import pytest

from portal.core.clock import utcnow
from portal.hl7v2.acknowledging import ACCEPTED, acknowledgements, outcome_of
from portal.hl7v2.reading import header_of, read
from tests.support.hl7 import refusal_of
from tests.support.shared_data import shared

# Why those that aren't taken are not.
REFUSED = {
    # Answers to questions of public health without an order.
    "cdc-BDB_LAB_13.hl7": [("AE", "100", "OBX^1"), ("AE", "100", "OBR^1")],
    # Two times in one field.
    "cdc-IMSPlatform_Prod_Prod_20210920104200_STOP_ATillGenVersion251.hl7": [
        ("AE", "102", "OBX^11^14")
    ],
    # A segment's end within a telephone number.
    "mv-orm_example.hl7": [("AE", "100", "")],
    "e01-missing-msh10.hl7": [("AE", "101", "MSH^1^10")],
    **{
        name: [("AR", "200", "MSH^1^9^1")]
        for name in (
            "hapi-example_oml_o21-3.hl7",
            "hapi-example_oml_o21-9.hl7",
            "s01-oml-o21-new-order.hl7",
            "s02-orl-o22-accepted.hl7",
        )
    },
}


def messages() -> dict[str, tuple[dict[str, Any], bytes]]:
    folder = shared("hl7v2")
    index = json.loads((folder / "index.json").read_text())
    assert index
    return {one["file"]: (one, (folder / one["file"]).read_bytes()) for one in index}


def test_all_are_read_or_refused() -> None:
    found = {}
    for name, (_about, raw) in messages().items():
        refusal = refusal_of(raw)
        if refusal:
            found[name] = [
                (refusal.code.value, fault.condition.code, fault.location)
                for fault in refusal.faults
            ]
    assert found == REFUSED


def test_headers_are_as_listed() -> None:
    listed = {name: (about, raw) for name, (about, raw) in messages().items() if "type" in about}
    assert len(listed) > 10
    for name, (about, raw) in listed.items():
        header = header_of(raw)
        assert header is not None, name
        kind = (header.type, header.event, header.structure)
        assert "^".join(part for part in kind if part) == about["type"], name
        assert header.version == about["version"], name


def test_acknowledgements_are_as_expected() -> None:
    checked = 0
    for name, (about, raw) in messages().items():
        expected = about.get("expected_acknowledgement")
        if not expected:
            continue
        refusal = refusal_of(raw)
        outcome = outcome_of(refusal) if refusal else ACCEPTED
        sent = acknowledgements(header_of(raw), outcome, now=utcnow(), new_id=lambda: "A1")
        [answer] = [read(one).segment("MSA") for one in sent]
        assert answer is not None
        assert answer.text(1) in expected, name
        checked += 1
    assert checked > 5


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_other_line_ends_change_nothing(end: bytes) -> None:
    for name, (_about, raw) in messages().items():
        if name in REFUSED:
            continue
        found, expected = read(raw.replace(b"\r", end)), read(raw)
        assert len(found.segments) == len(expected.segments), name
        for one, other in zip(found.segments, expected.segments, strict=True):
            assert [one.raw(number) for number in range(60)] == [
                other.raw(number) for number in range(60)
            ], name
