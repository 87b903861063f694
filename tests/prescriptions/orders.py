"""Bodies of prescriptions, and of what confirms those of the same medicine."""

from typing import Any

from tests.support.clinic import SmallClinic

WHY = "10 mg and 5 mg together make 15 mg a day"


def order(clinic: SmallClinic, name: str = "Lisinopril", **changes: Any) -> dict[str, Any]:
    drug = {"rxnorm_code": "104377", "name": name, "strength": "5 mg", "form": "tablet"}
    return {
        "patient_id": str(clinic.patient.id),
        "drug": {**drug, **changes.pop("drug", {})},
        "directions": "One tablet a day.",
        "quantity": 30,
        "unit": "{tbl}",
        "days_supply": 30,
        "refills_authorized": 3,
        **changes,
    }


def confirming(*ids: Any) -> dict[str, Any]:
    return {"confirmed_duplicates": {"prescription_ids": [str(id_) for id_ in ids], "reason": WHY}}
