"""Referring a patient, or asking a colleague: written, kept as a draft, sent, sent elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.core.errors import FieldError
from portal.core.ids import new_id
from portal.directory import service as directory
from portal.directory.errors import NoPool, PractitionerUnknown
from portal.directory.model import PoolKind
from portal.patients import confidentiality
from portal.patients import service as patients
from portal.patients.confidentiality import Confidential
from portal.patients.errors import PatientUnknown
from portal.patients.model import Patient
from portal.referrals import queries, rules
from portal.referrals.errors import NotSendable, ReferralUnusable
from portal.referrals.model import Referral, ReferralHistory
from portal.referrals.service import items, moves, roles
from portal.referrals.service.confidential import mark
from portal.referrals.states import ReferralKind, ReferralStatus, Urgency
from portal.worklist.states import WorkItemKind

S = ReferralStatus
ABOUT_CONFIDENTIAL = "What it is about is confidential"


@dataclass(frozen=True, slots=True)
class Outside:
    """A specialist or an organisation elsewhere."""

    name: str
    organization: str | None = None
    npi: str | None = None
    phone: str | None = None
    fax: str | None = None


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a referral goes to: a practitioner of ours, or somebody elsewhere."""

    specialist_id: UUID | None = None
    outside: Outside | None = None


@dataclass(frozen=True, slots=True)
class Authorization:
    """What the insurance has allowed: days count where the patient is."""

    number: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    visits_allowed: int | None = None


@dataclass(frozen=True, slots=True)
class Refer:
    """What a practitioner asks for. `diagnoses` are {code, text} of ICD-10-CM; `about` are
    {kind, id} of the patient's record."""

    patient_id: UUID
    kind: ReferralKind
    specialty: str
    to: Addressee
    reason: str
    urgency: Urgency = Urgency.ROUTINE
    same_day: bool = False
    summary: str | None = None
    diagnoses: Sequence[Mapping[str, str]] = ()
    about: Sequence[Mapping[str, str]] = ()
    authorization: Authorization = Authorization()
    pool_id: UUID | None = None
    draft: bool = False
    confidential_reason: str | None = None


def refer(*, session: Session, actor: Actor, command: Refer, now: datetime) -> Referral:
    """Write a referral, and send it unless it is to stay a draft.

    Raises ReferralUnusable naming every member that can't be used.
    """
    patient = _patient(session, command.patient_id)
    problems = [
        *_unusable_addressee(session, actor.id, command.to),
        *misdated(command.authorization, local_day(now, patient.time_zone)),
        *_unknown_links(session, patient.id, command.about),
    ]
    pool_id = _arranging_pool(session, actor, command.pool_id, problems)
    if problems or pool_id is None:
        raise ReferralUnusable(problems[0].message, errors=problems)
    referral = _new(session, actor, command, patient, pool_id, now)
    status = S.DRAFT if command.draft else S.REQUESTED
    if not command.draft:
        referral.requested_at = now
        referral.expected_by = items.open_item(
            session, referral, WorkItemKind.REFERRAL_DECISION, actor, now
        )
    referral.status = status
    session.add(referral)
    session.flush()
    step = ReferralHistory.of(referral, None, actor=actor, now=now)
    moves.remember(session, referral, step, actor=actor, action="create", now=now)
    reason = command.confidential_reason
    if reason is None and _is_about_confidential(session, command):
        reason = ABOUT_CONFIDENTIAL
    if reason is not None:
        mark(session, actor, referral, Confidential(True, reason), now)
    return referral


def _is_about_confidential(session: Session, command: Refer) -> bool:
    return confidentiality.is_kept(session, [UUID(str(one["id"])) for one in command.about])


def send_referral(
    *, session: Session, actor: Actor, referral_id: UUID, to: Addressee, now: datetime
) -> Referral:
    """Send a draft, or what was declined; to somebody else where `to` names one.

    Raises ReferralNotFound, NotSendable, NotYours, ReferralUnusable.
    """
    referral = moves.lock(session, referral_id)
    before = ReferralStatus(referral.status)
    if before not in (S.DRAFT, S.DECLINED):
        raise NotSendable(status_now=before)
    roles.check_referrer(session, actor, referral, WorkItemKind.REFERRAL_DECLINED, now)
    _readdress(session, referral, to)
    if before == S.DRAFT:
        patient = patients.get_patient(session, referral.patient_id)
        referral.requested_at = now
        referral.expires_at = rules.end_of(referral.valid_until, patient.time_zone)
    moves.move(session, referral, S.REQUESTED, actor=actor, now=now)
    return referral


