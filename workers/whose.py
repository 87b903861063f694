"""Who answers for a patient, where a thing of theirs has no owner of its own."""

from uuid import UUID

from sqlalchemy.orm import Session

from portal.directory import service as directory
from portal.directory.model import PoolKind
from portal.patients import service as patients


def who_answers(
    session: Session, patient_id: UUID, asked_id: UUID | None = None
) -> tuple[UUID | None, UUID]:
    """The practitioner `asked_id`, else the patient's primary one, with their pool; without one the
    pool of the clinic's staff."""
    asked = asked_id or patients.primary_of(session, patient_id)
    if asked is not None:
        return asked, directory.get_practitioner(session, asked).pool_id
    clinic_id = patients.clinic_of(session, patient_id)
    return None, directory.pool_of(session, clinic_id, PoolKind.CLINIC_STAFF)
