"""FHIR documents with reports: what is read of them, and what is refused, with the place."""

import copy
import gzip
import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from portal.core.errors import Invalid
from portal.results.fhir import read_bundle
from portal.results.incoming import Coding, Identifier, IncomingMessage, IncomingObservation
from portal.results.states import Abnormality, ObservationStatus, ReportStatus, ValueKind
from tests.results.documents import PDF, V2_0074, bundle, grams, loinc, section
from tests.support.shared_data import shared

FAR = {"comparator": ">"}
ZONE = ZoneInfo("America/New_York")


def read(document: dict[str, Any]) -> IncomingMessage:
    return read_bundle(document, zone=ZONE)


def observed(**observation: Any) -> IncomingObservation:
    (found,) = read(bundle(observation)).reports[0].observations
    return found


def refused(document: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        read_bundle(document, zone=ZONE)
    return {error.pointer: error.message for error in caught.value.errors}


def test_a_whole_bundle() -> None:
    message = read(
        bundle(
            category=[section("urn:own", "CHEMISTRY"), section(V2_0074, "LAB")],
            effectiveDateTime="2026-03-01",
            issued="2026-03-01T15:30:00.1234567Z",
            conclusion="All well.\r\nReally.",
            presentedForm=[{"contentType": "application/pdf", "data": PDF, "title": "Report"}],
        )
    )
    patient, (report,) = message.patient, message.reports
    assert patient.identifiers == (Identifier("MRN-1", "urn:clinic", "MR"),)
    assert (patient.family_name, patient.given_name) == ("Testpatient", "Avery")
    assert (patient.birth_date, patient.sex) == (date(1980, 4, 15), "female")
    assert (report.place, report.status) == ("/entry/3/resource", ReportStatus.FINAL)
    assert (report.filler_number, report.placer_number) == ("F-1", "ORD-1")
    assert (report.orderer_npi, report.category) == ("123", "LAB")
    assert report.code == Coding("51990-0", "Basic metabolic panel", "LN")
    assert report.collected_at == datetime(2026, 3, 1, tzinfo=ZONE)
    assert report.issued_at == datetime.fromisoformat("2026-03-01T15:30:00.123456+00:00")
    assert report.note == "All well.\nReally."
    assert report.attachments[0].content == b"%PDF-1.7 a report"
    (glucose,) = report.observations
    assert (glucose.number, glucose.unit, glucose.text) == (Decimal(95), "mg/dL", "95")
    assert glucose.code == Coding("2345-7", "Glucose", "LN")


def test_a_report_by_itself() -> None:
    document = {
        "resourceType": "DiagnosticReport",
        "status": "appended",
        "identifier": [{"value": "F-2"}],
        "basedOn": [{"identifier": {"value": "ORD-2"}}],
        "code": {"text": "Panel"},
        "subject": {"reference": "Patient/9", "identifier": {"value": "M", "system": "urn:x"}},
        "contained": [
            {
                "resourceType": "Observation",
                "id": "o",
                "status": "entered-in-error",
                "code": {
                    "coding": [
                        {"system": "urn:lab", "code": "GLU"},
                        {"system": "http://loinc.org", "code": "2345-7"},
                    ]
                },
                "subject": {"reference": "Patient/9"},
                "valueString": "x",
            }
        ],
        "result": [{"reference": "#o"}],
    }
    message = read(document)
    report = message.reports[0]
    assert message.patient.identifiers == (Identifier("M", "urn:x"),)
    assert (report.place, report.status) == ("", ReportStatus.AMENDED)
    assert (report.filler_number, report.placer_number) == ("F-2", "ORD-2")
    assert report.observations[0].status == ObservationStatus.ENTERED_IN_ERROR
    assert report.observations[0].local == Coding("GLU", "", "urn:lab")
    assert report.observations[0].code.code == "2345-7"


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ({"valueQuantity": {**grams(0.10000000000000001), "comparator": "<"}}, "quantity", "<0.1"),
        ({"valueQuantity": grams(1e-7)}, "quantity", "0.0000001"),
        ({"valueQuantity": grams(Decimal("7.10"))}, "quantity", "7.10"),
        ({"valueInteger": 3}, "quantity", "3"),
        ({"valueString": "Growth of\nE. coli"}, "text", "Growth of\nE. coli"),
        ({"valueBoolean": False}, "text", "No"),
        ({"valueRange": {"low": grams(1), "high": grams(2.5)}}, "range", "1 - 2.5"),
        (
            {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 64}}},
            "ratio",
            "1:64",
        ),
        (
            {"valueRatio": {"numerator": {"value": 1}, "denominator": {**FAR, "value": 128}}},
            "text",
            "1:>128",
        ),
        (
            {"valueRatio": {"numerator": grams(5, "mg"), "denominator": grams(2, "mL")}},
            "text",
            "5 mg:2 mL",
        ),
        ({"valueDateTime": "2026-03"}, "date", "2026-03"),
        ({"valueDateTime": "2026-03-01T10:00:00Z"}, "datetime", "2026-03-01T10:00:00Z"),
        ({"valueTime": "10:30:00"}, "time", "10:30:00"),
        ({"valuePeriod": {"start": "2026-03-01", "end": "2026-03-02"}}, "text", None),
        ({"valueSampledData": {"data": "1 2 E"}}, "text", "1 2 E"),
        ({"valueCodeableConcept": {"text": "Negative"}}, "text", "Negative"),
        ({"valueCodeableConcept": loinc("LA1", "Detected")}, "coded", "Detected"),
        ({"dataAbsentReason": {"coding": [{"code": "unknown"}]}}, "none", "unknown"),
        ({}, "none", ""),
    ],
)
def test_values(value: dict[str, Any], kind: str, text: str | None) -> None:
    found = observed(**value)
    assert found.kind == ValueKind(kind)
    assert text is None or found.text == text


