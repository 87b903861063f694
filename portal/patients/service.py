"""Use cases of patients' own data and of those who care for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.accounts import service as accounts
from portal.accounts.service import Invite
from portal.core import audit, outbox
from portal.core.actor import Actor, ActorKind
from portal.core.clock import local_day
from portal.core.errors import PatientDeceased
from portal.core.ids import new_id
from portal.core.versions import check_version
from portal.directory import service as directory
from portal.directory.errors import LaboratoryUnknown, PharmacyUnknown, PractitionerUnknown
from portal.directory.model import LaboratoryKind
from portal.patients import death_queries, queries
from portal.patients.errors import (
    AlreadyMerged,
    AlreadyOnCareTeam,
    NotOnCareTeam,
    PatientUnknown,
    UnusableReference,
)
from portal.patients.model import BreakGlassGrant, CareTeamMember, Patient
from portal.patients.queries import Wanted

GRANTED_FOR = timedelta(hours=4)
BREAK_GLASS = "break_glass"


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Whose record is to be opened outside the care team, and why."""

    mrn: str
    birth_date: date
    reason: str


def get_patient(session: Session, id_: UUID) -> Patient:
    """For the other slices, which audit what they do. Raises PatientUnknown."""
    found = session.get(Patient, id_)
    if found is None:
        raise PatientUnknown()
    return found


def surviving(session: Session, patient_id: UUID) -> Patient:
    """The record that stands for a patient: their own, or the one that it was merged into.

    For whatever comes under an old id or record number. Raises PatientUnknown, also where the actor
    may not see that record.
    """
    found = queries.surviving(session, patient_id)
    if found is None:
        raise PatientUnknown()
    return get_patient(session, found)


def hold_identity(session: Session, patient_id: UUID) -> Patient:
    """A patient as they are called now, and go on to be until the transaction ends: for whoever
    writes their name down, so that no correction comes in between. Raises PatientUnknown."""
    found = session.get(Patient, patient_id, with_for_update={"read": True}, populate_existing=True)
    if found is None:
        raise PatientUnknown()
    return found


def clinic_of(session: Session, patient_id: UUID) -> UUID:
    """The clinic of a patient, for whoever may know no more of them. Raises PatientUnknown."""
    found = queries.clinic_of(session, patient_id)
    if found is None:
        raise PatientUnknown()
    return found


def primary_of(session: Session, patient_id: UUID) -> UUID | None:
    """A patient's primary practitioner who is at work; None where there is none."""
    return queries.primary_of(session, patient_id)


def language_of(session: Session, patient_id: UUID) -> str:
    """A patient's language (BCP 47), for whoever knows no more of them. Raises PatientUnknown."""
    found = queries.language_of(session, patient_id)
    if found is None:
        raise PatientUnknown()
    return found


def has_address(session: Session, patient_id: UUID) -> bool:
    """Whether something can be sent to a patient, for whoever may not see where."""
    return queries.has_address(session, patient_id)


def read_patient(*, session: Session, actor: Actor, patient_id: UUID, now: datetime) -> Patient:
    """Raises PatientUnknown."""
    patient = get_patient(session, patient_id)
    _record(session, actor, "read", patient.id, now)
    return patient


def search_patients(
    *,
    session: Session,
    actor: Actor,
    wanted: Wanted,
    after: tuple[Any, ...] | None,
    limit: int,
    now: datetime,
) -> Sequence[Patient]:
    """The actor's patients, one more than `limit`; whose data were shown is audited."""
    found = queries.patients_like(session, wanted, after=after, limit=limit)
    for patient in found[:limit]:
        _record(session, actor, "search", patient.id, now)
    return found


def change_own(
    *,
    session: Session,
    actor: Actor,
    changes: Mapping[str, Any],
    expected: int | None,
    now: datetime,
) -> Patient:
    """Change what patients keep themselves.

    Raises PreconditionFailed, UnusableReference for a pharmacy or laboratory that can't be chosen.
    """
    patient = session.get(Patient, actor.id, with_for_update={"key_share": True})
    if patient is None:
        raise PatientUnknown()
    check_version(expected, patient.version)
    check_preferred(session, changes)
    for name, value in changes.items():
        setattr(patient, name, value)
    patient.version += 1
    _record(session, actor, "update", patient.id, now)
    return patient


def check_preferred(session: Session, values: Mapping[str, Any]) -> None:
    """Raises UnusableReference for a pharmacy or laboratory that can't be chosen."""
    if values.get("preferred_pharmacy_id") is not None:
        _check_pharmacy(session, values["preferred_pharmacy_id"])
    if values.get("preferred_laboratory_id") is not None:
        _check_laboratory(session, values["preferred_laboratory_id"])


def _check_pharmacy(session: Session, pharmacy_id: UUID) -> None:
    try:
        active = directory.get_pharmacy(session, pharmacy_id).active
    except PharmacyUnknown:
        active = False
    if not active:
        raise UnusableReference(
            "/preferred_pharmacy_id", "No such pharmacy: choose one of GET /pharmacies."
        )


