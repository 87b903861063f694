"""What is looked for at intervals: each locks what it finds, and leaves what others have."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from portal.referrals.model import Referral
from portal.referrals.note_model import ConsultNote
from portal.referrals.states import UNSEEN, NoteRelease, ReferralStatus

_UNSEEN = sorted(UNSEEN)
_NOBODY_ASKED = text(
    "NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = referral.id "
    "AND w.kind = 'referral_attendance' AND (w.status IN ('open', 'claimed') "
    "OR w.created_at >= referral.status_at))"
)
# An appointment within the authorisation keeps it, also while nobody has said how it went.
_NOT_COVERED = or_(
    Referral.status != ReferralStatus.SCHEDULED, Referral.appointment_at >= Referral.expires_at
)


def unattended(session: Session, before: datetime, limit: int) -> Sequence[Referral]:
    """Referrals whose appointment was before this and about which nobody was asked yet; about a
    time of ours its practitioner is asked."""
    return session.scalars(
        select(Referral)
        .where(
            Referral.status == ReferralStatus.SCHEDULED,
            Referral.appointment_at < before,
            Referral.appointment_id.is_(None),
            _NOBODY_ASKED,
        )
        .order_by(Referral.appointment_at, Referral.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def expiring(session: Session, before: datetime, limit: int) -> Sequence[Referral]:
    """Referrals whose authorisation ends before this without an appointment within it, of which
    nobody was warned yet."""
    return session.scalars(
        select(Referral)
        .where(
            Referral.status.in_(_UNSEEN),
            Referral.expires_at < before,
            Referral.warned_at.is_(None),
            _NOT_COVERED,
        )
        .order_by(Referral.expires_at, Referral.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def expired(session: Session, now: datetime, limit: int) -> Sequence[Referral]:
    """Referrals whose time is over, and drafts that nobody sent."""
    return session.scalars(
        select(Referral)
        .where(
            Referral.status.in_([ReferralStatus.DRAFT, *_UNSEEN]),
            Referral.expires_at < now,
            _NOT_COVERED,
        )
        .order_by(Referral.expires_at, Referral.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def held_until(session: Session, now: datetime, limit: int) -> Sequence[ConsultNote]:
    """Notes whose hold is over."""
    return session.scalars(
        select(ConsultNote)
        .where(ConsultNote.release_status == NoteRelease.HELD, ConsultNote.held_until <= now)
        .order_by(ConsultNote.held_until, ConsultNote.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
