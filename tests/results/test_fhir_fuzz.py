"""Whatever JSON is sent as FHIR: it is read, or refused with its places, and nothing else."""

import copy
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from portal.core.errors import FieldError, Invalid
from portal.results.fhir import read_bundle
from tests.results.documents import PDF, bundle, grams, loinc

ZONE = ZoneInfo("America/New_York")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=20,
)
FULL = bundle(
    {
        "valueQuantity": {**grams(95), "comparator": "<"},
        "referenceRange": [{"low": grams(70), "high": grams(99, "mmol/L"), "text": "usual"}],
        "interpretation": [{"coding": [{"code": "H"}]}],
        "component": [{"code": loinc("1-8", "Part"), "valueRange": {"low": grams(1)}}],
        "hasMember": [{"reference": "urn:uuid:o"}],
        "note": [{"text": "Noted"}],
        "effectivePeriod": {"start": "2026-03-01"},
    },
    presentedForm=[{"contentType": "application/pdf", "data": PDF}],
    category=[{"coding": [{"code": "LAB"}]}],
    issued="2026-03-01T15:30:00Z",
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for name, member in inside:
        found.append((*path, name))
        if isinstance(member, dict | list):
            found.extend(places(member, (*path, name)))
    return found


def readable_or_refused(document: Any) -> None:
    problems: tuple[FieldError, ...] | None = None
    try:
        message = read_bundle(document, zone=ZONE)
    except Invalid as refusal:
        problems = refusal.errors
    if problems is None:
        assert "\\x00" not in repr(message)
    else:
        assert 1 <= len(problems) <= 20
        assert all(each.pointer.isascii() and each.message for each in problems)


@given(JSON)
def test_whatever_json(document: Any) -> None:
    readable_or_refused(document)


@given(st.lists(st.tuples(st.sampled_from(places(FULL)), JSON), min_size=1, max_size=3))
def test_whatever_becomes_of_a_good_bundle(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    document = copy.deepcopy(FULL)
    for path, value in changes:
        target: Any = document
        try:
            for name in path[:-1]:
                target = target[name]
            target[path[-1]] = copy.deepcopy(value)
        except (TypeError, KeyError, IndexError):
            continue  # an earlier change took this place away
    readable_or_refused(document)
