"""Giving others access to one's record: offering it, changing and revoking it; and parents.

An offer goes to an e-mail address. The workers find the account that belongs to it, or make one and
send its code there: whoever offers neither learns which of the two it was, nor ever has the code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.accounts import service as accounts
from portal.core import audit, outbox
from portal.core.actor import AccessCategory, Actor, ActorKind
from portal.core.errors import FieldError, Invalid
from portal.core.ids import new_id
from portal.core.versions import check_version
from portal.patients import delegation_queries as queries
from portal.patients import delegation_rules as rules
from portal.patients.delegation_model import Delegation, DelegationHistory
from portal.patients.delegation_states import (
    DelegationKind,
    DelegationStatus,
    Relationship,
    Standing,
)
from portal.patients.errors import (
    AlreadyDelegated,
    DelegationEnded,
    DelegationNotFound,
    NotAMinor,
    NotOfAge,
    PatientUnknown,
    RecordedByClinic,
)
from portal.patients.model import Patient
from portal.patients.parental import Day, day_of
from portal.patients.queries import lock_patient
from portal.patients.service import get_patient

S = DelegationStatus


@dataclass(frozen=True, slots=True)
class OfferAccess:
    """To whom access is offered, for what, and from which day to which; today on unless said."""

    email: str
    name: str
    relationship: Relationship
    categories: Sequence[str]
    starts_on: date | None = None
    ends_on: date | None = None


def offer_access(
    *, session: Session, actor: Actor, command: OfferAccess, now: datetime
) -> Delegation:
    """Offer somebody access to one's own record; they accept or decline.

    Raises NotOfAge, AlreadyDelegated, Invalid for a period that can't be.
    """
    patient = _locked(session, actor.id)
    day = day_of(session, patient.clinic_id, now)
    if rules.is_minor(patient.birth_date, day.bounds, day.today):
        raise NotOfAge()
    return _offer(session, actor, patient, command, DelegationKind.GRANTED, day, now)


def record_parent(
    *, session: Session, actor: Actor, patient_id: UUID, command: OfferAccess, now: datetime
) -> Delegation:
    """Record the parent of a minor, who needn't accept: what they may see follows from the age.

    Raises PatientUnknown, NotAMinor, AlreadyDelegated.
    """
    patient = _locked(session, patient_id)
    day = day_of(session, patient.clinic_id, now)
    if not rules.is_minor(patient.birth_date, day.bounds, day.today):
        raise NotAMinor()
    return _offer(session, actor, patient, command, DelegationKind.PARENTAL, day, now)


def _locked(session: Session, patient_id: UUID) -> Patient:
    """A patient's record, locked so that nobody is offered access twice. Raises PatientUnknown."""
    patient = lock_patient(session, patient_id)
    if patient is None or patient.merged_into_id is not None:
        raise PatientUnknown()
    return patient


def _offer(
    session: Session,
    actor: Actor,
    patient: Patient,
    command: OfferAccess,
    kind: DelegationKind,
    day: Day,
    now: datetime,
) -> Delegation:
    starts_on = command.starts_on or day.today
    _check_period(starts_on, command.ends_on, day.today)
    if accounts.find_by_email(session, command.email) is not None:  # of no other account is told
        message = "This is your own address: give that of who is to act for the patient."
        raise Invalid(message, errors=[FieldError("/email", message)])
    _check_new(session, patient, command.email, day, now)
    delegation = Delegation(
        id=new_id(),
        patient_id=patient.id,
        delegate_name=command.name,
        email=command.email.strip(),
        kind=kind,
        relationship=command.relationship,
        status=S.OFFERED if kind == DelegationKind.GRANTED else S.ACCEPTED,
        categories=sorted(set(command.categories)),
        starts_on=starts_on,
        ends_on=command.ends_on,
        notify=True,
        offered_at=now,
        offered_by=actor.id,
        version=1,
    )
    session.add(delegation)
    session.flush()
    session.add(DelegationHistory.of(delegation, None, actor=actor, now=now))
    outbox.emit(session, "delegation.offered", now=now, delegation_id=delegation.id)
    record(session, actor, "create", delegation, now)
    return delegation


def _check_period(starts_on: date, ends_on: date | None, today: date) -> None:
    if ends_on is not None and ends_on < max(starts_on, today):
        message = "A day from today on, and not before the first day."
        raise Invalid(message, errors=[FieldError("/ends_on", message)])


