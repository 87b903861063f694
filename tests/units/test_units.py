"""Comparing values in different units: what is comparable, by how much, and what never is."""

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.units import in_unit

GLUCOSE, CREATININE, CALCIUM, SODIUM, HBA1C = "2345-7", "2160-0", "17861-6", "2951-2", "4548-4"
UREA_NITROGEN, TRIGLYCERIDES, CHOLESTEROL = "3094-0", "2571-8", "2093-3"


def converted(value: str, unit: str, wanted: str, code: str = "") -> str | None:
    answer = in_unit(Decimal(value), unit, wanted, code=code)
    return None if answer is None else str(answer)


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "expected"),
    [
        ("13.5", "g/dL", "g/L", "135"),
        ("100", "mg/dL", "g/L", "1"),
        ("1000", "10*3/uL", "10*9/L", "1000"),
        ("250000", "/uL", "10*3/uL", "250"),
        ("4.5", "u[IU]/mL", "m[IU]/L", "4.5"),
        ("12", "kPa", "mm[Hg]", "90.0074"),
        ("37", "Cel", "[degF]", "98.6"),
        ("212", "[degF]", "Cel", "100"),
        ("0.45", "1", "%", "45"),
        ("70", "kg", "[lb_av]", "154.324"),
        ("7.4567891234", "{cells}/uL", "/uL", "7.45679"),
        ("-1.5", "mmol/L", "umol/L", "-1500"),
    ],
)
def test_ucum(value: str, unit: str, wanted: str, expected: str) -> None:
    assert converted(value, unit, wanted) == expected


@pytest.mark.parametrize(
    ("spelled", "ucum"),
    [
        ("mg%", "mg/dL"),
        ("mg/100mL", "mg/dL"),
        ("mg / 100 ml", "mg/dL"),
        ("g%", "g/dL"),
        ("mcg%", "ug/dL"),
        ("K/uL", "10*3/uL"),
        ("K/mcL", "10*3/uL"),
        ("x10E3/uL", "10*3/uL"),
        ("10^3/uL", "10*3/uL"),
        ("x10(3)/mcL", "10*3/uL"),
        ("10³/µL", "10*3/uL"),
        ("thou/cumm", "10*3/uL"),
        ("M/uL", "10*6/uL"),
        ("mill/mm3", "10*6/uL"),
        ("x10E9/L", "10*9/L"),
        ("/mm3", "/uL"),
        ("cells/mcL", "/uL"),
        ("mcg/dL", "ug/dL"),
        ("µg/dL", "ug/dL"),
        ("MG/DL", "mg/dL"),
        ("mg/dl", "mg/dL"),
        ("mEq/L", "meq/L"),
        ("IU/L", "[IU]/L"),
        ("mIU/mL", "m[IU]/mL"),
        ("µIU/mL", "u[IU]/mL"),
        ("mmHg", "mm[Hg]"),
        ("mm Hg", "mm[Hg]"),
        ("sec", "s"),
        ("mm/hr", "mm/h"),
        ("mL/min/1.73 m2", "mL/min/{1.73_m2}"),
        ("°C", "Cel"),
    ],
)
def test_spellings(spelled: str, ucum: str) -> None:
    assert converted("2.5", spelled, ucum) == "2.5"
    assert converted("2.5", ucum, spelled) == "2.5"


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "code", "expected"),
    [
        ("100", "mg/dL", "mmol/L", GLUCOSE, "5.55074"),
        ("5.550745", "mmol/L", "mg/dL", GLUCOSE, "100"),
        ("1", "mg/dL", "umol/L", CREATININE, "88.4017"),
        ("200", "mg/dL", "mmol/L", CHOLESTEROL, "5.1725"),
        ("150", "mg/dL", "mmol/L", TRIGLYCERIDES, "1.69405"),
        ("14", "mg/dL", "mmol/L", UREA_NITROGEN, "4.9975"),
        ("10", "mg/dL", "mmol/L", CALCIUM, "2.49513"),
        ("5", "meq/L", "mmol/L", CALCIUM, "2.5"),
        ("5", "mEq/L", "mg/dL", CALCIUM, "10.0195"),
        ("2.5", "mmol/L", "meq/L", CALCIUM, "5"),
        ("140", "mmol/L", "mEq/L", SODIUM, "140"),
        ("3.4", "mg/mmol", "mg/g", "9318-7", "30.0566"),
        ("48", "mmol/mol", "%", HBA1C, "6.54304"),
        ("6.54304", "%", "mmol/mol", HBA1C, "48"),
    ],
)
def test_by_the_analyte(value: str, unit: str, wanted: str, code: str, expected: str) -> None:
    assert converted(value, unit, wanted, code) == expected


@pytest.mark.parametrize(
    ("unit", "wanted", "code"),
    [
        ("mg/dL", "mmol/L", ""),
        ("mg/dL", "mmol/L", "9999-9"),
        ("mg/dL", "kg", GLUCOSE),
        ("meq/L", "mmol/L", ""),
        ("mosm/kg", "mmol/kg", ""),
        ("mmol/mol", "%", ""),
        ("[IU]/L", "/L", ""),
        ("[IU]/L", "U/L", ""),
        ("[IU]", "/[IU]", ""),
        ("[IU]/mL", "[arb'U]/mL", ""),
        ("{score}", "1", ""),
        ("mL/min", "mL/min/{1.73_m2}", ""),
        ("ug/g", "ug/g{creat}", ""),
        ("dB", "1", ""),
        ("K/uL", "K.uL-1", ""),
        ("g/dL", "nonsense", ""),
        ("", "mg/dL", ""),
        ("m" * 65, "m", ""),
    ],
)
def test_not_comparable(unit: str, wanted: str, code: str) -> None:
    assert converted("5", unit, wanted, code) is None


def test_spelled_alike_nothing_is_changed() -> None:
    assert converted("70.7634926324724", "nonsense", "nonsense") == "70.7634926324724"


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "sNaN", "1E+999999", "1E-999999"])
def test_no_value_of_a_laboratory(value: str) -> None:
    assert converted(value, "g/dL", "g/L") is None


@pytest.mark.parametrize(
    "unit", ["10*99999999", "m99999999", "10*999.10*999", "Ym999", "(" * 60, "/" * 60]
)
def test_units_that_would_keep_a_processor_busy(unit: str) -> None:
    in_unit(Decimal(1), "m", "km")
    began = time.perf_counter()
    assert in_unit(Decimal(1), unit, "1") is None
    assert time.perf_counter() - began < 1


PIECES = ["m", "g", "mol", "L", "/", ".", "10*", "[IU]", "{x}", "%", "(", ")", "-", "9", "K", "Cel"]


@given(
    st.decimals(),
    st.one_of(st.text(max_size=70), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)),
    st.one_of(st.text(max_size=70), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)),
    st.sampled_from(["", GLUCOSE, CALCIUM, HBA1C]),
)
def test_whatever_strings(value: Decimal, unit: str, wanted: str, code: str) -> None:
    answer = in_unit(value, unit, wanted, code=code)
    assert answer is None or answer.is_finite()
    assert answer is None or unit == wanted or len(str(answer)) < 45


def test_many_threads_at_once() -> None:
    units = [f"{prefix}g/{volume}L" for prefix in "kmunp" for volume in "dmu"] * 4
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda unit: in_unit(Decimal(3), unit, "g/L"), units))
    assert None not in answers
    assert answers[:15] == answers[15:30]
