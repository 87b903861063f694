"""What the tests of visits share: visits in each status, what to write, and rows as they stand."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from portal.core.actor import OPERATOR, WORKER
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.visits.model import Visit
from portal.visits.summary_model import VisitInstruction
from portal.worklist.model import WorkItem
from tests.support.api import Caller
from tests.support.clinic import SmallClinic

WEIGHT, HEIGHT, BMI = "29463-7", "8302-2", "39156-5"
PRESSURE, PULSE, TEMPERATURE = "85354-9", "8867-4", "8310-5"


def plan(who: Caller, clinic: SmallClinic, **changes: Any) -> UUID:
    """A visit of the first patient with the physician, in three days unless said."""
    body = {
        "patient_id": str(clinic.patient.id),
        "practitioner_id": str(clinic.physician.id),
        "kind": "office",
        "reason": "Blood pressure check",
        "starts_at": in_days(3),
        **changes,
    }
    answer = who.post("/visits", body)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json["id"])


def in_days(days: float) -> str:
    return (utcnow() + timedelta(days=days)).isoformat()


def step(who: Caller, visit_id: UUID, name: str, **body: Any) -> Any:
    answer = who.post(f"/visits/{visit_id}/{name}", body)
    assert answer.status_code == 200, answer.text
    return answer.json


@pytest.fixture
def planned(physician: Caller, clinic: SmallClinic) -> UUID:
    return plan(physician, clinic)


@pytest.fixture
def going_on(physician: Caller, clinic: SmallClinic) -> UUID:
    """A visit that has begun."""
    visit_id = plan(physician, clinic, starts_at=None)
    step(physician, visit_id, "start")
    return visit_id


@pytest.fixture
def held(physician: Caller, going_on: UUID) -> UUID:
    """A visit that is over."""
    step(physician, going_on, "finish")
    return going_on


def measure(who: Caller, visit_id: UUID, *items: dict[str, Any]) -> Any:
    return who.post(f"/visits/{visit_id}/vitals", {"vitals": list(items)})


def pressure(systolic: float = 128, diastolic: float = 82, **changes: Any) -> dict[str, Any]:
    return {
        "code": PRESSURE,
        "systolic": systolic,
        "diastolic": diastolic,
        "unit": "mm[Hg]",
        **changes,
    }


def value(code: str, number: float, unit: str, **changes: Any) -> dict[str, Any]:
    return {"code": code, "value": number, "unit": unit, **changes}


def written(*instructions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What a practitioner writes."""
    return {
        "reason": "Blood pressure check",
        "found": "Your blood pressure is still a little high.",
        "instructions": list(instructions),
        **changes,
    }


def write(who: Caller, visit_id: UUID, body: dict[str, Any], **kwargs: Any) -> Any:
    return who.put(f"/visits/{visit_id}/summary", body, **kwargs)


def release(who: Caller, visit_id: UUID, amendment: str | None = None, **kwargs: Any) -> Any:
    body = {} if amendment is None else {"amendment": amendment}
    return who.post(f"/visits/{visit_id}/summary/release", body, **kwargs)


def released(who: Caller, visit_id: UUID, *instructions: dict[str, Any], **changes: Any) -> Any:
    """The summary as it was released."""
    answer = write(who, visit_id, written(*instructions, **changes))
    assert answer.status_code == 200, answer.text
    answer = release(who, visit_id)
    assert answer.status_code == 200, answer.text
    return answer.json


def add_problem(who: Caller, clinic: SmallClinic, **changes: Any) -> Any:
    return who.post(
        "/problems",
        {
            "patient_id": str(clinic.patient.id),
            "code": "I10",
            "text": "Essential hypertension",
            **changes,
        },
    )


def load(id_: UUID, model: type[Any] = Visit) -> Any:
    """A row as it stands in the database."""
    with transaction(OPERATOR) as session:
        return session.get_one(model, id_)


def instruction(visit_id: UUID) -> VisitInstruction:
    """The one instruction of a visit."""
    with transaction(OPERATOR) as session:
        query = select(VisitInstruction).where(VisitInstruction.visit_id == visit_id)
        return session.scalars(query).one()


def set_row(table: str, id_: UUID, **values: Any) -> None:
    """Put columns of a row to what they would be after time has passed."""
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    with transaction(OPERATOR) as session:
        session.execute(
            text(f"UPDATE {table} SET {assignments} WHERE id = :id"), {**values, "id": id_}
        )


def items(kind: str | None = None) -> list[WorkItem]:
    with transaction(OPERATOR) as session:
        rows = session.scalars(select(WorkItem).order_by(WorkItem.id))
        return [row for row in rows if kind in (None, row.kind)]


def told() -> list[str]:
    """What patients were told of, in order."""
    with transaction(OPERATOR) as session:
        query = text("SELECT event FROM notification WHERE recipient_kind = 'patient' ORDER BY id")
        return list(session.scalars(query))


def as_worker(use_case: Any, **options: Any) -> Any:
    """Run a use case as the workers do."""
    with transaction(WORKER) as session:
        return use_case(session=session, **options)


def pointers(answer: Any) -> list[str]:
    return [error["pointer"] for error in answer.json["errors"]]


def ago(**span: float) -> datetime:
    return utcnow() - timedelta(**span)