def test_units_are_ucum_where_the_laboratory_says_so() -> None:
    assert observed(valueQuantity={**grams(1, "mg/dL"), "unit": "MGS"}).unit == "mg/dL"
    own = {"value": 1, "unit": "MGS", "system": "urn:lab", "code": "17"}
    assert observed(valueQuantity=own).unit == "MGS"


@pytest.mark.parametrize(
    ("value", "usual", "flag", "expected"),
    [
        (95, (70, 99), "", Abnormality.NORMAL),
        (99.5, (70, 99), "", Abnormality.ABNORMAL),
        (60, (70, None), "", Abnormality.ABNORMAL),
        (95, None, "", Abnormality.UNKNOWN),
        (95, (70, 99), "HH", Abnormality.CRITICAL),
        (95, (70, 99), "H", Abnormality.ABNORMAL),
        (200, (70, 99), "N", Abnormality.NORMAL),
        (200, (70, 99), "XYZ", Abnormality.ABNORMAL),
    ],
)
def test_how_abnormal(value: Any, usual: Any, flag: str, expected: Abnormality) -> None:
    more: dict[str, Any] = {}
    if usual:
        low, high = usual
        more["referenceRange"] = [{"low": grams(low), **({"high": grams(high)} if high else {})}]
    if flag:
        more["interpretation"] = [{"coding": [{"code": flag}]}]
    found = observed(valueQuantity=grams(value), **more)
    assert found.abnormality == expected
    assert found.flags == ((flag,) if flag else ())


@pytest.mark.parametrize(
    ("comparator", "value", "expected"),
    [("<", 70, "abnormal"), ("<=", 70, "unknown"), ("<", 90, "unknown"), (">", 99, "abnormal")],
)
def test_a_comparator_leaves_open_where_the_value_is(
    comparator: str, value: int, expected: str
) -> None:
    quantity = {**grams(value), "comparator": comparator}
    usual = [{"low": grams(70), "high": grams(99)}]
    assert observed(valueQuantity=quantity, referenceRange=usual).abnormality == expected


def test_a_range_in_another_unit() -> None:
    usual = [{"low": grams(3.9, "mmol/L"), "high": grams(5.5, "mmol/L")}]
    found = observed(valueQuantity=grams(95), referenceRange=usual)
    assert (found.reference_low, found.reference_high) == (Decimal("70.2608"), Decimal("99.0858"))
    assert (found.reference_text, found.abnormality) == ("3.9 - 5.5 mmol/L", Abnormality.NORMAL)
    lost = observed(valueQuantity=grams(95), referenceRange=[{"low": grams(100, "kg")}])
    assert (lost.reference_low, lost.abnormality) == (None, Abnormality.UNKNOWN)


