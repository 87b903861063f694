"""Correcting who a patient is said to be, with a reason; and patients who ask for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.core import audit, outbox
from portal.core.actor import Actor
from portal.core.ids import new_id
from portal.core.versions import check_version
from portal.directory import service as directory
from portal.directory.errors import ClinicUnknown
from portal.patients import correction_queries, queries
from portal.patients.correction_model import CorrectionRequest, PatientCorrection
from portal.patients.correction_states import CorrectionRequestStatus
from portal.patients.duplicates import check_new_person
from portal.patients.errors import (
    AlreadyMerged,
    CorrectionRequestEnded,
    CorrectionRequestNotFound,
    CorrectionRequestOpen,
    MrnTaken,
    NothingCorrected,
    PatientUnknown,
    UnusableReference,
)
from portal.patients.identity import IdentityField, changed_fields
from portal.patients.model import CORRECTED_HERE, Patient
from portal.patients.registering import check_birth, check_names

F = IdentityField
S = CorrectionRequestStatus


@dataclass(frozen=True, slots=True)
class Correct:
    """What is right instead, and why it is changed. `request_id` is the patient's request that it
    answers; `confirmed`, that somebody of the same name and birth date is another person."""

    changes: Mapping[str, Any]
    reason: str
    request_id: UUID | None = None
    confirmed: bool = False


def identity_of(patient: Patient) -> dict[str, Any]:
    """Who a patient is by their record, as it is kept of each correction."""
    return {field.value: str(getattr(patient, field)) for field in F}


def correct_patient(
    *,
    session: Session,
    actor: Actor,
    patient_id: UUID,
    command: Correct,
    expected: int | None,
    now: datetime,
) -> Patient:
    """Correct a name, birth date, sex, record number or clinic. What was stays kept and found.

    Raises PatientUnknown, AlreadyMerged, PreconditionFailed, NothingCorrected, UnusableReference
    for a clinic, Invalid for what can't be, PossibleDuplicate, MrnTaken, and
    CorrectionRequestNotFound or CorrectionRequestEnded for the request that it answers.
    """
    patient = _locked(session, patient_id)
    check_version(expected, patient.version)
    before = identity_of(patient)
    after = {**before, **{name: str(value) for name, value in command.changes.items()}}
    changed = changed_fields(before, after)
    if not changed:
        raise NothingCorrected()
    _check(session, patient, {**_values(patient), **command.changes}, changed, command, now)
    correction = PatientCorrection(
        id=new_id(),
        patient_id=patient.id,
        before=before,
        after=after,
        former_key=queries.number_key(session, patient.mrn) if F.MRN in changed else None,
        reason=command.reason,
        request_id=command.request_id,
        at=now,
        actor_kind=actor.kind,
        actor_id=actor.id,
    )
    # First what is kept of it: who corrects the clinic may not see the record any more.
    if command.request_id is not None:
        _answer(session, actor, patient.id, command.request_id, S.CORRECTED, None, now)
    session.add(correction)
    session.flush()
    _write(session, patient, command.changes, changed)
    audit.record(
        session,
        actor,
        "correct",
        "patient",
        patient_id=patient.id,
        resource_id=correction.id,
        at=now,
    )
    outbox.emit(session, "patient.corrected", now=now, correction_id=correction.id)
    return patient


def _values(patient: Patient) -> dict[str, Any]:
    return {field.value: getattr(patient, field) for field in F}


def _locked(session: Session, patient_id: UUID) -> Patient:
    patient = queries.lock_patient(session, patient_id)
    if patient is None:
        raise PatientUnknown()
    if patient.merged_into_id is not None:
        raise AlreadyMerged(
            "This record was merged. Correct the record that stands for it.",
            merged_into_id=str(patient.merged_into_id),
        )
    return patient


def _check(
    session: Session,
    patient: Patient,
    values: Mapping[str, Any],
    changed: Sequence[IdentityField],
    command: Correct,
    now: datetime,
) -> None:
    if F.CLINIC in changed:
        try:
            directory.get_clinic(session, values[F.CLINIC])
        except ClinicUnknown:
            raise UnusableReference("/clinic_id", "No such clinic.") from None
    check_names(values[F.GIVEN_NAME], values[F.FAMILY_NAME])
    if F.BIRTH_DATE in changed:
        check_birth(session, values[F.CLINIC], values[F.BIRTH_DATE], now)
    if not command.confirmed and {F.GIVEN_NAME, F.FAMILY_NAME, F.BIRTH_DATE, F.MRN} & set(changed):
        check_new_person(
            session,
            given_name=values[F.GIVEN_NAME],
            family_name=values[F.FAMILY_NAME],
            birth_date=values[F.BIRTH_DATE],
            mrn=values[F.MRN],
            itself=patient.id,
        )


def _write(
    session: Session,
    patient: Patient,
    changes: Mapping[str, Any],
    changed: Sequence[IdentityField],
) -> None:
    for field in CORRECTED_HERE:
        if field in changed:
            setattr(patient, field, changes[field])
    patient.version += 1
    try:
        session.flush()
    except IntegrityError:
        raise MrnTaken() from None
    correction_queries.follow_identity(session, patient.id)
    if F.CLINIC in changed:
        correction_queries.set_clinic(session, patient, changes[F.CLINIC])


def read_corrections(
    *,
    session: Session,
    actor: Actor,
    patient_id: UUID,
    after: tuple[datetime, UUID] | None,
    limit: int,
    now: datetime,
) -> Sequence[Any]:
    """A record's corrections, the newest first, one more than `limit`."""
    audit.record(
        session, actor, "read", "correction", patient_id=patient_id, resource_id=patient_id, at=now
    )
    return correction_queries.corrections(session, patient_id, after=after, limit=limit)


