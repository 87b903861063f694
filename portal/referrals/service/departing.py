"""Referrals by or to a practitioner who has left. For the workers."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal.core.actor import WORKER
from portal.directory.departure_model import Departure, DepartureLeft
from portal.patients import service as patients
from portal.referrals.model import Referral
from portal.referrals.service import moves
from portal.referrals.states import REFERRAL
from portal.worklist import departing

_OPEN = tuple(REFERRAL.every - REFERRAL.ends)


def hand_over_referrals(
    *, session: Session, departure: Departure, now: datetime, limit: int
) -> int:
    """To who takes over; a referrer's else to the patient's primary practitioner. Returns how many
    were looked at."""
    gone = departure.subject_id
    listed = select(DepartureLeft.subject_id).where(DepartureLeft.departure_id == departure.id)
    found = session.scalars(
        select(Referral)
        .where(
            or_(Referral.referrer_id == gone, Referral.specialist_id == gone),
            Referral.status.in_(_OPEN),
            Referral.id.not_in(listed),
        )
        .order_by(Referral.id)
        .limit(limit)
        .with_for_update()
    ).all()
    for referral in found:
        if _hand_over(session, departure, referral):
            moves.record(session, referral, actor=WORKER, action="hand_over", now=now)
            continue
        departing.leave_to_person(
            session=session,
            departure=departure,
            resource="referral",
            subject_id=referral.id,
            patient_id=referral.patient_id,
            pool_id=referral.pool_id,
            why="practitioner_left",
            now=now,
        )
    session.flush()
    return len(found)


def _hand_over(session: Session, departure: Departure, referral: Referral) -> bool:
    """Whether somebody else could be given it: nobody refers to themselves."""
    if referral.specialist_id == departure.subject_id:
        to = departure.successor_id
        if to is None or to == referral.referrer_id:
            return False
        referral.specialist_id = to
        return True
    to = departure.successor_id or patients.primary_of(session, referral.patient_id)
    if to is None or to == referral.specialist_id:
        return False
    referral.referrer_id = to
    return True
