"""What the tests of requisitions share: callers, orders, and rows as they stand."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import Base, transaction
from portal.requisitions.laboratory_model import LaboratoryMessage
from portal.requisitions.model import Requisition
from portal.worklist.model import WorkItem
from tests.support.api import Caller
from tests.support.clinic import SmallClinic

CMP, CBC, LIPID, CT = "24323-8", "58410-2", "24331-1", "24627-2"
DIAGNOSIS = {"code": "E11.9", "text": "Type 2 diabetes mellitus"}


@pytest.fixture
def laboratory(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.LABORATORY, clinic.laboratory.id, clinic.laboratory.name)


@pytest.fixture
def other_laboratory(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.LABORATORY, clinic.other_laboratory.id)


@pytest.fixture
def radiology(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.LABORATORY, clinic.radiology.id, clinic.radiology.name)


def body(clinic: SmallClinic, *codes: str, **changes: Any) -> dict[str, Any]:
    """An order for the first patient: at the laboratory, or radiology for imaging."""
    place = clinic.radiology if CT in codes else clinic.laboratory
    return {
        "patient_id": str(clinic.patient.id),
        "laboratory_id": str(place.id),
        "tests": [{"code": code} for code in codes or (CMP,)],
        "diagnoses": [DIAGNOSIS],
        **changes,
    }


def order(physician: Caller, clinic: SmallClinic, *codes: str, **changes: Any) -> list[UUID]:
    answer = physician.post("/requisitions", body(clinic, *codes, **changes))
    assert answer.status_code == 201, answer.text
    return [UUID(item["id"]) for item in answer.json["items"]]


@pytest.fixture
def ordered(physician: Caller, clinic: SmallClinic) -> UUID:
    """A placed order for a laboratory test."""
    return order(physician, clinic)[0]


@pytest.fixture
def scan(physician: Caller, clinic: SmallClinic) -> UUID:
    """A placed order for a chest CT."""
    return order(physician, clinic, CT)[0]


def load(id_: UUID) -> Requisition:
    """A requisition as it stands in the database."""
    with transaction(OPERATOR) as session:
        return session.get_one(Requisition, id_)


def rows(model: type[Any], **where: Any) -> list[Any]:
    with transaction(OPERATOR) as session:
        return list(session.scalars(select(model).filter_by(**where).order_by(model.id)))


def change(row: Base, **columns: Any) -> None:
    """Put a row into a state that time, or somebody else, would have brought about."""
    with transaction(OPERATOR) as session:
        there = session.merge(row)
        for name, value in columns.items():
            setattr(there, name, value)


def messages(requisition_id: UUID) -> list[LaboratoryMessage]:
    return rows(LaboratoryMessage, requisition_id=requisition_id)


def sent(requisition_id: UUID) -> list[tuple[UUID, str, str]]:
    return [(one.laboratory_id, one.kind, one.status) for one in messages(requisition_id)]


def items(kind: str | None = None) -> list[WorkItem]:
    return rows(WorkItem, **({} if kind is None else {"kind": kind}))


def told() -> list[str]:
    """What the patients were told of, in order."""
    with transaction(OPERATOR) as session:
        query = text("SELECT event FROM notification WHERE recipient_kind = 'patient' ORDER BY id")
        return list(session.scalars(query))


def offer(
    radiology: Caller, *starts: datetime, room: str = "CT 1", modality: str = "CT"
) -> list[UUID]:
    """Times of half an hour each."""
    slots = [
        {
            "modality": modality,
            "room": room,
            "starts_at": start.isoformat(),
            "ends_at": (start + timedelta(minutes=30)).isoformat(),
        }
        for start in starts
    ]
    answer = radiology.post("/imaging/slots", {"slots": slots})
    assert answer.status_code == 201, answer.text
    return [UUID(item["id"]) for item in answer.json["items"]]


def in_days(days: int, hour: int = 10) -> datetime:
    day = utcnow() + timedelta(days=days)
    return day.replace(hour=hour, minute=0, second=0, microsecond=0)


def statuses(timeline: Any) -> list[str]:
    return [step["status"] for step in timeline["history"]]


def pointers(answer: Any) -> Sequence[str]:
    return [error["pointer"] for error in answer.json["errors"]]