def _readdress(session: Session, referral: Referral, to: Addressee) -> None:
    """Have it go to somebody else; who was asked before must still be there otherwise."""
    new = to if to.specialist_id or to.outside else None
    problems = _unusable_addressee(
        session, referral.referrer_id, new or Addressee(referral.specialist_id)
    )
    if problems:
        raise ReferralUnusable(problems[0].message, errors=problems)
    if new is not None:
        _address(referral, new)
        referral.accepted_by = None


def _patient(session: Session, patient_id: UUID) -> Patient:
    try:
        patient = patients.get_patient(session, patient_id)
    except PatientUnknown:
        raise ReferralUnusable(
            errors=[FieldError("/patient_id", "There is no patient of yours with this id.")]
        ) from None
    if patient.merged_into_id is not None:
        raise ReferralUnusable(
            errors=[FieldError("/patient_id", "This record was merged into another: use that.")]
        )
    return patient


def _unusable_addressee(session: Session, referrer_id: UUID, to: Addressee) -> list[FieldError]:
    if to.specialist_id is None:
        return []
    pointer = "/to/specialist_id"
    if to.specialist_id == referrer_id:
        return [FieldError(pointer, "A referral goes to somebody else than who refers.")]
    try:
        active = directory.get_practitioner(session, to.specialist_id).active
    except PractitionerUnknown:
        active = False
    if active:
        return []
    return [FieldError(pointer, "There is no such practitioner: choose one of GET /practitioners.")]


def _unknown_links(
    session: Session, patient_id: UUID, about: Sequence[Mapping[str, str]]
) -> Iterator[FieldError]:
    if not about:
        return
    known = queries.records(session, patient_id, [UUID(one["id"]) for one in about])
    for number, one in enumerate(about):
        if (one["kind"], UUID(one["id"])) not in known:
            yield FieldError(f"/about/{number}/id", f"This patient has no such {one['kind']}.")


def misdated(authorization: Authorization, today: date) -> list[FieldError]:
    """What is wrong with the days of an authorisation, as they are where the patient is."""
    first, last = authorization.valid_from, authorization.valid_until
    pointer = "/authorization/valid_until"
    if last is not None and not today <= last <= today + rules.FURTHEST_AHEAD:
        return [FieldError(pointer, "A day from today on, within two years.")]
    if first is not None and first > (last or today + rules.FURTHEST_AHEAD):
        return [FieldError("/authorization/valid_from", "A day before the authorization ends.")]
    return []


def _arranging_pool(
    session: Session, actor: Actor, pool_id: UUID | None, problems: list[FieldError]
) -> UUID | None:
    """The team that arranges: the one given, else the staff of the referrer's clinic."""
    if pool_id is None:
        clinic_id = directory.get_practitioner(session, actor.id).clinic_id
        return directory.pool_of(session, clinic_id, PoolKind.CLINIC_STAFF)
    try:
        directory.calendar_of_pool(session, pool_id)
    except NoPool:
        problems.append(FieldError("/pool_id", "There is no such team: see GET /pools."))
        return None
    return pool_id


def _new(
    session: Session,
    actor: Actor,
    command: Refer,
    patient: Patient,
    pool_id: UUID,
    now: datetime,
) -> Referral:
    allowed = command.authorization
    ends = rules.end_of(allowed.valid_until, patient.time_zone)
    draft_until = now + rules.DRAFT_KEPT_FOR
    referral = Referral(
        id=new_id(),
        number=queries.number(session),
        patient_id=patient.id,
        referrer_id=actor.id,
        kind=command.kind,
        specialty=command.specialty,
        pool_id=pool_id,
        urgency=rules.urgency_of(command.urgency, same_day=command.same_day),
        same_day=command.same_day,
        reason=command.reason,
        summary=command.summary,
        diagnoses=[dict(one) for one in command.diagnoses],
        about=[dict(one) for one in command.about],
        authorization_number=allowed.number,
        valid_from=allowed.valid_from,
        valid_until=allowed.valid_until,
        visits_allowed=allowed.visits_allowed,
        created_at=now,
        status_at=now,
        expected_by=draft_until,
        expires_at=draft_until if command.draft else ends,
        no_shows=0,
    )
    _address(referral, command.to)
    return referral


def _address(referral: Referral, to: Addressee) -> None:
    outside = to.outside
    referral.specialist_id = to.specialist_id
    referral.outside_name = outside.name if outside else None
    referral.outside_organization = outside.organization if outside else None
    referral.outside_npi = outside.npi if outside else None
    referral.outside_phone = outside.phone if outside else None
    referral.outside_fax = outside.fax if outside else None
