"""What the tests of messages share: callers, threads, and looks at what became of them."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from portal.core import loops
from portal.core.actor import OPERATOR, ActorKind
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.directory.model import Coverage, PoolMember, Practitioner, StaffMember
from portal.messages.model import Message, Thread
from portal.notifications.model import Notification
from portal.worklist.model import WorkItem
from tests.patients.delegates import give, new_person
from tests.support.api import Caller
from tests.support.clinic import SmallClinic, add

SignIn = Callable[..., Caller]
MARIA, JO = "Maria Ruiz", "Jo Secret"
ALARMING = "I have had chest pain since this morning."


@pytest.fixture
def other_nurse(clinic: SmallClinic, caller: SignIn) -> Caller:
    """A second member of the nurses' team."""
    row = StaffMember(id=new_id(), clinic_id=clinic.clinic.id, name="Sam Ortiz", title="RN")
    add(row, PoolMember(pool_id=clinic.nurses.id, member_id=row.id, member_kind="staff"))
    return caller(ActorKind.STAFF, row.id, row.name)


def new_thread(clinic: SmallClinic, **changes: Any) -> dict[str, Any]:
    """A patient's new thread to the nurses, as it is posted."""
    return {
        "to": {"pool_id": str(clinic.nurses.id)},
        "category": "medication",
        "subject": "My new tablets",
        "body": "May I take both tablets together?",
        **changes,
    }


def to_physician(clinic: SmallClinic, **changes: Any) -> dict[str, Any]:
    """The same to the patient's own practitioner."""
    return new_thread(clinic, to={"practitioner_id": str(clinic.physician.id)}, **changes)


def started(patient: Caller, body: dict[str, Any]) -> UUID:
    answer = patient.post("/threads", body)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json["id"])


@pytest.fixture
def asked(clinic: SmallClinic, patient: Caller) -> UUID:
    """A thread of the first patient that waits for the nurses."""
    return started(patient, new_thread(clinic))


def opened(who: Caller, thread_id: UUID) -> dict[str, Any]:
    answer = who.get(f"/threads/{thread_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def bodies(who: Caller, thread_id: UUID) -> list[str]:
    """What somebody reads in a thread, oldest first."""
    return [message["body"] for message in reversed(opened(who, thread_id)["messages"])]


def write(who: Caller, thread_id: UUID, body: str, **more: Any) -> Any:
    return who.post(f"/threads/{thread_id}/messages", {"body": body, **more})


def answer(who: Caller, thread_id: UUID, body: str = "Yes, you may.", **more: Any) -> Any:
    """An answer by somebody who has read the thread to its end."""
    seen = opened(who, thread_id)["messages"][0]["id"]
    return write(who, thread_id, body, last_seen_message_id=seen, **more)


def close(who: Caller, thread_id: UUID | str, reason: str = "answered", **more: Any) -> Any:
    """Close a thread, by somebody who knows all that was written in it."""
    body = {"reason": reason, "last_seen_message_id": str(messages(thread_id)[-1].id)}
    return who.post(f"/threads/{thread_id}/close", body, **more)


def thread(thread_id: UUID) -> Thread:
    with transaction(OPERATOR) as session:
        return session.get_one(Thread, thread_id)


def messages(thread_id: UUID | str) -> Sequence[Message]:
    with transaction(OPERATOR) as session:
        query = select(Message).where(Message.thread_id == thread_id).order_by(Message.sent_at)
        return session.scalars(query).all()


def items(subject_id: UUID) -> Sequence[WorkItem]:
    """The work items about a thread or a call, in the order in which they were opened."""
    with transaction(OPERATOR) as session:
        query = select(WorkItem).where(WorkItem.subject_id == subject_id).order_by(WorkItem.id)
        return session.scalars(query).all()


def open_items(subject_id: UUID) -> list[WorkItem]:
    return [item for item in items(subject_id) if item.closed_at is None]


def told(person_id: UUID) -> list[str]:
    """What somebody was told, in order."""
    with transaction(OPERATOR) as session:
        query = select(Notification.event).where(Notification.recipient_id == person_id)
        return list(session.scalars(query.order_by(Notification.created_at, Notification.id)))


def broken(now: datetime | None = None) -> list[str]:
    """The rules of the promise that don't hold; without those of e-mails, which nobody takes."""
    with transaction(OPERATOR) as session:
        found = loops.check(session, now=now or utcnow() + timedelta(hours=1))
    return sorted(one.rule for one in found if not one.rule.startswith("an event"))


def away(who: Practitioner, covering: Practitioner) -> None:
    """Somebody is away from now on, and somebody covers."""
    now = utcnow()
    add(
        Coverage(
            id=new_id(),
            practitioner_id=who.id,
            covering_id=covering.id,
            starts_at=now - timedelta(hours=1),
            ends_at=now + timedelta(days=7),
            reason="Leave",
            created_by=who.id,
            created_at=now,
        )
    )


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


@pytest.fixture
def maria_id(clinic: SmallClinic) -> UUID:
    """Somebody whom the first patient gave access to messages."""
    id_ = new_person(MARIA)
    give(clinic.patient, id_, categories=["messages"], delegate_name=MARIA)
    return id_


@pytest.fixture
def maria(clinic: SmallClinic, maria_id: UUID, caller: SignIn) -> Caller:
    return caller(ActorKind.DELEGATE, maria_id, MARIA).acting_for(clinic.patient.id)


@pytest.fixture
def jo(clinic: SmallClinic, caller: SignIn) -> Caller:
    """Somebody else with the same access."""
    id_ = new_person(JO)
    give(clinic.patient, id_, categories=["messages"], delegate_name=JO)
    return caller(ActorKind.DELEGATE, id_, JO).acting_for(clinic.patient.id)


def for_avery(clinic: SmallClinic, name: str | None) -> dict[str, Any]:
    return {"kind": "delegate", "name": name, "for": clinic.patient.name}
