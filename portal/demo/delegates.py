"""Who acts for whom in the demo: a friend looks after an old lady's medicines."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from portal.core.actor import AccessCategory, ActorKind
from portal.core.clock import local_day
from portal.core.ids import new_id
from portal.demo import cast
from portal.demo.patients import Records
from portal.patients.acting import as_delegate
from portal.patients.delegation_model import Delegation, DelegationHistory
from portal.patients.delegation_states import DelegationKind, DelegationStatus, Relationship
from portal.patients.service import get_patient

PATIENT, DELEGATE = "Grace", "Mei-Ling"
GIVEN_BEFORE = timedelta(days=20)


def write(session: Session, records: Records, now: datetime) -> None:
    """Grace gave Mei-Ling access to her medicines and appointments, who accepted the day after."""
    giver, taker = records.patient(PATIENT), records.patient(DELEGATE)
    given_at = now - GIVEN_BEFORE
    friend = next(one for one in cast.PATIENTS if one.given_name == DELEGATE)
    name = f"{friend.given_name} {friend.family_name}"
    delegation = Delegation(
        id=new_id(),
        patient_id=giver.id,
        delegate_id=taker.id,
        delegate_kind=ActorKind.PATIENT,
        delegate_name=name,
        email=cast.e_mail(name),
        kind=DelegationKind.GRANTED,
        relationship=Relationship.FRIEND,
        status=DelegationStatus.OFFERED,
        categories=[AccessCategory.APPOINTMENTS, AccessCategory.MEDICINES],
        starts_on=local_day(given_at, get_patient(session, giver.id).time_zone),
        notify=True,
        offered_at=given_at,
        offered_by=giver.id,
        version=1,
    )
    session.add(delegation)
    session.flush()
    session.add(DelegationHistory.of(delegation, None, actor=giver, now=given_at))
    accepted = delegation.move_to(
        DelegationStatus.ACCEPTED, actor=as_delegate(taker), now=given_at + timedelta(days=1)
    )
    session.add(accepted)
    session.flush()
