"""One analyte over time, in one unit."""

from datetime import timedelta
from typing import Any

import pytest

from portal.core.clock import utcnow
from tests.results.conftest import POTASSIUM, Value, load, receive, receive_next, received, wish
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.support.statements import recorded
from tests.support.work import drain

GLUCOSE = "2345-7"


def glucose(text: str, unit: str, **changes: Any) -> tuple[Value]:
    return (Value(text, "normal", GLUCOSE, "Glucose", unit, changes),)


def days_ago(days: int) -> dict[str, Any]:
    return {"at": utcnow() - timedelta(days=days)}


def trend(who: Caller, query: str) -> Any:
    answer = who.get(f"/results/trends?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_values_are_compared_in_the_latest_unit(clinic: SmallClinic, patient: Caller) -> None:
    received(clinic, glucose("90", "mg/dL"), **days_ago(300))
    received(clinic, glucose("hemolysed", ""), **days_ago(200))
    received(clinic, glucose("1.2", "{ratio}"), **days_ago(100))
    newest = received(clinic, glucose("5.5", "mmol/L"), **days_ago(1))
    seen = trend(patient, f"code={GLUCOSE}")
    assert (seen["code"], seen["name"], seen["unit"]) == (GLUCOSE, "Glucose", "mmol/L")
    old, new = seen["points"]
    assert old["value"] == pytest.approx(5.0, abs=0.01)
    assert old["reported"] == {"value": "90", "unit": "mg/dL"}
    assert old["reference"]["high"] == pytest.approx(5.1 / 18.0156, abs=0.001)
    assert old["reference"]["text"] == "", "it would speak of another unit"
    assert (new["value"], new["result_id"]) == (5.5, str(newest))
    assert new["reference"] == {"low": 3.5, "high": 5.1, "text": "3.5-5.1"}
    apart = [point["reported"]["value"] for point in seen["not_comparable"]]
    assert apart == ["hemolysed", "1.2"]
    other = trend(patient, f"code={GLUCOSE}&unit=mg/dL")
    assert other["unit"] == "mg/dL"
    assert [round(point["value"]) for point in other["points"]] == [90, 99]


def test_only_what_holds_now_counts(clinic: SmallClinic, patient: Caller) -> None:
    corrected = received(clinic)
    receive_next(corrected, (Value("4.4"),), "corrected")
    received(clinic, status="entered_in_error")
    received(clinic, (Value("9.9", changes={"status": "cancelled"}),))
    withdrawn = received(clinic)
    receive_next(withdrawn, (Value("8.8"),), "entered_in_error")
    drain()
    points = trend(patient, f"code={POTASSIUM}")["points"]
    assert [point["value"] for point in points] == [4.4]


def test_patients_see_only_what_was_released(
    clinic: SmallClinic, patient: Caller, physician: Caller, colleague: Caller
) -> None:
    wish(clinic, when="after_comment")
    received(clinic)
    received(clinic, patient_id=clinic.other_patient.id)
    query = f"code={POTASSIUM}&patient_id={clinic.patient.id}"
    assert trend(patient, query)["points"] == []
    assert len(trend(physician, query)["points"]) == 1
    assert trend(colleague, query)["points"] == []
    answer = physician.get(f"/results/trends?code={POTASSIUM}")
    assert answer.json["errors"][0]["pointer"] == "#query/patient_id"


def test_five_years_unless_said_otherwise(clinic: SmallClinic, patient: Caller) -> None:
    received(clinic, (Value("4.0"),), **days_ago(6 * 366))
    received(clinic, (Value("4.2"),), **days_ago(4 * 365))
    report = received(clinic, (Value("4.3", changes={"observed_at": None}),), **days_ago(10))

    def values(query: str) -> list[float]:
        return [point["value"] for point in trend(patient, f"code={POTASSIUM}{query}")["points"]]

    day = load(report).reported_at.date().isoformat()
    assert values("") == [4.2, 4.3]
    assert values("&from=1990-01-01") == [4.0, 4.2, 4.3]
    assert values(f"&from={day}&to={day}") == [4.3], "by when it was collected"
    assert values("&from=1990-01-01&to=1991-01-01") == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("", "#query/code"),
        (f"code={'x' * 51}", "#query/code"),
        ("code=x&from=yesterday", "#query/from"),
        ("code=x&from=2026-01-02&to=2026-01-01", "#query/from"),
        (f"code=x&unit={'m' * 65}", "#query/unit"),
    ],
)
def test_bad_queries_name_the_member(patient: Caller, query: str, pointer: str) -> None:
    answer = patient.get(f"/results/trends?{query}")
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_a_trend_costs_the_same_for_one_as_for_forty(clinic: SmallClinic, patient: Caller) -> None:
    counts = []
    for number in (1, 39):
        for _ in range(number):
            receive(clinic)
        drain(rounds=40)
        with recorded() as statements:
            found = trend(patient, f"code={POTASSIUM}")
        counts.append(len(statements))
    assert len(found["points"]) == 40
    assert counts[0] == counts[1]


def test_one_odd_unit_puts_no_other_aside(clinic: SmallClinic, patient: Caller) -> None:
    for days in range(8, 0, -1):
        received(clinic, glucose(str(90 + days), "mg/dL"), **days_ago(days))
    received(clinic, glucose("17", "{arbitrary}"))
    seen = trend(patient, f"code={GLUCOSE}")
    assert (seen["unit"], len(seen["points"])) == ("mg/dL", 8)
    assert [one["reported"]["unit"] for one in seen["not_comparable"]] == ["{arbitrary}"]


def test_what_has_a_date_that_cannot_be_is_named(clinic: SmallClinic, patient: Caller) -> None:
    received(clinic, (Value("4.0"),))
    for at in (utcnow() + timedelta(days=400), utcnow() - timedelta(days=150 * 366)):
        received(clinic, (Value("4.1", changes={"observed_at": at}),))
    seen = trend(patient, f"code={POTASSIUM}")
    assert [point["value"] for point in seen["points"]] == [4.0]
    assert [one["reason"] for one in seen["left_out"]] == ["before_birth", "in_the_future"]
    assert [one["reported"]["value"] for one in seen["left_out"]] == ["4.1", "4.1"]