def test_components_and_members() -> None:
    pressure = [
        {"code": loinc("8480-6", "Systolic"), "valueQuantity": grams(120, "mm[Hg]")},
        {"code": loinc("8462-4", "Diastolic"), "valueQuantity": grams(80, "mm[Hg]")},
    ]
    document = bundle({"component": pressure, "hasMember": [{"reference": "urn:uuid:m"}]})
    member = copy.deepcopy(document["entry"][2]["resource"])
    member["hasMember"] = [{"reference": "urn:uuid:o"}, {"reference": "urn:uuid:m"}]
    document["entry"].append({"fullUrl": "urn:uuid:m", "resource": member})
    found = read(document).reports[0].observations
    assert [(each.code.code, each.sub_id) for each in found] == [
        ("8480-6", "1"),
        ("8462-4", "2"),
        ("8480-6", "1.2"),
        ("8462-4", "2.2"),
    ]


def test_a_chain_of_members_as_long_as_the_document() -> None:
    document = bundle({"valueString": "0", "hasMember": [{"reference": "urn:uuid:0"}]})
    for number in range(1_500):
        member = copy.deepcopy(document["entry"][2]["resource"])
        member["hasMember"] = [{"reference": f"urn:uuid:{number + 1 if number < 1_499 else 'o'}"}]
        document["entry"].append({"fullUrl": f"urn:uuid:{number}", "resource": member})
    assert len(read(document).reports[0].observations) == 1_501


def _other_patient(document: dict[str, Any]) -> None:
    other = {"resourceType": "Patient", "identifier": [{"value": "MRN-2"}]}
    document["entry"].append({"fullUrl": "urn:uuid:q", "resource": other})
    document["entry"][2]["resource"]["subject"] = {"reference": "urn:uuid:q"}


