"""The same medicine twice: whoever adds a standing prescription has seen the others of it.

Every way to one asks the same question, while no other way for the patient can be gone: writing,
approving a renewal, resuming. What a merge brings together nobody was asked about: it becomes an
item of who wrote the later one.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import audit, db
from portal.core.actor import WORKER, Actor
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.prescriptions import queries
from portal.prescriptions.errors import DuplicateTherapy
from portal.prescriptions.model import DuplicateConfirmation, Prescription
from portal.worklist import rules as due_times
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind


@dataclass(frozen=True, slots=True)
class ConfirmedDuplicates:
    """Which of the patient's prescriptions may stand beside the new one, and why."""

    prescription_ids: frozenset[UUID]
    reason: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two standing prescriptions with one ingredient: the later, who wrote it, and the other."""

    id: UUID
    other_id: UUID
    prescriber_id: UUID


def hold_therapies(session: Session, patient_id: UUID) -> None:
    """Until the transaction ends nobody else makes a prescription of the patient's stand. Comes
    before every row that is locked."""
    db.lock(session, [f"therapies of {patient_id}"])


def check_duplicates(
    session: Session,
    *,
    patient_id: UUID,
    rxnorm_code: str,
    ingredients: Collection[str],
    today: date,
    confirmed: ConfirmedDuplicates | None,
    besides: Collection[UUID] = (),
) -> list[UUID]:
    """The patient's other standing prescriptions of the same medicine, all of them confirmed; those
    of hold_therapies(), and by local days. `besides` are itself and what it renews.

    Raises DuplicateTherapy naming every one where one isn't confirmed.
    """
    found = queries.standing_of_the_same(
        session,
        patient_id,
        rxnorm_code=rxnorm_code,
        ingredients=ingredients,
        today=today,
        besides=besides,
    )
    may_stand = confirmed.prescription_ids if confirmed else frozenset()
    if any(row.id not in may_stand for row in found):
        raise DuplicateTherapy(patient_id=patient_id, duplicates=[_view(row) for row in found])
    return [row.id for row in found]


def _view(row: Any) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "drug": {"name": row.drug_name, "strength": row.strength, "form": row.form},
        "status": row.status,
        "prescriber": {"id": str(row.prescriber_id), "name": row.prescriber_name},
        "written_on": row.written_on.isoformat(),
        "expires_on": row.expires_on.isoformat(),
        "last_filled_on": row.last_filled_on.isoformat() if row.last_filled_on else None,
        "link": f"/api/v1/prescriptions/{row.id}",
    }


def keep_confirmed(
    session: Session,
    actor: Actor,
    prescription: Prescription,
    found: Sequence[UUID],
    confirmed: ConfirmedDuplicates | None,
    now: datetime,
) -> None:
    """Keep with a prescription why it stands beside those that check_duplicates() found."""
    if confirmed is None or not found:
        return
    session.add_all(
        DuplicateConfirmation(
            id=new_id(),
            patient_id=prescription.patient_id,
            prescription_id=prescription.id,
            other_id=other_id,
            reason=confirmed.reason,
            at=now,
            actor_id=actor.id,
        )
        for other_id in found
    )
    session.flush()
    for id_ in (prescription.id, *found):
        _audit(session, actor, "confirm_duplicate", prescription.patient_id, id_, now)
    follow_duplicates(session, prescription.patient_id, now, actor=actor)


def duplicate_therapies(session: Session, patient_id: UUID, now: datetime) -> list[Pair]:
    """Each two of a patient's standing prescriptions that have an ingredient in common, and nobody
    confirmed that both are meant."""
    rows = queries.unconfirmed_pairs(session, patient_id, now)
    return [Pair(row.id, row.other_id, row.prescriber_id) for row in rows]


def confirmed_beside(session: Session, prescription_id: UUID) -> list[dict[str, Any]]:
    """Beside which others of the same medicine a prescription stands, who confirmed it and why."""
    return [
        {
            "prescription_id": row.other_id
            if row.prescription_id == prescription_id
            else row.prescription_id,
            "reason": row.reason,
            "confirmed_by": row.confirmed_by,
            "confirmed_at": row.at,
        }
        for row in queries.confirmations(session, prescription_id)
    ]


def follow_duplicates(
    session: Session, patient_id: UUID, now: datetime, *, actor: Actor = WORKER
) -> None:
    """Have somebody decide about each two that came together unasked: an item of who wrote the
    later one, until one of them is stopped or both are confirmed. Twice is the same as once."""
    pairs = {pair.id: pair for pair in duplicate_therapies(session, patient_id, now)}
    asked = worklist.open_subjects(session, WorkItemKind.DUPLICATE_THERAPY, patient_id)
    for subject_id in set(asked) - pairs.keys():
        worklist.close_item(
            session=session,
            actor=actor,
            kind=WorkItemKind.DUPLICATE_THERAPY,
            subject_id=subject_id,
            outcome="decided",
            now=now,
        )
    for pair in [pairs[id_] for id_ in pairs.keys() - set(asked)]:
        _ask(session, actor, patient_id, pair, now)


def _ask(session: Session, actor: Actor, patient_id: UUID, pair: Pair, now: datetime) -> None:
    prescriber = directory.get_practitioner(session, pair.prescriber_id)
    calendar = directory.calendar_of(session, prescriber.clinic_id)
    worklist.open_item(
        session=session,
        actor=actor,
        kind=WorkItemKind.DUPLICATE_THERAPY,
        subject_id=pair.id,
        patient_id=patient_id,
        responsible_id=prescriber.id,
        pool_id=prescriber.pool_id,
        priority=Priority.URGENT,
        due_at=due_times.due_at(calendar, Priority.URGENT, now),
        now=now,
    )


@contextmanager
def telling_of_duplicates(actor: Actor, now: datetime) -> Iterator[None]:
    """Around a transaction that may end with DuplicateTherapy: that these were shown is audited in
    a transaction of its own, since nothing else of the first is kept."""
    try:
        yield
    except DuplicateTherapy as found:
        with db.transaction(actor) as session:
            for one in found.duplicates:
                _audit(session, actor, "read", found.patient_id, UUID(one["id"]), now)
        raise


def _audit(
    session: Session, actor: Actor, action: str, patient_id: UUID, id_: UUID, now: datetime
) -> None:
    audit.record(
        session, actor, action, "prescription", patient_id=patient_id, resource_id=id_, at=now
    )
