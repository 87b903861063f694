"""What the tests of appointments share: times, offers, and rows as they stand."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text

from portal.appointments.model import Appointment, Slot
from portal.core import loops
from portal.core.actor import OPERATOR, WORKER, ActorKind
from portal.core.clock import utcnow
from portal.core.db import Base, transaction
from portal.worklist.model import WorkItem
from tests.support.api import Caller
from tests.support.clinic import ZONE, SmallClinic, add

VISIT = "office visit"


def in_days(days: int, hour: int = 10) -> datetime:
    """Some days ahead at a full hour, by the clock of the clinic."""
    there = ZoneInfo(ZONE)
    day: date = utcnow().astimezone(there).date() + timedelta(days=days)
    return datetime.combine(day, time(hour), tzinfo=there).astimezone(UTC)


def new_slot(start: datetime, minutes: int = 30, **changes: Any) -> dict[str, Any]:
    return {
        "service_type": VISIT,
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(minutes=minutes)).isoformat(),
        **changes,
    }


def open_slots(who: Caller, *starts: datetime, **changes: Any) -> list[UUID]:
    """Times of half an hour each."""
    slots = [new_slot(start, **changes) for start in starts]
    answer = who.post("/slots", {"slots": slots})
    assert answer.status_code == 201, answer.text
    return [UUID(item["id"]) for item in answer.json["items"]]


def book(who: Caller, slot_id: Any, **body: Any) -> Any:
    return who.post(f"/slots/{slot_id}/book", body)


def booked(who: Caller, slot_id: Any, **body: Any) -> str:
    answer = book(who, slot_id, **body)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def act(who: Caller, appointment_id: Any, what: str, **body: Any) -> Any:
    return who.post(f"/appointments/{appointment_id}/{what}", body)


def offer(who: Caller, clinic: SmallClinic, *slot_ids: Any, **changes: Any) -> Any:
    body = {"patient_id": str(clinic.patient.id), "slot_ids": [str(id_) for id_ in slot_ids]}
    return who.post("/appointments/offers", {**body, **changes})


def coming(who: Caller, query: str = "") -> list[str]:
    answer = who.get(f"/appointments?when=coming{query}")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json["items"]]


def free(who: Caller, query: str = "") -> list[str]:
    answer = who.get(f"/slots?limit=100{query}")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json["items"]]


def rows(model: type[Any], **where: Any) -> list[Any]:
    with transaction(OPERATOR) as session:
        return list(session.scalars(select(model).filter_by(**where).order_by(model.id)))


def load(id_: Any) -> Appointment:
    with transaction(OPERATOR) as session:
        return session.get_one(Appointment, UUID(str(id_)))


def change(row: Base, **columns: Any) -> None:
    """Put a row into a state that time, or somebody else, would have brought about."""
    with transaction(OPERATOR) as session:
        there = session.merge(row)
        for name, value in columns.items():
            setattr(there, name, value)


def began(appointment_id: Any, hours: float = 4) -> None:
    """Let so many hours pass since an appointment of half an hour began."""
    start = utcnow() - timedelta(hours=hours)
    change(load(appointment_id), starts_at=start, ends_at=start + timedelta(minutes=30))


def items(kind: str) -> list[WorkItem]:
    return rows(WorkItem, kind=kind)


def told(patient_id: UUID | None = None) -> list[str]:
    """What patients were told of appointments, in order."""
    query = text(
        "SELECT event FROM notification WHERE recipient_kind = 'patient' "
        "AND event LIKE 'appointment%' AND (CAST(:id AS uuid) IS NULL OR recipient_id = :id) "
        "ORDER BY created_at, id"
    )
    with transaction(OPERATOR) as session:
        return list(session.scalars(query, {"id": patient_id}))


def broken(now: datetime | None = None) -> set[str]:
    """The rules of the promise about appointments that are broken at a time."""
    with transaction(WORKER) as session:
        found = loops.check(session, now=now or utcnow() + timedelta(minutes=6))
    return {one.rule for one in found if "appointment" in one.rule}


@pytest.fixture
def other_patient(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.PATIENT, clinic.other_patient.id, "Blake")


@pytest.fixture
def slot(physician: Caller) -> UUID:
    """A time with the physician, in three days."""
    return open_slots(physician, in_days(3))[0]


@pytest.fixture
def appointment(patient: Caller, slot: UUID) -> str:
    """The first patient's, at that time."""
    return booked(patient, slot)


def past_slot(clinic: SmallClinic, start: datetime) -> Slot:
    """A time that nobody could open any more."""
    row = Slot(
        id=uuid4(),
        practitioner_id=clinic.physician.id,
        service_type=VISIT,
        resource=str(clinic.physician.id),
        starts_at=start,
        ends_at=start + timedelta(minutes=30),
    )
    add(row)
    return row


@pytest.fixture
def radiology(clinic: SmallClinic, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.LABORATORY, clinic.radiology.id, clinic.radiology.name)
