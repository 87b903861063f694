"""Keeping referrals from delegates."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.appointments import service as appointments
from portal.core.actor import Actor
from portal.patients import confidentiality
from portal.patients.confidentiality import Confidential
from portal.referrals.model import Referral
from portal.referrals.service import moves


def keep_confidential(
    *, session: Session, actor: Actor, referral_id: UUID, command: Confidential, now: datetime
) -> Referral:
    """Keep a referral from delegates, or open it to them again, with all that was written about it,
    its appointments and their visits.

    Raises ReferralNotFound.
    """
    referral = moves.lock(session, referral_id)
    mark(session, actor, referral, command, now)
    return referral


def mark(
    session: Session, actor: Actor, referral: Referral, command: Confidential, now: datetime
) -> None:
    """The same for a referral that is locked, or new."""
    confidentiality.mark(
        session=session,
        actor=actor,
        rows=[referral],
        resource="referral",
        command=command,
        now=now,
    )
    appointments.keep_confidential(
        session=session, actor=actor, ids=[referral.id], command=command, now=now
    )
