"""Whether somebody has a record already: the same name and birth date, or a number of theirs."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit, db
from portal.core.actor import Actor
from portal.patients import queries
from portal.patients.errors import PossibleDuplicate
from portal.patients.identity import name_words
from portal.patients.model import Patient


def check_new_person(
    session: Session,
    *,
    given_name: str,
    family_name: str,
    birth_date: date,
    mrn: str,
    itself: UUID | None = None,
) -> None:
    """Raises PossibleDuplicate naming the records that may be the same person's.

    Of two that are registered at once the second sees the first: whoever asks holds the birth date
    until they commit.
    """
    db.lock(session, [f"born:{birth_date}"])
    words = name_words(given_name, family_name)
    found = {
        row.patient_id
        for row in queries.born_on(session, birth_date)
        if name_words(row.given_name, row.family_name) == words
    }
    found.update(queries.formerly_of(session, mrn))
    found.discard(itself)
    if found:
        raise _possible(session, found)


def _possible(session: Session, found: Iterable[UUID]) -> PossibleDuplicate:
    """The candidates that the actor may see are named, the others counted."""
    seen = [patient for id_ in sorted(found) if (patient := session.get(Patient, id_)) is not None]
    hidden = len(set(found)) - len(seen)
    return PossibleDuplicate(candidates=[_candidate(one) for one in seen], hidden=hidden)


def _candidate(patient: Patient) -> dict[str, Any]:
    return {
        "id": str(patient.id),
        "mrn": patient.mrn,
        "given_name": patient.given_name,
        "family_name": patient.family_name,
        "birth_date": patient.birth_date.isoformat(),
        "clinic_id": str(patient.clinic_id),
    }


@contextmanager
def telling_of_duplicates(actor: Actor, now: datetime) -> Iterator[None]:
    """Around a transaction that may end with PossibleDuplicate: whose data were shown by it is
    audited in a transaction of its own, since nothing else of the first is kept."""
    try:
        yield
    except PossibleDuplicate as found:
        with db.transaction(actor) as session:
            for one in found.candidates:
                id_ = UUID(one["id"])
                audit.record(
                    session, actor, "search", "patient", patient_id=id_, resource_id=id_, at=now
                )
        raise
