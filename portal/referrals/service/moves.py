"""What every move of a referral brings with it, in one place."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.appointments.rules import About
from portal.appointments.states import AboutKind
from portal.core import audit, outbox
from portal.core.actor import Actor
from portal.referrals import queries, rules
from portal.referrals.errors import AlreadyDecided, ReferralNotFound
from portal.referrals.model import Referral, ReferralHistory
from portal.referrals.service import items
from portal.referrals.states import ReferralStatus

S = ReferralStatus


def lock(session: Session, referral_id: UUID) -> Referral:
    """Raises ReferralNotFound for one that the actor may not see."""
    referral = queries.for_change(session, referral_id)
    if referral is None:
        raise ReferralNotFound()
    return referral


def move(
    session: Session,
    referral: Referral,
    status: ReferralStatus,
    *,
    actor: Actor,
    now: datetime,
    reason_code: str | None = None,
    note: str | None = None,
) -> ReferralHistory:
    """Move a referral: history, work items, the next due time, event and audit row.

    Raises IllegalTransition when the table has no such move for this actor.
    """
    if referral.status == S.SCHEDULED and status != S.SCHEDULED:
        free_time(session, referral, status, actor=actor, now=now, reason=note)
    due_at = items.settle(session, referral, status, actor=actor, now=now)
    step = referral.move_to(
        status, actor=actor, now=now, expected_by=due_at, reason_code=reason_code, note=note
    )
    remember(session, referral, step, actor=actor, action=status.value, now=now)
    return step


def free_time(
    session: Session,
    referral: Referral,
    after: ReferralStatus,
    *,
    actor: Actor,
    now: datetime,
    reason: str | None = None,
) -> None:
    """End the booked time of a referral that goes on, in the same transaction: nothing stays
    booked for what does not wait for it. Where there is none, or it has ended, nothing happens."""
    appointments.settle_about(
        session=session,
        actor=actor,
        about=About(AboutKind.REFERRAL, referral.id),
        status=rules.time_ends(after, referral.appointment_at, now),
        reason=reason,
        now=now,
    )


def remember(
    session: Session,
    referral: Referral,
    step: ReferralHistory,
    *,
    actor: Actor,
    action: str,
    now: datetime,
) -> None:
    """Keep a step that was made, and leave the event by which the workers follow it."""
    session.add(step)
    session.flush()
    outbox.emit(session, "referral.moved", now=now, referral_id=referral.id, history_id=step.id)
    record(session, referral, actor=actor, action=action, now=now)


def record(
    session: Session, referral: Referral, *, actor: Actor, action: str, now: datetime
) -> None:
    """Audit what somebody did with a referral."""
    audit.record(
        session,
        actor,
        action,
        "referral",
        patient_id=referral.patient_id,
        resource_id=referral.id,
        at=now,
    )


def already_decided(session: Session, referral: Referral) -> AlreadyDecided:
    """What somebody is told who was not the first: who was, and when."""
    steps = queries.history(session, referral.id)
    last = steps[-1]
    who = last.actor_name or {"patient": "the patient"}.get(last.actor_kind, "Careloop")
    return AlreadyDecided(
        f"This referral no longer waits for a decision: {who} made it {referral.status} first.",
        status_now=referral.status,
        decided_by=who,
        decided_at=last.at,
    )
