"""What the tests of referrals share: people, referrals on their way, and rows as they stand."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from portal.core import loops
from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.directory.model import Coverage, Pool, PoolMember, Practitioner, StaffMember
from portal.referrals.model import Referral
from portal.worklist.model import WorkItem
from tests.support.api import Answer, Caller
from tests.support.clinic import SmallClinic, add, practitioner
from tests.support.work import drain

OUTSIDE = {"name": "Dr. Maya Feld", "organization": "Harbor Heart", "phone": "555-0150"}


@pytest.fixture
def cardiologist(clinic: SmallClinic) -> Practitioner:
    """A specialist of ours with a team of their own, who cares for nobody yet."""
    hearts = Pool(id=UUID(int=77), clinic_id=clinic.clinic.id, kind="clinic_staff", name="Desk")
    doctor = practitioner(clinic.clinic, hearts, "Dr. Rosa Amado")
    doctor.specialty = "Cardiology"
    clerk = StaffMember(id=UUID(int=78), clinic_id=clinic.clinic.id, name="Cleo Ray", title="Desk")
    members = [
        PoolMember(pool_id=hearts.id, member_id=doctor.id, member_kind="practitioner"),
        PoolMember(pool_id=hearts.id, member_id=clerk.id, member_kind="staff", lead=True),
    ]
    add(hearts, doctor, clerk, *members)
    return doctor


@pytest.fixture
def specialist(cardiologist: Practitioner, caller: Callable[..., Caller]) -> Caller:
    return caller(ActorKind.PRACTITIONER, cardiologist.id, cardiologist.name)


@pytest.fixture
def clerk(cardiologist: Practitioner, caller: Callable[..., Caller]) -> Caller:
    """The staff who arrange appointments."""
    assert cardiologist.active
    return caller(ActorKind.STAFF, UUID(int=78), "Cleo Ray")


def body(clinic: SmallClinic, addressee: Practitioner | None, /, **changes: Any) -> dict[str, Any]:
    """A referral of the first patient to cardiology: to one of ours, or to somebody elsewhere."""
    return {
        "patient_id": str(clinic.patient.id),
        "specialty": "Cardiology",
        "to": {"specialist_id": str(addressee.id)} if addressee else {"outside": OUTSIDE},
        "reason": "Chest pain on exertion: is an angiography needed?",
        **changes,
    }


def done(answer: Answer) -> Any:
    """What a call that succeeded gave."""
    assert answer.status_code in (200, 201), answer.text
    return answer.json


def refer(physician: Caller, clinic: SmallClinic, to: Practitioner | None, **changes: Any) -> str:
    made = done(physician.post("/referrals", body(clinic, to, **changes)))
    drain()
    return str(made["id"])


def step(caller: Caller, referral: str, call: str, **members: Any) -> Any:
    """Make a step that succeeds, and have the workers follow it."""
    seen = done(caller.post(f"/referrals/{referral}/{call}", members))
    drain()
    return seen


@pytest.fixture
def requested(physician: Caller, clinic: SmallClinic, cardiologist: Practitioner) -> str:
    return refer(physician, clinic, cardiologist)


@pytest.fixture
def accepted(requested: str, specialist: Caller) -> str:
    step(specialist, requested, "accept")
    return requested


@pytest.fixture
def scheduled(accepted: str, clerk: Caller) -> str:
    step(clerk, accepted, "appointment", starts_at=in_days(5), place="Harbor Heart")
    return accepted


def cover(away: Practitioner, by: Practitioner) -> None:
    """One is away for a day, and the other answers for them."""
    now = utcnow()
    add(
        Coverage(
            id=new_id(),
            practitioner_id=away.id,
            covering_id=by.id,
            starts_at=now - timedelta(hours=1),
            ends_at=now + timedelta(days=1),
            reason="leave",
            created_by=away.id,
            created_at=now,
        )
    )


def in_days(days: float) -> str:
    return (utcnow() + timedelta(days=days)).isoformat()


def load(id_: str) -> Referral:
    """A referral as it stands in the database."""
    with transaction(OPERATOR) as session:
        return session.get_one(Referral, UUID(id_))


def change(id_: str, **columns: Any) -> None:
    """Put a referral into a state that time would have brought about."""
    with transaction(OPERATOR) as session:
        row = session.get_one(Referral, UUID(id_))
        for name, value in columns.items():
            setattr(row, name, value)


def appointment_passes(id_: str, ago: timedelta = timedelta(days=2)) -> None:
    change(id_, appointment_at=utcnow() - ago)


def items(id_: str) -> list[WorkItem]:
    """The open work items about a referral."""
    with transaction(OPERATOR) as session:
        query = select(WorkItem).where(
            WorkItem.subject_id == UUID(id_), WorkItem.status.in_(["open", "claimed"])
        )
        return list(session.scalars(query.order_by(WorkItem.created_at)))


def open_kinds(id_: str) -> list[str]:
    return [item.kind for item in items(id_)]


def told(person: UUID) -> list[str]:
    """What somebody was told of referrals, in order."""
    with transaction(OPERATOR) as session:
        query = text(
            "SELECT event FROM notification WHERE recipient_id = :id "
            "AND event LIKE 'referral%' ORDER BY id"
        )
        return list(session.scalars(query, {"id": person}))


def kept_promise(now: datetime | None = None) -> None:
    """Nothing breaks a rule of the promise."""
    with transaction(OPERATOR) as session:
        assert loops.check(session, now=now or utcnow()) == []
