"""Following referrals."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.referrals import service
from workers.registry import Event, handles


@handles("referral.moved")
def follow_move(*, session: Session, event: Event, now: datetime) -> None:
    service.free_offers(session=session, referral_id=event.uuid("referral_id"), now=now)
    service.follow_move(
        session=session,
        referral_id=event.uuid("referral_id"),
        history_id=event.uuid("history_id"),
        now=now,
    )


@handles("referral.noted")
def follow_note(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_note(session=session, note_id=event.uuid("note_id"), now=now)
