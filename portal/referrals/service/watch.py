"""What the workers find at intervals: what is over, what ends soon, what is due. Twice is once."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.notifications.states import NotificationEvent
from portal.referrals import rules, watch_queries
from portal.referrals.service import items, moves
from portal.referrals.service.follow import tell_patient
from portal.referrals.service.report import let_go
from portal.referrals.states import NoteReleaseRule, ReferralStatus
from portal.worklist.states import WorkItemKind


def find_unattended(*, session: Session, now: datetime, limit: int) -> int:
    """Appointments that are over, of which nobody has said whether the patient came, become the
    staff's work. Returns how many."""
    over = watch_queries.unattended(session, now - rules.APPOINTMENT_GRACE, limit)
    for referral in over:
        items.open_item(session, referral, WorkItemKind.REFERRAL_ATTENDANCE, WORKER, now)
    return len(over)


def warn_of_expiry(*, session: Session, now: datetime, limit: int) -> int:
    """Authorisations that end before the patient is seen become the staff's work in time, and the
    patient is told, once for each. Returns how many."""
    soon = watch_queries.expiring(session, now + rules.WARN_AHEAD, limit)
    for referral in soon:
        items.open_item(session, referral, WorkItemKind.REFERRAL_AUTHORIZATION, WORKER, now)
        referral.warned_at = now
        tell_patient(session, referral, NotificationEvent.REFERRAL_AUTHORIZATION, referral.id, now)
    session.flush()
    return len(soon)


def expire_referrals(*, session: Session, now: datetime, limit: int) -> int:
    """End what was not seen within its authorisation, and drafts that nobody sent. Returns how
    many."""
    over = watch_queries.expired(session, now, limit)
    for referral in over:
        moves.move(session, referral, ReferralStatus.EXPIRED, actor=WORKER, now=now)
    return len(over)


def release_held(*, session: Session, now: datetime, limit: int) -> int:
    """Show the notes whose hold is over to their patients. Returns how many."""
    due = watch_queries.held_until(session, now, limit)
    for note in due:
        let_go(session, note, NoteReleaseRule.HOLD_EXPIRED, actor=WORKER, now=now)
    return len(due)
