"""The SELECTs of corrections and of requests for them. Whose come back is decided by the
database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text, tuple_
from sqlalchemy.orm import Session

from portal.directory.model import StaffMember
from portal.patients.correction_model import CorrectionRequest, PatientCorrection
from portal.patients.correction_states import CorrectionRequestStatus
from portal.patients.model import Patient

_FOLLOW = text("SELECT careloop_follow_identity(:id)")
_SET_CLINIC = text("SELECT careloop_set_clinic(:id, :clinic_id)")


def corrections(
    session: Session, patient_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """A record's corrections with who made them, the newest first, one more than `limit`."""
    query = (
        select(*PatientCorrection.__table__.c, StaffMember.name.label("actor_name"))
        .outerjoin(StaffMember, StaffMember.id == PatientCorrection.actor_id)
        .where(PatientCorrection.patient_id == patient_id)
    )
    if after is not None:
        query = query.where(tuple_(PatientCorrection.at, PatientCorrection.id) < after)
    ordered = query.order_by(PatientCorrection.at.desc(), PatientCorrection.id.desc())
    return session.execute(ordered.limit(limit + 1)).all()


def requests(
    session: Session, patient_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[CorrectionRequest]:
    """What a patient asked to have corrected, the newest first, one more than `limit`."""
    query = select(CorrectionRequest).where(CorrectionRequest.patient_id == patient_id)
    if after is not None:
        query = query.where(tuple_(CorrectionRequest.asked_at, CorrectionRequest.id) < after)
    ordered = query.order_by(CorrectionRequest.asked_at.desc(), CorrectionRequest.id.desc())
    return session.scalars(ordered.limit(limit + 1)).all()


def open_request(session: Session, patient_id: UUID) -> CorrectionRequest | None:
    return session.scalars(
        select(CorrectionRequest).where(
            CorrectionRequest.patient_id == patient_id,
            CorrectionRequest.status == CorrectionRequestStatus.OPEN,
        )
    ).first()


def lock_request(session: Session, request_id: UUID) -> CorrectionRequest | None:
    return session.get(
        CorrectionRequest, request_id, with_for_update={"key_share": True}, populate_existing=True
    )


def follow_identity(session: Session, patient_id: UUID) -> None:
    """Write a record's name and birth date where they stand beside the record."""
    session.execute(_FOLLOW, {"id": patient_id})


def set_clinic(session: Session, patient: Patient, clinic_id: UUID) -> None:
    """Correct a record's clinic, and say so of the row at hand."""
    session.execute(_SET_CLINIC, {"id": patient.id, "clinic_id": clinic_id})
    session.expunge(patient)
    patient.clinic_id = clinic_id
