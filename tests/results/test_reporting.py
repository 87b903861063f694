"""What laboratories post by HTTP: HL7 messages and FHIR bundles."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from portal.core.actor import ActorKind
from tests.results.conftest import order
from tests.results.messages import obr, obx, oru
from tests.results.test_intake import cases, kept, reports, rows, values
from tests.support.api import Answer, Caller
from tests.support.clinic import SmallClinic

HL7 = "application/hl7-v2"


@pytest.fixture
def laboratory(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.LABORATORY, clinic.laboratory.id, clinic.laboratory.name)


def post(caller: Caller, raw: bytes, content_type: str = HL7) -> Answer:
    return caller.request("POST", "/api/v1/lab/messages", data=raw, content_type=content_type)


def bundle(clinic: SmallClinic, placer: str = "", **changes: Any) -> dict[str, Any]:
    """A bundle with one final report about the first patient."""
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3", "display": "K"}]},
        "valueQuantity": {
            "value": 4.2,
            "unit": "mmol/L",
            "system": "http://unitsofmeasure.org",
            "code": "mmol/L",
        },
    }
    patient = {
        "resourceType": "Patient",
        "identifier": [{"value": clinic.patient.mrn}],
        "name": [{"family": "Testpatient", "given": ["Avery"]}],
        "birthDate": "1980-04-15",
    }
    report = {
        "resourceType": "DiagnosticReport",
        "identifier": [{"value": "LAB-7", "type": {"coding": [{"code": "FILL"}]}}],
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "24323-8", "display": "CMP"}]},
        "subject": {"reference": "urn:uuid:patient"},
        "issued": "2026-03-01T10:10:00-05:00",
        "result": [{"reference": "urn:uuid:potassium"}],
        **({"basedOn": [{"identifier": {"value": placer}}]} if placer else {}),
        **changes,
    }
    resources = {"patient": patient, "potassium": observation, "report": report}
    return {
        "resourceType": "Bundle",
        "type": "message",
        "identifier": {"value": "bundle-1"},
        "entry": [
            {"fullUrl": f"urn:uuid:{name}", "resource": one} for name, one in resources.items()
        ],
    }


def send(laboratory: Caller, document: Any) -> Answer:
    return laboratory.request(
        "POST", "/api/v1/lab/reports", json=document, content_type="application/fhir+json"
    )


def test_a_message_is_answered_by_its_acknowledgement(
    clinic: SmallClinic, laboratory: Caller
) -> None:
    answer = post(laboratory, oru("M1", obr(order(clinic).placer_number), obx("potassium", "4.2")))
    assert (answer.status_code, answer.mimetype) == (200, HL7)
    assert b"MSA|AA|M1" in answer.data
    assert len(reports()) == 1


def test_the_token_says_whose_message_it_is(clinic: SmallClinic, laboratory: Caller) -> None:
    raw = oru("M1", obr(order(clinic).placer_number), obx("potassium", "4.2"), sender="X|Y")
    post(laboratory, raw)
    assert reports()[0].laboratory_id == clinic.laboratory.id


def test_what_has_to_be_mended_is_told_by_segment_and_field(laboratory: Caller) -> None:
    answer = post(laboratory, oru("M1", obr(status="Q"), obx("potassium", "4.2")))
    assert answer.status_code == 422
    assert b"MSA|AE|M1" in answer.data
    assert b"ERR||OBR^1^25|103^" in answer.data


def test_what_is_no_hl7_is_refused(laboratory: Caller) -> None:
    answer = post(laboratory, b"hello")
    assert (answer.status_code, b"MSA|AE" in answer.data) == (422, True)
    assert [one.outcome for one in kept()] == ["refused"]


def test_other_types_of_body_are_refused_with_the_remedy(laboratory: Caller) -> None:
    answer = post(laboratory, b"{}", "application/json")
    assert (answer.status_code, HL7 in answer.json["detail"]) == (415, True)
    assert kept() == []


def test_no_answer_where_none_is_wanted(clinic: SmallClinic, laboratory: Caller) -> None:
    raw = oru(
        "M1",
        obr(order(clinic).placer_number),
        obx("potassium", "4.2"),
        accept="NE",
        application="NE",
    )
    assert (post(laboratory, raw).status_code, len(reports())) == (204, 1)


def test_a_long_message_is_taken(clinic: SmallClinic, laboratory: Caller) -> None:
    note = f"NTE|1||{'long ' * 600_000}"
    raw = oru("M1", obr(order(clinic).placer_number), obx("potassium", "4.2"), note)
    assert len(raw) > 2_500_000
    assert post(laboratory, raw).status_code in (200, 422)
    assert len(kept()) == 1


def test_the_same_over_both_ways_is_one_result(clinic: SmallClinic, laboratory: Caller) -> None:
    raw = oru("M1", obr(order(clinic).placer_number), obx("potassium", "4.2"))
    first, second = post(laboratory, raw), post(laboratory, raw)
    assert first.data == second.data
    assert len(reports()) == 1


def test_a_bundle_is_taken_in(clinic: SmallClinic, laboratory: Caller) -> None:
    requisition = order(clinic)
    answer = send(laboratory, bundle(clinic, requisition.placer_number))
    [item] = answer.json["items"]
    [report] = reports()
    assert (answer.status_code, item["outcome"], item["result_id"]) == (200, "new", str(report.id))
    assert (report.requisition_id, report.status) == (requisition.id, "final")
    assert values(report.id)[0][:2] == ("2823-3", "4.2")


def test_the_same_bundle_again_changes_nothing(clinic: SmallClinic, laboratory: Caller) -> None:
    document = bundle(clinic)
    first, second = send(laboratory, document), send(laboratory, document)
    assert first.json == second.json
    assert second.headers["Idempotent-Replayed"] == "true"
    changed = send(laboratory, bundle(clinic, conclusion="Something else"))
    assert (changed.status_code, changed.json["code"]) == (409, "bundle_changed")
    assert len(reports()) == 1


def test_a_bundle_that_cant_be_used_names_every_member(
    clinic: SmallClinic, laboratory: Caller
) -> None:
    answer = send(laboratory, bundle(clinic, status="done", issued="yesterday"))
    assert answer.status_code == 422
    pointers = {one["pointer"] for one in answer.json["errors"]}
    assert {"/entry/2/resource/status", "/entry/2/resource/issued"} <= pointers
    assert [one.outcome for one in kept()] == ["refused"]
    assert send(laboratory, bundle(clinic)).status_code == 200


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b'{"a": NaN}', b"[" * 5000])
def test_what_is_no_bundle_is_refused(laboratory: Caller, raw: bytes) -> None:
    answer = laboratory.request(
        "POST", "/api/v1/lab/reports", data=raw, content_type="application/json"
    )
    assert answer.status_code in (400, 422)
    assert answer.mimetype == "application/problem+json"


def test_numbers_of_a_bundle_keep_their_digits(clinic: SmallClinic, laboratory: Caller) -> None:
    raw = json.dumps(bundle(clinic)).replace("4.2", "4.20")
    laboratory.request(
        "POST", "/api/v1/lab/reports", data=raw.encode(), content_type="application/json"
    )
    assert rows("SELECT number::text FROM observation")[0][0] == "4.20"


def test_a_bundle_of_a_patient_nobody_knows_waits(clinic: SmallClinic, laboratory: Caller) -> None:
    document = bundle(clinic)
    document["entry"][0]["resource"]["identifier"][0]["value"] = "MRN-9999"
    [item] = send(laboratory, document).json["items"]
    assert (item["outcome"], item["reason"]) == ("reconciling", "patient_unknown")
    assert len(cases()) == 1
