"""Delegations for tests: given at once, by the database, to a patient or to a new delegate."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.core.actor import WORKER, AccessCategory, Actor, ActorKind
from portal.core.clock import local_day, utcnow
from portal.core.db import transaction
from portal.core.ids import new_id
from portal.patients.delegation_model import Delegate, Delegation
from portal.patients.model import Patient
from tests.support.api import Caller
from tests.support.clinic import ZONE, add

EVERYTHING = tuple(category.value for category in AccessCategory)


def today(zone: str = ZONE) -> date:
    """The clinic's day by the real clock, which the API and the database go by."""
    return local_day(utcnow(), zone)


def new_person(name: str = "Robin Other") -> UUID:
    """Somebody who has no record of their own."""
    person = Delegate(id=new_id(), name=name, created_at=utcnow())
    add(person)
    return person.id


def give(
    patient: Patient,
    person_id: UUID,
    *,
    categories: Collection[str] = EVERYTHING,
    person_kind: str = "delegate",
    **changes: Any,
) -> Delegation:
    """A delegation that was given and accepted, from today on; `changes` override its columns."""
    now = utcnow()
    values: dict[str, Any] = {
        "id": new_id(),
        "patient_id": patient.id,
        "delegate_id": person_id,
        "delegate_kind": person_kind,
        "delegate_name": "Robin Other",
        "email": f"{new_id().hex}@example.org",
        "kind": "granted",
        "relationship": "spouse",
        "status": "accepted",
        "categories": sorted(categories),
        "starts_on": today() - timedelta(days=10),
        "ends_on": None,
        "notify": True,
        "offered_at": now,
        "offered_by": patient.id,
        "version": 1,
        **changes,
    }
    if values["status"] == "revoked":
        values.setdefault("revoked_at", now)
    row = Delegation(**values)
    add(row)
    return row


def acting(person_id: UUID, patient: Patient) -> Actor:
    """A delegate as they are recognised now: what they may have is for the database to find."""
    with transaction(WORKER) as session:
        categories = session.execute(
            text("SELECT careloop_delegated_categories(:person, :patient, now())"),
            {"person": person_id, "patient": patient.id},
        ).scalar_one()
    return Actor(
        ActorKind.DELEGATE,
        person_id,
        credential_id=new_id(),
        session_id=new_id(),
        on_behalf_of=patient.id,
        categories=frozenset(categories),
    )


@contextmanager
def reading_as(reader: Actor) -> Iterator[Session]:
    """What the row policies alone show somebody, also one whom transaction() would turn away."""
    with transaction(WORKER) as session:
        session.execute(text(f"SET LOCAL ROLE {reader.kind.database_role}"))
        for name, value in (("actor_id", reader.id), ("on_behalf_of", reader.on_behalf_of)):
            session.execute(text(f"SET LOCAL careloop.{name} = '{value}'"))
        yield session


def acting_for(patient: Patient, sign: Callable[..., Caller], *categories: str) -> Caller:
    """Somebody without a record, signed in and acting for a patient in these categories alone."""
    person = new_person()
    give(patient, person, categories=categories)
    return sign(ActorKind.DELEGATE, person, "Robin Other").acting_for(patient.id)


def born_years_ago(years: int, *, zone: str = ZONE, days_later: int = 0) -> date:
    """The birth date of who has their birthday of so many years today, or some days later."""
    day = today(zone) + timedelta(days=days_later)
    if (day.month, day.day) == (2, 29):  # the next day is the birthday in other years
        day += timedelta(days=1)
    return day.replace(year=day.year - years)