def _set(entry: int, **members: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["entry"][entry]["resource"].update(members)


OBSERVATION, REPORT = "/entry/2/resource", "/entry/3/resource"


@pytest.mark.parametrize(
    ("spoil", "pointer"),
    [
        (_other_patient, f"{OBSERVATION}/subject"),
        (_set(3, subject={"reference": "Patient/none"}), f"{REPORT}/subject"),
        (_set(3, status="unknown"), f"{REPORT}/status"),
        (_set(3, status="entered_in_error"), f"{REPORT}/status"),
        (_set(3, code={}), f"{REPORT}/code"),
        (_set(3, issued="2026-13-01T10:00:00Z"), f"{REPORT}/issued"),
        (_set(3, issued="0001-01-01"), f"{REPORT}/issued"),
        (_set(3, result=[{"reference": "urn:uuid:none"}]), f"{REPORT}/result/0"),
        (_set(3, result="urn:uuid:o"), f"{REPORT}/result"),
        (
            _set(3, presentedForm=[{"contentType": "application/pdf", "url": "http://x/y"}]),
            f"{REPORT}/presentedForm/0/data",
        ),
        (
            _set(3, presentedForm=[{"contentType": "application/pdf", "data": "QUJD"}]),
            f"{REPORT}/presentedForm/0/data",
        ),
        (
            _set(3, presentedForm=[{"contentType": "application/pdf", "data": "é"}]),
            f"{REPORT}/presentedForm/0/data",
        ),
        (_set(2, valueQuantity=grams("95")), f"{OBSERVATION}/valueQuantity/value"),
        (_set(2, valueQuantity=grams(True)), f"{OBSERVATION}/valueQuantity/value"),
        (_set(2, valueQuantity=grams(1e300)), f"{OBSERVATION}/valueQuantity/value"),
        (_set(2, valueString="two values"), f"{OBSERVATION}/valueString"),
        (_set(2, valueAttachment={}), f"{OBSERVATION}/valueAttachment"),
        (_set(2, status=None), f"{OBSERVATION}/status"),
        (_set(2, code={"text": "x" * 1_001}), f"{OBSERVATION}/code/text"),
        (_set(0, birthDate="15.4.1980"), "/entry/0/resource/birthDate"),
        (_set(0, gender="F"), "/entry/0/resource/gender"),
        (_set(0, name=None, identifier=None), "/entry/0/resource"),
    ],
)
def test_what_is_refused(spoil: Callable[[dict[str, Any]], None], pointer: str) -> None:
    document = bundle()
    spoil(document)
    errors = refused(document)
    assert pointer in errors
    assert all(errors.values())


def test_everything_is_named_at_once_up_to_twenty() -> None:
    document = bundle()
    _set(3, status="x", issued="y")(document)
    _set(2, status="z")(document)
    assert set(refused(document)) == {
        f"{REPORT}/status",
        f"{REPORT}/issued",
        f"{OBSERVATION}/status",
    }
    assert len(refused(bundle(result=[{}] * 50))) == 20


@pytest.mark.parametrize(
    "document",
    [{}, [], None, {"resourceType": "Bundle", "type": "searchset"}, bundle() | {"entry": []}],
)
def test_no_document_with_reports(document: Any) -> None:
    assert refused(document)


def test_patients_with_one_number_are_one_person() -> None:
    document = bundle()
    twin = copy.deepcopy(document["entry"][0]["resource"])
    document["entry"].append({"fullUrl": "urn:uuid:q", "resource": twin})
    document["entry"][2]["resource"]["subject"] = {"reference": "urn:uuid:q"}
    assert read(document).patient.family_name == "Testpatient"
    twin["birthDate"] = "1990-01-01"
    assert f"{OBSERVATION}/subject" in refused(document)


def test_without_a_subject_it_is_the_only_patient() -> None:
    document = bundle(subject=None)
    assert read(document).patient.family_name == "Testpatient"
    other = {"resourceType": "Patient", "identifier": [{"value": "MRN-2"}]}
    document["entry"].append({"resource": other})
    assert f"{REPORT}/subject" in refused(document)
    near = {"resourceType": "Patient", "id": "p", "identifier": other["identifier"]}
    document["entry"][3]["resource"]["contained"] = [near]
    del document["entry"][2]["resource"]["subject"]
    assert read(document).patient.identifiers == (Identifier("MRN-2"),)


def test_relative_references_and_urls() -> None:
    document = bundle(result=[{"reference": "Observation/7/_history/2"}])
    document["entry"][2]["resource"]["id"] = "7"
    assert len(read(document).reports[0].observations) == 1
    # Another server's patient 1 is another patient.
    document["entry"][0]["fullUrl"] = "https://one.example/Patient/1"
    for entry in (2, 3):
        subject = {"reference": "https://two.example/Patient/1"}
        document["entry"][entry]["resource"]["subject"] = subject
    assert f"{REPORT}/subject" in refused(document)


def test_one_full_url_for_two_entries() -> None:
    document = bundle()
    document["entry"].append(copy.deepcopy(document["entry"][2]))
    assert "/entry/4/resource" in refused(document)


def test_reports_that_share_many_observations() -> None:
    document = bundle(result=[{"reference": f"urn:uuid:{number}"} for number in range(1_000)])
    observation, report = (document["entry"][entry]["resource"] for entry in (2, 3))
    document["entry"] += [
        {"fullUrl": f"urn:uuid:{number}", "resource": observation} for number in range(1_000)
    ]
    document["entry"] += [{"resource": report} for _ in range(9)]
    assert len(read(document).reports) == 10
    document["entry"] += [{"resource": report} for _ in range(500)]
    assert list(refused(document).values()) == ["Send 10000 observations at most in one document."]


def index() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shared("synthea", "index.json").read_text())
    return found


def test_synthetic_patients_whole_bundles() -> None:
    for entry in index():
        path = shared("synthea", entry["file"].rpartition("/")[2])
        document = orjson.loads(gzip.decompress(path.read_bytes()))
        message = read(document)
        assert len(message.reports) == entry["counts"]["DiagnosticReport"]
        assert message.patient.birth_date == date.fromisoformat(entry["birthDate"])
        assert message.patient.sex == entry["gender"]
        for report in message.reports:
            resource = document["entry"][int(report.place.split("/")[2])]["resource"]
            assert len(report.observations) == len(resource["result"])
            kinds = {each.kind for each in report.observations}
            assert kinds <= {ValueKind.QUANTITY, ValueKind.CODED}