def ask_for_correction(
    *, session: Session, actor: Actor, fields: Sequence[str], text: str, now: datetime
) -> CorrectionRequest:
    """A patient asks for a correction; the clinic's staff answer. Raises CorrectionRequestOpen."""
    patient = queries.lock_patient(session, actor.id)
    if patient is None:
        raise PatientUnknown()
    there = correction_queries.open_request(session, patient.id)
    if there is not None:
        raise CorrectionRequestOpen(request_id=str(there.id))
    request = CorrectionRequest(
        id=new_id(),
        patient_id=patient.id,
        fields=sorted(set(fields)),
        text=text,
        status=S.OPEN,
        asked_at=now,
    )
    session.add(request)
    session.flush()
    _note(session, actor, request, "create", now)
    outbox.emit(session, "patient.correction_requested", now=now, request_id=request.id)
    return request


def withdraw_request(
    *, session: Session, actor: Actor, request_id: UUID, now: datetime
) -> CorrectionRequest:
    """Raises CorrectionRequestNotFound, CorrectionRequestEnded."""
    return _answer(session, actor, actor.id, request_id, S.WITHDRAWN, None, now)


def decline_request(
    *, session: Session, actor: Actor, request_id: UUID, reason: str, now: datetime
) -> CorrectionRequest:
    """Say why nothing is corrected; the patient is told.

    Raises CorrectionRequestNotFound, CorrectionRequestEnded.
    """
    return _answer(session, actor, None, request_id, S.DECLINED, reason, now)


def read_request(
    *, session: Session, actor: Actor, request_id: UUID, now: datetime
) -> CorrectionRequest:
    """Raises CorrectionRequestNotFound."""
    request = session.get(CorrectionRequest, request_id)
    if request is None:
        raise CorrectionRequestNotFound()
    audit.record(
        session,
        actor,
        "read",
        "correction_request",
        patient_id=request.patient_id,
        resource_id=request.id,
        at=now,
    )
    return request


def _answer(
    session: Session,
    actor: Actor,
    patient_id: UUID | None,
    request_id: UUID,
    status: CorrectionRequestStatus,
    answer: str | None,
    now: datetime,
) -> CorrectionRequest:
    request = correction_queries.lock_request(session, request_id)
    if request is None or patient_id not in (None, request.patient_id):
        raise CorrectionRequestNotFound()
    if request.status != S.OPEN:
        raise CorrectionRequestEnded(status_now=request.status)
    request.move_to(status, actor=actor, now=now)
    if answer is not None:
        request.answer = answer
    session.flush()
    _note(session, actor, request, status, now)
    outbox.emit(session, "patient.correction_answered", now=now, request_id=request.id)
    return request


def _note(
    session: Session,
    actor: Actor,
    request: CorrectionRequest,
    action: str,
    now: datetime,
) -> None:
    audit.record(
        session,
        actor,
        action,
        "correction_request",
        patient_id=request.patient_id,
        resource_id=request.id,
        at=now,
    )
