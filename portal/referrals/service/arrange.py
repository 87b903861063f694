"""The appointment: arranged, moved, called off, kept or missed; and the authorisation for it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.core.errors import FieldError
from portal.patients import service as patients
from portal.referrals import rules
from portal.referrals.errors import NotSchedulable, NotScheduled, ReferralUnusable
from portal.referrals.model import Referral
from portal.referrals.service import items, moves, roles
from portal.referrals.service.refer import Authorization, misdated
from portal.referrals.states import (
    BOOKABLE,
    REFERRAL,
    NoShowReason,
    ReferralStatus,
    TimeReason,
)
from portal.worklist.states import WorkItemKind

S = ReferralStatus
# An appointment may be written down while it begins.
_JUST_NOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Arrange:
    """When and where the patient is seen; `appointment_id` where it is a booked time of ours."""

    starts_at: datetime
    place: str
    appointment_id: UUID | None = None
    confirmed_overlaps: Collection[UUID] = ()


def schedule(
    *, session: Session, actor: Actor, referral_id: UUID, command: Arrange, now: datetime
) -> Referral:
    """Record an appointment that was arranged elsewhere, or another one instead; a time of ours
    that was booked is free again.

    One that lies behind the end of the authorisation is recorded, and somebody has to see to it.
    Raises ReferralNotFound, NotSchedulable, ReferralUnusable for a time that can't be, NotYours
    where too many were missed for anybody but the referrer to decide, AppointmentsOverlap for other
    appointments of the patient that aren't confirmed.
    """
    referral = moves.lock(session, referral_id)
    check_bookable(session, referral, actor, now)
    if not now - _JUST_NOW <= command.starts_at <= now + rules.FURTHEST_AHEAD:
        message = "A moment to come, within two years."
        raise ReferralUnusable(message, errors=[FieldError("/starts_at", message)])
    if referral.status == S.SCHEDULED:
        moves.free_time(session, referral, S.SCHEDULED, actor=actor, now=now)
    appointments.check_overlaps(
        session,
        referral.patient_id,
        command.starts_at,
        command.starts_at + rules.TAKEN_TO_LAST,
        confirmed=command.confirmed_overlaps,
        besides=[referral.id],
    )
    arrange(session, referral, command, actor=actor, now=now)
    return referral


def check_bookable(
    session: Session, referral: Referral, actor: Actor | None, now: datetime
) -> None:
    """Whether it can get an appointment, by this actor's decision; None where that was taken.

    Raises NotSchedulable, NotYours where too many were missed for anybody but the referrer to
    decide.
    """
    before = ReferralStatus(referral.status)
    if before not in BOOKABLE:
        raise NotSchedulable(status_now=before)
    often = before == S.NO_SHOW and rules.back_to_referrer(referral.no_shows)
    if often and actor is not None:
        roles.check_referrer(session, actor, referral, WorkItemKind.REFERRAL_NO_SHOW, now)


def arrange(
    session: Session,
    referral: Referral,
    command: Arrange,
    *,
    actor: Actor,
    now: datetime,
    reason_code: TimeReason | None = None,
) -> None:
    """Give a locked referral its appointment, and see to its authorisation."""
    place(referral, command)
    moves.move(session, referral, S.SCHEDULED, actor=actor, now=now, reason_code=reason_code)
    _see_to_authorization(session, referral, actor, now)
    session.flush()


def call_off(
    *, session: Session, actor: Actor, referral_id: UUID, reason: str | None, now: datetime
) -> Referral:
    """Call an appointment off; another is to be arranged. Raises ReferralNotFound, NotScheduled."""
    referral = _scheduled(session, referral_id)
    moves.move(session, referral, S.ACCEPTED, actor=actor, now=now, note=reason)
    place(referral, None)
    session.flush()
    return referral


def attended(*, session: Session, actor: Actor, referral_id: UUID, now: datetime) -> Referral:
    """The patient was seen, also without an appointment: in a visit that was going on.

    Raises ReferralNotFound, NotScheduled.
    """
    referral = moves.lock(session, referral_id)
    if not REFERRAL.allows(ReferralStatus(referral.status), S.ATTENDED, actor.kind):
        raise NotScheduled(status_now=referral.status)
    moves.move(session, referral, S.ATTENDED, actor=actor, now=now)
    return referral


def no_show(
    *,
    session: Session,
    actor: Actor,
    referral_id: UUID,
    reason: NoShowReason,
    now: datetime,
) -> Referral:
    """The patient did not come: the staff arrange another appointment, or who referred decides.

    Raises ReferralNotFound, NotScheduled, also before the appointment's time.
    """
    referral = _scheduled(session, referral_id)
    if referral.appointment_at is not None and referral.appointment_at > now:
        raise NotScheduled(
            "The appointment is still to come: call it off, or move it.",
            appointment_at=referral.appointment_at,
        )
    miss(session, referral, reason, actor=actor, now=now)
    return referral


def miss(
    session: Session,
    referral: Referral,
    reason: NoShowReason,
    *,
    actor: Actor,
    now: datetime,
    note: str | None = None,
) -> None:
    """The patient of a locked referral did not come."""
    referral.no_shows += 1
    moves.move(session, referral, S.NO_SHOW, actor=actor, now=now, reason_code=reason, note=note)
    place(referral, None)
    session.flush()


def authorize(
    *,
    session: Session,
    actor: Actor,
    referral_id: UUID,
    authorization: Authorization,
    now: datetime,
) -> Referral:
    """Write down what the insurance has allowed, instead of what was written before.

    Raises ReferralNotFound, NotSchedulable for a referral that has ended, ReferralUnusable.
    """
    referral = moves.lock(session, referral_id)
    status = ReferralStatus(referral.status)
    if status in REFERRAL.ends:
        raise NotSchedulable(f"This referral is already {status.value}.", status_now=status)
    patient = patients.get_patient(session, referral.patient_id)
    problems = misdated(authorization, local_day(now, patient.time_zone))
    if problems:
        raise ReferralUnusable(problems[0].message, errors=problems)
    referral.authorization_number = authorization.number
    referral.valid_from = authorization.valid_from
    referral.valid_until = authorization.valid_until
    referral.visits_allowed = authorization.visits_allowed
    if status != S.DRAFT:
        referral.expires_at = rules.end_of(authorization.valid_until, patient.time_zone)
        referral.warned_at = None
        _see_to_authorization(session, referral, actor, now)
    session.flush()
    moves.record(session, referral, actor=actor, action="authorize", now=now)
    return referral


def _scheduled(session: Session, referral_id: UUID) -> Referral:
    referral = moves.lock(session, referral_id)
    if referral.status != S.SCHEDULED:
        raise NotScheduled(status_now=referral.status)
    return referral


def place(referral: Referral, command: Arrange | None) -> None:
    """Write down when and where a referral's patient is seen, or that there is no such time."""
    referral.appointment_id = command.appointment_id if command else None
    referral.appointment_at = command.starts_at if command else None
    referral.appointment_place = command.place if command else None


def _see_to_authorization(
    session: Session, referral: Referral, actor: Actor, now: datetime
) -> None:
    """An appointment that the authorisation doesn't cover is somebody's work; else nothing is."""
    kind, starts_at = WorkItemKind.REFERRAL_AUTHORIZATION, referral.appointment_at
    if starts_at is None or rules.is_covered(starts_at, referral.expires_at):
        items.close(session, referral, kind, "covered", actor, now)
        return
    items.open_item(session, referral, kind, actor, now)
    referral.warned_at = now
