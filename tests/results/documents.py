"""FHIR documents to send: a good bundle, to be spoilt."""

import base64
from typing import Any

PDF = base64.b64encode(b"%PDF-1.7 a report").decode()
V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
V2_0074 = "http://terminology.hl7.org/CodeSystem/v2-0074"


def loinc(code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://loinc.org", "code": code, "display": display}]}


def section(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def grams(value: Any, unit: str = "mg/dL") -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def numbered(kind: str, value: str) -> dict[str, Any]:
    return {"type": {"coding": [{"system": V2_0203, "code": kind}]}, "value": value}


def bundle(observation: dict[str, Any] | None = None, **report: Any) -> dict[str, Any]:
    """A bundle with a patient, an order, an observation and the report at /entry/3."""
    resources: list[tuple[str, dict[str, Any]]] = [
        (
            "urn:uuid:p",
            {
                "resourceType": "Patient",
                "identifier": [{**numbered("MR", "MRN-1"), "system": "urn:clinic"}],
                "name": [
                    {"use": "nickname", "family": "Nick"},
                    {"use": "official", "family": "Testpatient", "given": ["Avery", "B"]},
                ],
                "birthDate": "1980-04-15",
                "gender": "female",
            },
        ),
        (
            "urn:uuid:s",
            {
                "resourceType": "ServiceRequest",
                "identifier": [numbered("PLAC", "ORD-1")],
                "requester": {
                    "identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "123"}
                },
            },
        ),
        (
            "urn:uuid:o",
            {
                "resourceType": "Observation",
                "status": "final",
                "code": loinc("2345-7", "Glucose"),
                "subject": {"reference": "urn:uuid:p"},
                **({"valueQuantity": grams(95)} if observation is None else observation),
            },
        ),
        (
            "urn:uuid:r",
            {
                "resourceType": "DiagnosticReport",
                "identifier": [numbered("FILL", "F-1")],
                "basedOn": [{"reference": "urn:uuid:s"}],
                "status": "final",
                "code": loinc("51990-0", "Basic metabolic panel"),
                "subject": {"reference": "urn:uuid:p"},
                "result": [{"reference": "urn:uuid:o"}],
                **report,
            },
        ),
    ]
    entries = [{"fullUrl": url, "resource": resource} for url, resource in resources]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
