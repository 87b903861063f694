"""The work items of a referral: who has to do the next step, and by when."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor
from portal.directory import service as directory
from portal.referrals import rules
from portal.referrals.model import Referral
from portal.referrals.states import UNSEEN, ReferralKind, ReferralStatus, Urgency
from portal.worklist import service as worklist
from portal.worklist.states import WorkItemKind

S = ReferralStatus


def settle(
    session: Session, referral: Referral, after: ReferralStatus, *, actor: Actor, now: datetime
) -> datetime | None:
    """Close the item of the step that is done, and open that of the next; returns when the next
    step is due.

    Called before the move is written, while the actor sees the patient by where the referral stood.
    """
    before, kind = ReferralStatus(referral.status), ReferralKind(referral.kind)
    done, wanted = rules.item_of(kind, before), rules.item_of(kind, after)
    if before == S.SCHEDULED:
        close(session, referral, WorkItemKind.REFERRAL_ATTENDANCE, after.value, actor, now)
    if before in UNSEEN and after not in UNSEEN:
        close(session, referral, WorkItemKind.REFERRAL_AUTHORIZATION, after.value, actor, now)
    if done is not None and done != wanted:
        close(session, referral, done, after.value, actor, now)
    if wanted is not None:
        return open_item(session, referral, wanted, actor, now)
    if after == S.SCHEDULED and referral.appointment_at is not None:
        return rules.attendance_due(referral.appointment_at)
    return now + rules.DRAFT_KEPT_FOR if after == S.DRAFT else None


def open_item(
    session: Session, referral: Referral, kind: WorkItemKind, actor: Actor, now: datetime
) -> datetime:
    """An item about a referral for who has to act; returns when it is due."""
    responsible_id, pool_id = _owner(session, referral, kind)
    moment = due_at(session, referral, kind, now)
    worklist.open_item(
        session=session,
        actor=actor,
        kind=kind,
        subject_id=referral.id,
        patient_id=referral.patient_id,
        responsible_id=responsible_id,
        pool_id=pool_id,
        priority=rules.PRIORITIES[Urgency(referral.urgency)],
        due_at=moment,
        now=now,
    )
    return moment


def due_at(session: Session, referral: Referral, kind: WorkItemKind, now: datetime) -> datetime:
    """When a step that begins now is due (UTC)."""
    _responsible_id, pool_id = _owner(session, referral, kind)
    hours = rules.hours_for(kind, ReferralKind(referral.kind), Urgency(referral.urgency))
    return directory.calendar_of_pool(session, pool_id).add_business(now, hours)


def _owner(session: Session, referral: Referral, kind: WorkItemKind) -> tuple[UUID | None, UUID]:
    """Who answers for a step, and with which team. For a specialist elsewhere it is the staff who
    arrange: they ask there."""
    if rules.goes_to_referrer(kind, referral.no_shows):
        owner = directory.get_practitioner(session, referral.referrer_id)
    elif kind in rules.FOR_SPECIALIST and referral.specialist_id is not None:
        owner = directory.get_practitioner(session, referral.specialist_id)
    else:
        return None, referral.pool_id
    return owner.id, owner.pool_id


def close(
    session: Session,
    referral: Referral,
    kind: WorkItemKind,
    outcome: str,
    actor: Actor,
    now: datetime,
) -> bool:
    """Close the open item of this kind about a referral; False when there is none."""
    return worklist.close_item(
        session=session,
        actor=actor,
        kind=kind,
        subject_id=referral.id,
        outcome=outcome,
        now=now,
    )