def _check_laboratory(session: Session, laboratory_id: UUID) -> None:
    """Tests are done at a laboratory; a radiology is chosen with each appointment."""
    try:
        laboratory = directory.get_laboratory(session, laboratory_id)
        usable = laboratory.active and laboratory.kind == LaboratoryKind.LABORATORY
    except LaboratoryUnknown:
        usable = False
    if not usable:
        raise UnusableReference(
            "/preferred_laboratory_id",
            "No such laboratory: choose one of GET /laboratories?kind=laboratory.",
        )


def add_member(
    session: Session, patient: Patient, member_id: UUID, role: str, now: datetime
) -> None:
    """Have a practitioner who was never on a patient's care team care for them from today on."""
    session.add(
        CareTeamMember(
            patient_id=patient.id,
            member_id=member_id,
            member_kind=ActorKind.PRACTITIONER.value,
            role=role,
            started_on=local_day(now, patient.time_zone),
        )
    )
    session.flush()


def add_to_care_team(
    *,
    session: Session,
    actor: Actor,
    patient_id: UUID,
    practitioner_id: UUID,
    role: str,
    now: datetime,
) -> None:
    """Let a practitioner care for a patient, from today on.

    Raises PatientUnknown, UnusableReference, AlreadyOnCareTeam.
    """
    patient = get_patient(session, patient_id)
    try:
        directory.get_practitioner(session, practitioner_id)
    except PractitionerUnknown:
        raise UnusableReference("/practitioner_id", "No such practitioner.") from None
    before = session.get(CareTeamMember, (patient.id, practitioner_id))
    try:
        if before is None:
            add_member(session, patient, practitioner_id, role, now)
        elif before.ended_on is None:
            raise AlreadyOnCareTeam()
        else:
            before.role, before.ended_on = role, None
            session.flush()
    except IntegrityError:
        raise AlreadyOnCareTeam() from None
    _record(session, actor, "add_care_team_member", patient.id, now)
    _care_team_changed(session, patient.id, practitioner_id, now)


def end_care(
    *, session: Session, actor: Actor, patient_id: UUID, member_id: UUID, now: datetime
) -> None:
    """End a practitioner's care of a patient today. Raises PatientUnknown, NotOnCareTeam."""
    patient = get_patient(session, patient_id)
    member = session.get(CareTeamMember, (patient.id, member_id), with_for_update=True)
    if member is None or member.ended_on is not None:
        raise NotOnCareTeam()
    member.ended_on = local_day(now, patient.time_zone)
    _record(session, actor, "end_care_team_member", patient.id, now)
    _care_team_changed(session, patient.id, member_id, now)


def _care_team_changed(session: Session, patient_id: UUID, member_id: UUID, now: datetime) -> None:
    """What is with somebody who cared for the patient has to follow."""
    outbox.emit(
        session,
        "patient.care_team_changed",
        now=now,
        patient_id=patient_id,
        member_id=member_id,
    )


def invite_patient(
    *, session: Session, actor: Actor, patient_id: UUID, email: str, secret_key: str, now: datetime
) -> str:
    """Invite a patient to the portal; returns the activation code, to be handed over in person
    or by letter. It works together with the birth date alone.

    Raises PatientUnknown, AlreadyMerged, PatientDeceased, AccountExists.
    """
    patient = get_patient(session, patient_id)
    if patient.merged_into_id is not None:
        raise AlreadyMerged(
            "This record was merged. Invite the patient by the record that stands for it.",
            merged_into_id=str(patient.merged_into_id),
        )
    if death_queries.is_deceased(session, patient.id):
        raise PatientDeceased()
    command = Invite(ActorKind.PATIENT, patient.id, email, patient.name, patient.birth_date)
    return accounts.invite(
        session=session, actor=actor, command=command, secret_key=secret_key, now=now
    )


def break_glass(
    *, session: Session, actor: Actor, command: BreakGlass, now: datetime
) -> BreakGlassGrant:
    """Open a record outside the care team, for a few hours and a reason; the patient is told.

    Raises PatientUnknown for a wrong pair of number and birth date.
    """
    patient_id = queries.patient_by_mrn(session, command.mrn, command.birth_date)
    if patient_id is None:
        raise PatientUnknown("No patient has this record number and birth date.")
    grant = BreakGlassGrant(
        id=new_id(),
        patient_id=patient_id,
        grantee_id=actor.id,
        grantee_kind=actor.kind.value,
        reason=command.reason,
        granted_at=now,
        expires_at=now + GRANTED_FOR,
    )
    session.add(grant)
    session.flush()
    audit.record(
        session,
        actor,
        BREAK_GLASS,
        "patient",
        patient_id=patient_id,
        resource_id=grant.id,
        purpose=BREAK_GLASS,
        at=now,
    )
    outbox.emit(session, "patient.record_opened", now=now, grant_id=grant.id)
    return grant


def _record(session: Session, actor: Actor, action: str, patient_id: UUID, now: datetime) -> None:
    audit.record(
        session, actor, action, "patient", patient_id=patient_id, resource_id=patient_id, at=now
    )
