"""Use cases of prescribers on what they wrote: stopping, holding, resuming, confirming."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core import outbox
from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.core.errors import FieldError
from portal.patients import service as patients
from portal.prescriptions import duplicates, service
from portal.prescriptions.duplicates import ConfirmedDuplicates, hold_therapies
from portal.prescriptions.errors import EarlyRefillUnusable
from portal.prescriptions.model import Prescription
from portal.prescriptions.states import STANDING, PrescriptionStatus


def change_status(
    *,
    session: Session,
    actor: Actor,
    prescription_id: UUID,
    status: PrescriptionStatus,
    reason: str | None,
    now: datetime,
    confirmed: ConfirmedDuplicates | None = None,
) -> Prescription:
    """Stop, hold or resume. The workers take back what is under way at the pharmacy, or send it
    again (also a first fill that was held before it was sent), and tell the patient.

    Raises PrescriptionNotFound, IllegalTransition, and DuplicateTherapy where one is resumed while
    another of the same medicine stands that isn't confirmed.
    """
    resumes = status is PrescriptionStatus.ACTIVE
    if resumes:
        _hold_therapies_beside(session, prescription_id)
    prescription = service.get_for_change(session, prescription_id)
    step = prescription.move_to(status, actor=actor, now=now, reason=reason)
    session.add(step)
    if resumes:
        _check_beside(session, actor, prescription, confirmed, now)
    outbox.emit(
        session,
        "prescription.moved",
        now=now,
        prescription_id=prescription.id,
        history_id=step.id,
    )
    service.audit_prescription(session, actor, status.value, prescription, now)
    return prescription


def confirm_duplicates(
    *,
    session: Session,
    actor: Actor,
    prescription_id: UUID,
    confirmed: ConfirmedDuplicates,
    now: datetime,
) -> Prescription:
    """Keep that a prescription and those of the same medicine beside it are all meant, where they
    came together unasked: in a merge.

    Raises PrescriptionNotFound, and DuplicateTherapy where one of them isn't named.
    """
    _hold_therapies_beside(session, prescription_id)
    prescription = service.get_for_change(session, prescription_id)
    if prescription.status in STANDING:
        _check_beside(session, actor, prescription, confirmed, now)
    duplicates.follow_duplicates(session, prescription.patient_id, now, actor=actor)
    return prescription


def _hold_therapies_beside(session: Session, prescription_id: UUID) -> None:
    hold_therapies(session, service.patient_of(session, prescription_id))


def _check_beside(
    session: Session,
    actor: Actor,
    prescription: Prescription,
    confirmed: ConfirmedDuplicates | None,
    now: datetime,
) -> None:
    patient = patients.get_patient(session, prescription.patient_id)
    others = duplicates.check_duplicates(
        session,
        patient_id=prescription.patient_id,
        rxnorm_code=prescription.rxnorm_code,
        ingredients=prescription.ingredients,
        today=local_day(now, patient.time_zone),
        confirmed=confirmed,
        besides=[prescription.id],
    )
    duplicates.keep_confirmed(session, actor, prescription, others, confirmed, now)


def allow_early_refill(
    *, session: Session, actor: Actor, prescription_id: UUID, until: date, now: datetime
) -> Prescription:
    """Vacation override: until that day one fill isn't too soon.

    Raises PrescriptionNotFound, and EarlyRefillUnusable for a day that is over where the patient
    is, or on which the prescription has expired.
    """
    prescription = service.get_for_change(session, prescription_id)
    patient = patients.get_patient(session, prescription.patient_id)
    today = local_day(now, patient.time_zone)
    if not today <= until <= prescription.expires_on:
        message = f"A day from {today} to {prescription.expires_on}, when this expires."
        raise EarlyRefillUnusable(message, errors=[FieldError("/until", message)])
    prescription.early_refill_until = until
    service.audit_prescription(session, actor, "allow_early_refill", prescription, now)
    return prescription
