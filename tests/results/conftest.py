"""What the tests of results share: orders that are at the laboratory."""

from datetime import timedelta
from typing import Any

from portal.core.clock import utcnow
from portal.core.ids import new_id
from portal.requisitions.model import Requisition
from tests.support.clinic import SmallClinic, add


def order(clinic: SmallClinic, **changes: Any) -> Requisition:
    """A requisition of the first patient that the laboratory has; `changes` override columns."""
    now = utcnow()
    values: dict[str, Any] = {
        "id": new_id(),
        "placer_number": f"ORD-{new_id().hex[-8:]}",
        "group_number": "G-1",
        "patient_id": clinic.patient.id,
        "orderer_id": clinic.physician.id,
        "laboratory_id": clinic.laboratory.id,
        "kind": "laboratory",
        "test_code": "24323-8",
        "test_name": "Comprehensive metabolic 2000 panel",
        "status": "sent",
        "priority": "routine",
        "diagnoses": [],
        "fasting": False,
        "ordered_at": now,
        "status_at": now,
        "collect_by": now + timedelta(days=30),
        "expected_by": now + timedelta(days=30),
        **changes,
    }
    row = Requisition(**values)
    add(row)
    return row
