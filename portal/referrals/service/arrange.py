"""The appointment: arranged, moved, called off, kept or missed; and the authorisation for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.core.errors import FieldError
from portal.patients import service as patients
from portal.referrals import rules
from portal.referrals.errors import NotSchedulable, NotScheduled, ReferralUnusable
from portal.referrals.model import Referral
from portal.referrals.service import items, moves, roles
from portal.referrals.service.refer import Authorization, misdated
from portal.referrals.states import REFERRAL, NoShowReason, ReferralStatus
from portal.worklist.states import WorkItemKind

S = ReferralStatus
# An appointment may be written down while it begins.
_JUST_NOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Arrange:
    """When and where the patient is seen; `appointment_id` where it is one of our own times."""

    starts_at: datetime
    place: str
    appointment_id: UUID | None = None


def schedule(
    *, session: Session, actor: Actor, referral_id: UUID, command: Arrange, now: datetime
) -> Referral:
    """Record an appointment, or another one instead.

    One that lies behind the end of the authorisation is recorded, and somebody has to see to it.
    Raises ReferralNotFound, NotSchedulable, ReferralUnusable for a time that can't be, NotYours
    where too many were missed for anybody but the referrer to decide.
    """
    referral = moves.lock(session, referral_id)
    before = ReferralStatus(referral.status)
    if not REFERRAL.allows(before, S.SCHEDULED, actor.kind):
        raise NotSchedulable(status_now=before)
    if before == S.NO_SHOW and rules.back_to_referrer(referral.no_shows):
        roles.check_referrer(session, actor, referral, WorkItemKind.REFERRAL_NO_SHOW, now)
    if not now - _JUST_NOW <= command.starts_at <= now + rules.FURTHEST_AHEAD:
        message = "A moment to come, within two years."
        raise ReferralUnusable(message, errors=[FieldError("/starts_at", message)])
    _place(referral, command)
    moves.move(session, referral, S.SCHEDULED, actor=actor, now=now)
    _see_to_authorization(session, referral, actor, now)
    session.flush()
    return referral


def call_off(
    *, session: Session, actor: Actor, referral_id: UUID, reason: str | None, now: datetime
) -> Referral:
    """Call an appointment off; another is to be arranged. Raises ReferralNotFound, NotScheduled."""
    referral = _scheduled(session, referral_id)
    moves.move(session, referral, S.ACCEPTED, actor=actor, now=now, note=reason)
    _place(referral, None)
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
    referral.no_shows += 1
    moves.move(session, referral, S.NO_SHOW, actor=actor, now=now, reason_code=reason)
    _place(referral, None)
    session.flush()
    return referral


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


def _place(referral: Referral, command: Arrange | None) -> None:
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


def end_appointment(
    *,
    session: Session,
    actor: Actor,
    referral_id: UUID,
    appointment_id: UUID,
    status: str,
    now: datetime,
) -> None:
    """One of our own times ended: it was `cancelled`, `attended` or missed (`no_show`).

    What is not, or no longer, the referral's appointment changes nothing: twice is the same as
    once. Raises ReferralNotFound.
    """
    referral = moves.lock(session, referral_id)
    if referral.status != S.SCHEDULED or referral.appointment_id != appointment_id:
        return
    if status == "attended":
        moves.move(session, referral, S.ATTENDED, actor=actor, now=now)
    elif status == "no_show":
        no_show(
            session=session,
            actor=actor,
            referral_id=referral_id,
            reason=NoShowReason.UNKNOWN,
            now=now,
        )
    elif status == "cancelled":
        call_off(session=session, actor=actor, referral_id=referral_id, reason=None, now=now)