def _check_new(session: Session, patient: Patient, email: str, day: Day, now: datetime) -> None:
    there = queries.open_to(session, patient.id, email.strip())
    if there is None:
        return
    standing = rules.standing_of(there, patient.birth_date, day.bounds, day.today, now)
    if standing in (Standing.OFFERED, Standing.UPCOMING, Standing.ACTIVE):
        raise AlreadyDelegated(delegation_id=str(there.id))


def change_access(
    *,
    session: Session,
    actor: Actor,
    delegation_id: UUID,
    changes: dict[str, Any],
    expected: int | None,
    now: datetime,
) -> Delegation:
    """Change the categories or the period of access that one gave; it holds at once.

    Raises DelegationNotFound, RecordedByClinic, DelegationEnded, PreconditionFailed, Invalid.
    """
    delegation = _own(session, delegation_id)
    check_version(expected, delegation.version)
    if delegation.status not in queries.OPEN:
        raise DelegationEnded(status_now=delegation.status)
    day = day_of(session, get_patient(session, delegation.patient_id).clinic_id, now)
    if "categories" in changes:
        delegation.categories = sorted(set(changes["categories"]))
    if "starts_on" in changes or "ends_on" in changes:
        starts_on = changes.get("starts_on", delegation.starts_on)
        _check_period(starts_on, changes.get("ends_on", delegation.ends_on), day.today)
        delegation.starts_on = starts_on
        delegation.ends_on = changes.get("ends_on", delegation.ends_on)
    before = S(delegation.status)
    session.flush()
    session.add(DelegationHistory.of(delegation, before, actor=actor, now=now))
    record(session, actor, "update", delegation, now)
    return delegation


def _own(session: Session, delegation_id: UUID) -> Delegation:
    """Raises DelegationNotFound, RecordedByClinic for what the patient sees but did not give."""
    seen = queries.delegation(session, delegation_id)
    if seen is None:
        raise DelegationNotFound()
    if seen.kind == DelegationKind.PARENTAL:
        raise RecordedByClinic()
    return lock(session, delegation_id)


def lock(session: Session, delegation_id: UUID) -> Delegation:
    """A delegation, locked until the transaction ends. Raises DelegationNotFound."""
    delegation = queries.for_change(session, delegation_id)
    if delegation is None:
        raise DelegationNotFound()
    return delegation


def revoke_access(
    *, session: Session, actor: Actor, delegation_id: UUID, reason: str | None, now: datetime
) -> Delegation:
    """End somebody's access at once: their next request finds it gone. Twice changes nothing.

    For the patient who gave it, and for the staff. Raises DelegationNotFound, RecordedByClinic,
    DelegationEnded for an offer that was declined.
    """
    is_patient = actor.kind is ActorKind.PATIENT
    find = _own if is_patient else lock
    delegation = find(session, delegation_id)
    if delegation.status == S.REVOKED:
        return delegation
    if delegation.status == S.DECLINED:
        raise DelegationEnded("This offer was declined: there is no access to end.")
    move(session, actor, delegation, S.REVOKED, now, reason=reason)
    return delegation


def told_with(
    session: Session,
    patient_id: UUID,
    category: AccessCategory,
    subject_id: UUID | None,
    now: datetime,
) -> Sequence[UUID]:
    """The delegates to be told of something about a patient, for the workers."""
    return queries.told_with(session, patient_id, category, subject_id, now)


def move(
    session: Session,
    actor: Actor,
    delegation: Delegation,
    status: DelegationStatus,
    now: datetime,
    *,
    reason: str | None = None,
) -> None:
    """Move a delegation: its history, the event by which people are told, and its audit row.

    Raises IllegalTransition.
    """
    step = delegation.move_to(status, actor=actor, now=now, reason=reason)
    session.add(step)
    session.flush()
    outbox.emit(session, "delegation.moved", now=now, history_id=step.id)
    record(session, actor, status.value, delegation, now)


def record(
    session: Session, actor: Actor, action: str, delegation: Delegation, now: datetime
) -> None:
    """Audit what somebody did with a delegation."""
    audit.record(
        session,
        actor,
        action,
        "delegation",
        patient_id=delegation.patient_id,
        resource_id=delegation.id,
        at=now,
    )
