"""How values are judged: what nobody could judge is never called normal."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.content import ContentRefused
from portal.hl7v2.numbers import has_decimal_commas
from portal.results import intake_rules as rules
from portal.results.incoming import Coding, IncomingObservation
from portal.results.states import Abnormality, ObservationStatus, ValueKind
from portal.results.words import QUALITATIVE_WORDS
from tests.results.conftest import NORMAL, Value, attach, receive, received, set_report
from tests.results.documents import bundle, grams
from tests.results.messages import obr, oru
from tests.results.test_fhir import read
from tests.results.test_intake import reports, rows, take
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.work import drain

A = Abnormality


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Abnormality)), st.sampled_from(list(ObservationStatus)))
    )
)
def test_a_report_is_normal_only_if_every_value_of_it_is(
    judged: list[tuple[Abnormality, ObservationStatus]],
) -> None:
    values = [
        IncomingObservation(Coding("1", "", ""), ValueKind.TEXT, status, abnormality=level)
        for level, status in judged
    ]
    counted = [level for level, status in judged if status not in rules.UNCOUNTED]
    normal = rules.worst_of(values) == Abnormality.NORMAL
    assert normal == (bool(counted) and set(counted) == {Abnormality.NORMAL})


@given(
    st.text(max_size=40), st.sampled_from(["", "Rubella virus IgG", "Culture", "Fasting status"])
)
def test_words_are_normal_only_as_they_stand_in_the_table(text: str, name: str) -> None:
    """Whatever is said besides makes it uncertain."""
    if QUALITATIVE_WORDS.table.judge(text, name=name) != Abnormality.NORMAL:
        return
    assert QUALITATIVE_WORDS.table.judge(f"{text} xyzzy", name=name) != Abnormality.NORMAL
    assert (
        QUALITATIVE_WORDS.table.judge(f"{text}\nPositive for xyzzy", name="")
        == Abnormality.ABNORMAL
    )


def obx(kind: str, value: str, expected: str = "", flag: str = "", code: str = "1^Test^L") -> str:
    return f"OBX|1|{kind}|{code}||{value}||{expected}|{flag}|||F"


@pytest.mark.parametrize(
    ("segments", "level"),
    [
        ([obx("ST", "Growth of Staphylococcus aureus")], A.ABNORMAL),
        ([obx("ST", "HIV Positive")], A.ABNORMAL),
        ([obx("ST", "Not detected")], A.NORMAL),
        ([obx("CWE", "260373001^Detected^SCT")], A.ABNORMAL),
        ([obx("CWE", "260415000^Not detected^SCT")], A.NORMAL),
        ([obx("CWE", "X1^Something^L")], A.UNKNOWN),
        ([obx("NM", "6,9", "3,5-5,1")], A.ABNORMAL),
        ([obx("NM", "4,9", "3,5-5,1")], A.NORMAL),
        ([obx("NM", "6,9", "3,5-5,1"), obx("NM", "4.2", "3.5-5.1")], A.UNKNOWN),
        ([obx("NM", "1,234", "1,000-2,000")], A.UNKNOWN),
        ([obx("NM", "4.0~6.9", "3.5-5.1")], A.ABNORMAL),
        ([obx("NM", "4.0~4.2", "3.5-5.1")], A.NORMAL),
        ([obx("NM", "4.0~hemolysed", "3.5-5.1")], A.UNKNOWN),
        ([obx("NM", "4.0", "3.5-5.1"), obx("NM", "4.0")], A.UNKNOWN),
        ([obx("NM", "4.0", "3.5-5.1"), obx("TX", "See the attached report")], A.UNKNOWN),
        ([obx("ST", "Positive", code="8014-1^Rubella virus IgG Ab^LN")], A.NORMAL),
        ([obx("ST", "Positive", flag="N")], A.NORMAL),
    ],
)
def test_a_message_is_judged_by_all_of_its_values(
    clinic: SmallClinic, segments: list[str], level: Abnormality
) -> None:
    take(oru("M1", obr(), *segments))
    [report] = reports()
    assert (report.patient_id, report.abnormality) == (clinic.patient.id, level)


def test_a_decimal_comma_stays_as_it_was_written(clinic: SmallClinic) -> None:
    assert clinic.patient.mrn
    take(oru("M1", obr(), obx("NM", "6,9", "3,5-5,1")))
    [row] = rows("SELECT value_text, number::text AS number, reference_text FROM observation")
    assert (row.value_text, row.number, row.reference_text) == ("6,9", "6.9", "3,5-5,1")


@pytest.mark.parametrize(
    ("texts", "written_so"),
    [
        (["6,9", "3,5-5,1"], True),
        (["1,234", "0,5"], True),
        (["1,234"], False),
        (["6,9", "4.2"], False),
        (["1,234,567", "6,9"], False),
        (["5"], False),
        ([], False),
    ],
)
def test_commas_are_decimal_where_nothing_speaks_against(
    texts: list[str], *, written_so: bool
) -> None:
    assert has_decimal_commas(texts) == written_so


@pytest.mark.parametrize(
    ("interpretation", "value", "level"),
    [
        ("Zonk", 140, A.ABNORMAL),
        ("Zonk", 90, A.NORMAL),
        ("High", 90, A.ABNORMAL),
        ("Critical high", 140, A.CRITICAL),
        ("Normal", 140, A.NORMAL),
    ],
)
def test_an_interpretation_that_is_not_understood_leaves_the_range(
    interpretation: str, value: int, level: Abnormality
) -> None:
    observation = {
        "valueQuantity": grams(value),
        "interpretation": [{"text": interpretation}],
        "referenceRange": [{"low": grams(70), "high": grams(99)}],
    }
    [report] = read(bundle(observation)).reports
    assert [one.abnormality for one in report.observations] == [level]


def test_words_of_a_bundle_are_judged_too() -> None:
    [report] = read(bundle({"valueString": "Growth of Staphylococcus aureus"})).reports
    assert [one.abnormality for one in report.observations] == [A.ABNORMAL]


def spoilt(path: Path, spoil: Callable[[dict[str, Any]], None]) -> Path:
    document = json.loads(QUALITATIVE_WORDS.shipped.read_text(encoding="utf-8"))
    spoil(document)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def test_a_table_whose_own_cases_fail_is_refused_with_the_line(tmp_path: Path) -> None:
    raw = QUALITATIVE_WORDS.shipped.read_text(encoding="utf-8")
    path = tmp_path / "words.json"
    path.write_text(
        raw.replace('"HIV Positive", "means": "abnormal"', '"HIV Positive", "means": "normal"')
    )
    line = next(n for n, one in enumerate(raw.splitlines(), 1) if '"HIV Positive"' in one)
    with pytest.raises(ContentRefused) as refused:
        QUALITATIVE_WORDS.load(path)
    assert (
        str(refused.value) == f'{path}:{line}: "HIV Positive" of any test is abnormal, not normal.'
    )


@pytest.mark.parametrize(
    "missing",
    [*("version", "language", "author", "reviewed_by", "reviewed_on", "sources", "cases")],
)
def test_a_table_says_whence_it_is_and_who_reviewed_it(tmp_path: Path, missing: str) -> None:
    path = spoilt(tmp_path / "words.json", lambda document: document.pop(missing))
    with pytest.raises(ContentRefused, match=missing):
        QUALITATIVE_WORDS.load(path)


def test_what_is_no_json_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "words.json"
    path.write_text('{\n"version": 1,\n}')
    with pytest.raises(ContentRefused, match=":3: "):
        QUALITATIVE_WORDS.load(path)


def review(physician: Caller, *wanted: Any) -> list[str]:
    """What became of each: reviewed, or why not."""
    body = {"items": [{"result_id": str(id_), "version": 1} for id_ in wanted]}
    answer = physician.post("/results/review", body)
    return [one.get("problem", {}).get("code", one["outcome"]) for one in answer.json["items"]]


def test_many_at_once_takes_what_is_certainly_normal_and_was_seen(
    clinic: SmallClinic, physician: Caller
) -> None:
    normal = received(clinic)
    unknown = received(clinic, (Value(), Value("Growth", "unknown", "600-7", "Culture")))
    called_normal = received(clinic, (Value(), Value("Growth", "unknown", "600-7", "Culture")))
    set_report(called_normal, abnormality="normal")
    noted = received(clinic, (Value(changes={"note": "Haemolysed"}),))
    documented = receive(clinic, NORMAL)
    attach(documented)
    drain()
    opened = received(clinic, (Value(changes={"note": "Haemolysed"}),))
    physician.get(f"/results/{opened}")
    changed = received(clinic)
    set_report(changed, version_number=2)
    wanted = (normal, unknown, called_normal, noted, documented, opened, changed)
    assert review(physician, *wanted) == [
        "reviewed",
        "not_normal",
        "not_normal",
        "not_seen",
        "not_seen",
        "reviewed",
        "version_not_current",
    ]
