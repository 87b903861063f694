"""Who answers for a patient, where something of theirs has no owner who cares for them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.directory import service as directory
from portal.directory.errors import NoPool

_WHO_ANSWERS = text(
    """
    SELECT p.id AS patient_id, theirs.id AS practitioner_id,
           coalesce(theirs.pool_id, here.id) AS pool_id
    FROM patient p
    LEFT JOIN LATERAL (
        SELECT pr.id, pr.pool_id FROM care_team_member c
        JOIN practitioner pr ON pr.id = c.member_id AND pr.active
        WHERE c.patient_id = p.id AND c.role = 'primary' AND c.ended_on IS NULL LIMIT 1
    ) theirs ON true
    LEFT JOIN LATERAL (
        SELECT n.id FROM pool n WHERE n.clinic_id = p.clinic_id
        ORDER BY n.kind = 'clinic_staff' DESC, n.id LIMIT 1
    ) here ON theirs.id IS NULL
    WHERE p.id = ANY(:ids)
    """
)


@dataclass(frozen=True, slots=True)
class Owner:
    """A practitioner with their team; a team alone where no practitioner answers."""

    practitioner_id: UUID | None
    pool_id: UUID


def who_answers(session: Session, patient_ids: Collection[UUID]) -> Mapping[UUID, Owner]:
    """Each patient's primary practitioner who is at work, else the staff of their clinic; nobody
    where that has no team."""
    rows = session.execute(_WHO_ANSWERS, {"ids": list(patient_ids)}).all()
    return {row.patient_id: Owner(row.practitioner_id, row.pool_id) for row in rows if row.pool_id}


def owner_for(session: Session, patient_id: UUID, asked_id: UUID | None = None) -> Owner:
    """The practitioner `asked_id`, else who answers for the patient. Raises NoPool."""
    if asked_id is not None:
        return Owner(asked_id, directory.get_practitioner(session, asked_id).pool_id)
    found = who_answers(session, [patient_id]).get(patient_id)
    if found is None:
        raise NoPool()
    return found
