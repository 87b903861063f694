"""What follows from a correction of who a patient is, and from a patient's request for one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.core.web import extension
from portal.directory import service as directory
from portal.directory.model import PoolKind
from portal.notifications import service as notifications
from portal.notifications.states import NotificationEvent
from portal.patients import service as patients
from portal.patients.correction_model import CorrectionRequest, PatientCorrection
from portal.patients.correction_states import CorrectionRequestStatus
from portal.patients.identity import TOLD_OUTSIDE, IdentityField, changed_fields
from portal.refills import service as refills
from portal.requisitions import service as requisitions
from portal.requisitions.oml import Party
from portal.worklist import moving
from portal.worklist import service as worklist
from portal.worklist.states import Priority, WorkItemKind
from workers.registry import Event, handles

S = CorrectionRequestStatus


@handles("patient.corrected")
def follow_correction(*, session: Session, event: Event, now: datetime) -> None:
    """patient.corrected {correction_id}: the patient is told, and so is who has an open order."""
    correction = session.get_one(PatientCorrection, event.uuid("correction_id"))
    notifications.tell_patient(
        session,
        correction.patient_id,
        NotificationEvent.RECORD_CORRECTED,
        source_id=correction.id,
        subject_id=None,
        now=now,
    )
    changed = changed_fields(correction.before, correction.after)
    if IdentityField.CLINIC in changed:
        moving.follow_patient(
            session=session,
            patient_id=correction.patient_id,
            correction_id=correction.id,
            from_clinic=UUID(correction.before[IdentityField.CLINIC]),
            to_clinic=patients.clinic_of(session, correction.patient_id),
            now=now,
        )
        notifications.follow_clinic(session, correction.patient_id)
    if not TOLD_OUTSIDE & set(changed):
        return
    config = extension("config")
    requisitions.follow_correction(
        session=session,
        patient_id=correction.patient_id,
        correction_id=correction.id,
        us=Party(config.hl7_application, config.hl7_facility),
        now=now,
    )
    refills.follow_correction(
        session=session, patient_id=correction.patient_id, correction_id=correction.id, now=now
    )
    notifications.follow_correction(session=session, patient_id=correction.patient_id, now=now)


@handles("patient.correction_requested")
def have_it_answered(*, session: Session, event: Event, now: datetime) -> None:
    """patient.correction_requested {request_id}: the staff of the patient's clinic answer it."""
    request = session.get_one(CorrectionRequest, event.uuid("request_id"), with_for_update=True)
    if request.status != S.OPEN:
        return
    clinic_id = patients.clinic_of(session, request.patient_id)
    worklist.ask_pool(
        session=session,
        kind=WorkItemKind.CORRECTION_REQUESTED,
        subject_id=request.id,
        patient_id=request.patient_id,
        pool_id=directory.pool_of(session, clinic_id, PoolKind.CLINIC_STAFF),
        priority=Priority.ROUTINE,
        now=now,
    )


@handles("patient.correction_answered")
def close_request(*, session: Session, event: Event, now: datetime) -> None:
    """patient.correction_answered {request_id}: of a correction the patient is told as such."""
    request = session.get_one(CorrectionRequest, event.uuid("request_id"))
    worklist.close_item(
        session=session,
        actor=WORKER,
        kind=WorkItemKind.CORRECTION_REQUESTED,
        subject_id=request.id,
        outcome=request.status,
        now=now,
        cancelled=request.status == S.WITHDRAWN,
    )
    if request.status == S.DECLINED:
        notifications.tell_patient(
            session,
            request.patient_id,
            NotificationEvent.CORRECTION_DECLINED,
            source_id=request.id,
            subject_id=None,
            now=now,
        )
