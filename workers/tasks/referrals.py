"""Following referrals, and what waited for them: results' follow-ups, visits' instructions."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.referrals import service
from portal.referrals.service import Standing
from portal.results import service as results
from portal.visits import service as visits
from portal.visits.service import ReferralStands
from workers.registry import Event, handles


@handles("referral.moved")
def follow_move(*, session: Session, event: Event, now: datetime) -> None:
    referral_id = event.uuid("referral_id")
    service.free_times(session=session, referral_id=referral_id, now=now)
    service.follow_move(
        session=session, referral_id=referral_id, history_id=event.uuid("history_id"), now=now
    )
    stands = service.standing(session, referral_id)
    if stands is not None:
        note_for_results(session, stands, now)
        note_for_visits(session, stands, now)


@handles("referral.noted")
def follow_note(*, session: Session, event: Event, now: datetime) -> None:
    service.follow_note(session=session, note_id=event.uuid("note_id"), now=now)


def note_for_results(session: Session, stands: Standing, now: datetime) -> None:
    """What reviews asked a referral for is done by one that goes on."""
    if stands.result_ids and not stands.ended:
        results.note_referral(
            session=session,
            referral_id=stands.id,
            patient_id=stands.patient_id,
            report_ids=stands.result_ids,
            now=now,
        )


def note_for_visits(session: Session, stands: Standing, now: datetime) -> None:
    """What a visit asked for waits for its referral, and ends with it."""
    referral = ReferralStands(
        stands.id, stands.patient_id, stands.visit_ids, stands.seen, stands.given_up
    )
    visits.note_referral(session=session, referral=referral, now=now)
