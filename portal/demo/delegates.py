"""Who acts for whom in the demo: a friend for an old lady, a mother for her daughter."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import AccessCategory, Actor, ActorKind
from portal.core.clock import local_day
from portal.core.ids import new_id
from portal.demo import cast
from portal.demo.directory import Places
from portal.demo.patients import Records
from portal.patients.acting import as_delegate
from portal.patients.delegation_model import Delegate, Delegation, DelegationHistory
from portal.patients.delegation_states import DelegationKind, DelegationStatus, Relationship
from portal.patients.service import get_patient

PATIENT, FRIEND = "Grace", "Mei-Ling"
GIVEN_BEFORE = timedelta(days=20)
RECORDED_BEFORE = timedelta(days=60)
EVERYTHING = tuple(AccessCategory)


@dataclass(frozen=True, slots=True)
class Given:
    """Access that somebody has to a patient's record, and by whom it was written down."""

    patient_id: UUID
    by: Actor
    at: datetime
    kind: DelegationKind
    relationship: Relationship
    categories: Sequence[AccessCategory]


def write(session: Session, places: Places, records: Records, now: datetime) -> None:
    _friend(session, records, now - GIVEN_BEFORE)
    _mother(session, places, records, now - RECORDED_BEFORE)


def _friend(session: Session, records: Records, given_at: datetime) -> None:
    """Grace gave Mei-Ling access to her medicines and appointments, who accepted the day after."""
    giver, taker = records.patient(PATIENT), records.patient(FRIEND)
    friend = next(one for one in cast.PATIENTS if one.given_name == FRIEND)
    given = Given(
        giver.id,
        giver,
        given_at,
        DelegationKind.GRANTED,
        Relationship.FRIEND,
        (AccessCategory.APPOINTMENTS, AccessCategory.MEDICINES),
    )
    delegation = _give(session, given, taker, f"{friend.given_name} {friend.family_name}")
    accepted = delegation.move_to(
        DelegationStatus.ACCEPTED, actor=as_delegate(taker), now=given_at + timedelta(days=1)
    )
    session.add(accepted)
    session.flush()


def _mother(session: Session, places: Places, records: Records, recorded_at: datetime) -> None:
    """The front desk recorded Lucia's mother, who has no record of her own."""
    mother = Delegate(id=records.mother_id, name=cast.MOTHER, created_at=recorded_at)
    session.add(mother)
    session.flush()
    clerk = next(one for one in cast.STAFF if one.pool == "clinic_staff")
    given = Given(
        records.patients[cast.DAUGHTER],
        places.staff_member(clerk.name),
        recorded_at,
        DelegationKind.PARENTAL,
        Relationship.PARENT,
        EVERYTHING,
    )
    _give(session, given, Actor(ActorKind.DELEGATE, mother.id), cast.MOTHER)


def _give(session: Session, given: Given, to: Actor, name: str) -> Delegation:
    parental = given.kind == DelegationKind.PARENTAL
    delegation = Delegation(
        id=new_id(),
        patient_id=given.patient_id,
        delegate_id=to.id,
        delegate_kind=to.kind,
        delegate_name=name,
        email=cast.e_mail(name),
        kind=given.kind,
        relationship=given.relationship,
        status=DelegationStatus.ACCEPTED if parental else DelegationStatus.OFFERED,
        categories=sorted(given.categories),
        starts_on=local_day(given.at, get_patient(session, given.patient_id).time_zone),
        notify=True,
        offered_at=given.at,
        offered_by=given.by.id,
        version=1,
    )
    session.add(delegation)
    session.flush()
    session.add(DelegationHistory.of(delegation, None, actor=given.by, now=given.at))
    session.flush()
    return delegation
