"""Use cases of patients' own data and of those who care for them."""

from uuid import UUID

from sqlalchemy.orm import Session

from portal.patients.errors import PatientUnknown
from portal.patients.model import Patient


def get_patient(session: Session, id_: UUID) -> Patient:
    """For the other slices, which audit what they do. Raises PatientUnknown."""
    found = session.get(Patient, id_)
    if found is None:
        raise PatientUnknown()
    return found
