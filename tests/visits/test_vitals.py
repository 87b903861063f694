"""Measurements: what is kept, what can't be, what follows, and how it goes over time."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.actor import ActorKind
from portal.visits import vital_rules
from portal.visits.chart_model import VitalSign
from portal.visits.vital_rules import KINDS
from tests.support.api import Caller
from tests.support.clinic import SmallClinic
from tests.visits.conftest import (
    BMI,
    HEIGHT,
    PRESSURE,
    PULSE,
    TEMPERATURE,
    WEIGHT,
    in_days,
    load,
    measure,
    pointers,
    pressure,
    set_row,
    value,
)


def test_what_is_measured_at_a_visit(nurse: Caller, patient: Caller, going_on: UUID) -> None:
    answer = measure(
        nurse,
        going_on,
        value(HEIGHT, 168, "cm"),
        value(WEIGHT, 70.5, "kg"),
        pressure(position="sitting"),
        value(PULSE, 72, "/min"),
        value(TEMPERATURE, 36.8, "Cel"),
    )
    assert answer.status_code == 201, answer.text
    shown = patient.get(f"/visits/{going_on}").json["vitals"]
    assert [one["code"] for one in shown] == [HEIGHT, WEIGHT, BMI, PRESSURE, PULSE, TEMPERATURE]
    assert [one["computed"] for one in shown] == [False, False, True, False, False, False]
    assert (shown[2]["value"], shown[2]["unit"]) == (25, "kg/m2")
    assert shown[2]["derived_from"] == [shown[1]["id"], shown[0]["id"]]
    parts = [(one["code"], one["value"], one["unit"]) for one in shown[3]["components"]]
    assert parts == [("8480-6", 128, "mm[Hg]"), ("8462-4", 82, "mm[Hg]")]
    assert (shown[3]["value"], shown[3]["position"]) == (None, "sitting")
    assert {one["source"] for one in shown} == {"clinic"}


def test_a_visit_that_has_not_begun_has_no_measurements(nurse: Caller, planned: UUID) -> None:
    answer = measure(nurse, planned, value(PULSE, 72, "/min"))
    assert (answer.status_code, answer.json["code"]) == (409, "visit_not_held")


@pytest.mark.parametrize(
    ("item", "member", "said"),
    [
        (value(WEIGHT, 700, "kg"), "value", "Did you mean 700 [lb_av] or 70 kg?"),
        (value(TEMPERATURE, 98, "Cel"), "value", "Did you mean 98 [degF]?"),
        (value(TEMPERATURE, 36.8, "[degF]"), "value", "Did you mean 36.8 Cel?"),
        (value(HEIGHT, 1.75, "cm"), "value", "Did you mean 1.75 m?"),
        (value(HEIGHT, 168, "m"), "value", "Did you mean 168 cm?"),
        (value(PULSE, 720, "/min"), "value", "Did you mean 72 /min?"),
        (value(PULSE, 5000, "/min"), "value", "between 20 and 300 /min. Measure it again."),
        (value("2708-6", 980, "%"), "value", "Did you mean 98 %?"),
        (value(WEIGHT, 70, "cm"), "unit", "Body weight is taken in kg, [lb_av]."),
        (value(PULSE, 70, "kat"), "unit", "Pulse is taken in /min."),
        (pressure(82, 128), "systolic", "did you mean 128 over 82?"),
        (pressure(80, 80), "systolic", "Measure it again."),
        (pressure(1280, 82), "systolic", "Did you mean 128 mm[Hg]?"),
        (pressure(128, 820), "diastolic", "Did you mean 82 mm[Hg]?"),
    ],
)
def test_slips_are_named_with_what_was_meant(
    nurse: Caller, going_on: UUID, item: dict[str, Any], member: str, said: str
) -> None:
    answer = measure(nurse, going_on, value(PULSE, 72, "/min"), item)
    assert answer.status_code == 422
    [problem] = answer.json["errors"]
    assert problem["pointer"] == f"/vitals/1/{member}"
    assert problem["message"].endswith(said)
    assert nurse.get(f"/visits/{going_on}").json["vitals"] == []  # all of it, or nothing


@pytest.mark.parametrize(
    ("item", "pointer"),
    [
        (value(BMI, 25, "kg/m2"), "/code"),
        (value("1-1", 25, "kg"), "/code"),
        ({"code": PULSE, "unit": "/min"}, "/value"),
        ({**pressure(), "value": 3}, "/value"),
        ({"code": PRESSURE, "unit": "mm[Hg]", "systolic": 120}, "/diastolic"),
        ({**value(PULSE, 72, "/min"), "diastolic": 70}, "/diastolic"),
        (value(PULSE, -1, "/min"), "/value"),
        ({"code": PULSE, "value": "NaN", "unit": "/min"}, "/value"),
        (value(PULSE, 72, "/min", measured_at=in_days(1)), "/measured_at"),
        (value(PULSE, 72, "/min", measured_at="1970-01-01T00:00:00Z"), "/measured_at"),
        (value(PULSE, 72, "/min", position="upside down"), "/position"),
    ],
)
def test_what_can_not_be_read(patient: Caller, item: dict[str, Any], pointer: str) -> None:
    answer = patient.post("/vitals", item)
    assert (answer.status_code, pointers(answer)) == (422, [pointer])


def test_units_as_people_write_them(patient: Caller) -> None:
    kept = patient.post("/vitals", value(WEIGHT, 155, "lbs")).json
    assert (kept["value"], kept["unit"]) == (155, "[lb_av]")


def test_patients_measurements_are_marked_as_theirs(
    patient: Caller, nurse: Caller, physician: Caller, clinic: SmallClinic
) -> None:
    kept = patient.post("/vitals", pressure(note="After breakfast"))
    assert kept.status_code == 201
    assert (kept.json["source"], kept.json["visit_id"]) == ("patient", None)
    seen = nurse.get(f"/vitals?patient_id={clinic.patient.id}").json["items"]
    assert [(one["source"], one["note"]) for one in seen] == [("patient", "After breakfast")]
    assert physician.post("/vitals", pressure()).status_code == 403
    assert patient.post(f"/visits/{uuid4()}/vitals", {"vitals": [pressure()]}).status_code == 403


def test_a_wrong_measurement_is_withdrawn_by_whom_it_belongs_to(
    patient: Caller, nurse: Caller, going_on: UUID
) -> None:
    own = patient.post("/vitals", value(PULSE, 72, "/min")).json["id"]
    theirs = measure(nurse, going_on, value(PULSE, 80, "/min")).json["items"][0]["id"]
    refused = patient.post(f"/vitals/{theirs}/entered-in-error")
    assert (refused.status_code, refused.json["code"]) == (409, "vital_not_yours")
    for who, id_ in ((patient, own), (nurse, theirs)):
        gone = who.post(f"/vitals/{id_}/entered-in-error", {"reason": "Mistyped"})
        assert (gone.status_code, gone.json["entered_in_error"]) == (200, True)
        again = who.post(f"/vitals/{id_}/entered-in-error")
        assert (again.status_code, again.json["code"]) == (409, "vital_already_withdrawn")
    assert patient.get("/vitals").json["items"] == []
    assert nurse.get(f"/visits/{going_on}").json["vitals"] == []
    assert load(UUID(own), VitalSign).withdrawn_reason == "Mistyped"
    assert nurse.post(f"/vitals/{uuid4()}/entered-in-error").status_code == 404


def test_a_list_of_one_kind_page_by_page(patient: Caller) -> None:
    for number in (70, 71, 72):
        patient.post("/vitals", value(WEIGHT, number, "kg"))
    patient.post("/vitals", value(PULSE, 60, "/min"))
    first = patient.get(f"/vitals?code={WEIGHT}&limit=2").json
    rest = patient.get(f"/vitals?code={WEIGHT}&limit=2&cursor={first['next']}").json
    values = [one["value"] for page in (first, rest) for one in page["items"]]
    assert (values, rest["next"]) == ([72, 71, 70], None)
    assert len(patient.get("/vitals").json["items"]) == 4


def test_a_trend_is_in_one_unit(patient: Caller) -> None:
    patient.post("/vitals", value(WEIGHT, 154.3, "[lb_av]", measured_at=in_days(-3)))
    patient.post("/vitals", value(WEIGHT, 71, "kg", measured_at=in_days(-2)))
    trend = patient.get(f"/vitals/trends?code={WEIGHT}").json
    assert (trend["unit"], [one["value"] for one in trend["points"]]) == ("kg", [69.9893, 71])
    assert trend["points"][0]["reported"] == {"value": 154.3, "unit": "[lb_av]"}
    assert {one["own"] for one in trend["points"]} == {True}
    pounds = patient.get(f"/vitals/trends?code={WEIGHT}&unit=[lb_av]").json
    assert [one["value"] for one in pounds["points"]] == [154.3, 156.528]
    today = patient.get(f"/vitals/trends?code={WEIGHT}&from={in_days(0)[:10]}").json
    assert (today["points"], today["unit"]) == ([], None)


def test_a_trend_of_both_pressures(patient: Caller) -> None:
    patient.post("/vitals", pressure(130, 85, measured_at=in_days(-1)))
    patient.post("/vitals", pressure(120, 80))
    points = patient.get(f"/vitals/trends?code={PRESSURE}").json["points"]
    shown = [[part["value"] for part in point["components"]] for point in points]
    assert shown == [[130, 85], [120, 80]]
    kilopascal = patient.get(f"/vitals/trends?code={PRESSURE}&unit=kPa").json["points"]
    assert kilopascal[0]["components"][0] == {
        "code": "8480-6",
        "name": "Systolic blood pressure",
        "value": 17.3319,
        "unit": "kPa",
    }


@pytest.mark.parametrize("unit", ["kg", "furlong", "/min"])
def test_a_trend_in_another_quantity_is_refused(patient: Caller, unit: str) -> None:
    answer = patient.get(f"/vitals/trends?code={PRESSURE}&unit={unit}")
    assert (answer.status_code, pointers(answer)) == (422, ["#query/unit"])


def test_the_body_mass_index_follows_from_the_last_height(patient: Caller) -> None:
    patient.post("/vitals", value(WEIGHT, 60, "kg", measured_at=in_days(-9)))
    patient.post("/vitals", value(HEIGHT, 66, "[in_i]", measured_at=in_days(-8)))
    patient.post("/vitals", value(WEIGHT, 154.3, "[lb_av]", measured_at=in_days(-5)))
    wrong = patient.post("/vitals", value(HEIGHT, 150, "cm", measured_at=in_days(-2))).json["id"]
    patient.post("/vitals", value(WEIGHT, 72, "kg", measured_at=in_days(-1)))
    patient.post(f"/vitals/{wrong}/entered-in-error")
    items = patient.get(f"/vitals?code={BMI}").json["items"]
    assert [(one["value"], one["computed"]) for one in items] == [(25.6, True), (24.9, True)]
    trend = patient.get(f"/vitals/trends?code={BMI}").json
    assert ([one["value"] for one in trend["points"]], trend["unit"]) == ([24.9, 25.6], "kg/m2")
    weights = patient.get(f"/vitals?code={WEIGHT}").json["items"]
    assert [one["bmi"] and one["bmi"]["value"] for one in weights] == [25.6, 24.9, None]


def test_a_childs_height_is_good_for_a_month(
    caller: Callable[..., Caller], clinic: SmallClinic
) -> None:
    set_row("patient", clinic.patient.id, birth_date=in_days(-365 * 12)[:10])
    child = caller(ActorKind.PATIENT, clinic.patient.id)
    child.post("/vitals", value(HEIGHT, 150, "cm", measured_at=in_days(-40)))
    child.post("/vitals", value(WEIGHT, 40, "kg", measured_at=in_days(-20)))
    child.post("/vitals", value(WEIGHT, 41, "kg"))
    items = child.get(f"/vitals?code={BMI}").json["items"]
    assert [one["value"] for one in items] == [17.8]


@given(
    code=st.sampled_from(sorted(KINDS)),
    number=st.decimals(min_value="0.001", max_value="100000", places=3),
)
def test_what_is_within_the_bounds_alone_is_no_slip(code: str, number: Decimal) -> None:
    kind = KINDS[code]
    held = kind.bounds.low <= number <= kind.bounds.high
    said = vital_rules.slip(kind, number, kind.units[0])
    assert (said is None) == held
    assert said is None or said.startswith(kind.name)
