"""The ends: who referred closes the loop; who referred or the patient calls it off."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import Actor, ActorKind
from portal.core.errors import FieldError
from portal.referrals import queries
from portal.referrals.errors import (
    ClosingReasonMissing,
    NewerNote,
    NotClosable,
    ReferralNotCancellable,
)
from portal.referrals.model import Referral
from portal.referrals.service import items, moves, roles
from portal.referrals.states import REFERRAL, ReferralStatus
from portal.worklist.states import WorkItemKind

S = ReferralStatus
_CLOSING = WorkItemKind.REFERRAL_CLOSING
# Who has closed without a report must say why; whose item it is says who may.
_WITHOUT_REPORT = {
    S.DECLINED: WorkItemKind.REFERRAL_DECLINED,
    S.NO_SHOW: WorkItemKind.REFERRAL_NO_SHOW,
    S.ATTENDED: None,
}


def close_referral(
    *,
    session: Session,
    actor: Actor,
    referral_id: UUID,
    reason: str | None,
    last_seen_note: int | None,
    now: datetime,
) -> Referral:
    """Close the loop: the note was read, or there will be none, for a reason.

    A closed one whose note has changed since is closed again by that. Raises ReferralNotFound,
    NotYours, NotClosable, ClosingReasonMissing, and NewerNote where a version was written that is
    not named as read.
    """
    referral = moves.lock(session, referral_id)
    status = ReferralStatus(referral.status)
    roles.check_referrer(session, actor, referral, _WITHOUT_REPORT.get(status) or _CLOSING, now)
    _check_read(session, referral, last_seen_note)
    if status == S.CLOSED and items.close(session, referral, _CLOSING, "read", actor, now):
        moves.record(session, referral, actor=actor, action="read_amendment", now=now)
        return referral
    if status in REFERRAL.ends:
        raise NotClosable(f"This referral is already {status.value}.", status_now=status)
    if not REFERRAL.allows(status, S.CLOSED, actor.kind):
        raise NotClosable(status_now=status)
    if status in _WITHOUT_REPORT and reason is None:
        raise ClosingReasonMissing(errors=[FieldError("/reason", ClosingReasonMissing.detail)])
    moves.move(session, referral, S.CLOSED, actor=actor, now=now, note=reason)
    return referral


def _check_read(session: Session, referral: Referral, last_seen_note: int | None) -> None:
    """What the specialist wrote meanwhile is not closed over. Raises NewerNote."""
    newest = queries.versions_of_note(session, referral.id)
    if (last_seen_note or 0) < newest:
        raise NewerNote(newest_note=newest)


def cancel_referral(
    *, session: Session, actor: Actor, referral_id: UUID, reason: str | None, now: datetime
) -> Referral:
    """Call a referral off, as long as the patient was not seen.

    Raises ReferralNotFound, NotYours for a practitioner who did not refer, ReferralNotCancellable.
    """
    referral = moves.lock(session, referral_id)
    before = ReferralStatus(referral.status)
    if actor.kind == ActorKind.PRACTITIONER:
        roles.check_referrer(session, actor, referral, None, now)
    if before in REFERRAL.ends:
        raise ReferralNotCancellable(f"This referral is already {before.value}.", status_now=before)
    if not REFERRAL.allows(before, S.CANCELLED, actor.kind):
        raise ReferralNotCancellable(status_now=before)
    moves.move(session, referral, S.CANCELLED, actor=actor, now=now, note=reason)
    return referral
