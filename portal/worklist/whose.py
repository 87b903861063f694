"""Who answers for a patient, where something of theirs has no owner who cares for them."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from portal.directory import service as directory
from portal.directory.model import PoolKind
from portal.patients import service as patients


@dataclass(frozen=True, slots=True)
class Owner:
    """A practitioner with their team; a team alone where no practitioner answers."""

    practitioner_id: UUID | None
    pool_id: UUID


def who_answers(session: Session, patient_id: UUID, asked_id: UUID | None = None) -> Owner:
    """The practitioner `asked_id`, else the patient's primary one who is at work, with their team;
    without one the team of the clinic's staff. Raises PatientUnknown, NoPool."""
    asked = asked_id or patients.primary_of(session, patient_id)
    if asked is not None:
        return Owner(asked, directory.get_practitioner(session, asked).pool_id)
    clinic_id = patients.clinic_of(session, patient_id)
    return Owner(None, directory.pool_of(session, clinic_id, PoolKind.CLINIC_STAFF))
