"""Acting for others: answering an offer, giving access up, and for whom one may act."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import NOBODY, Actor, ActorKind
from portal.patients import delegating
from portal.patients import delegation_queries as queries
from portal.patients import delegation_rules as rules
from portal.patients.delegation_model import Delegation
from portal.patients.delegation_states import DelegationStatus, Standing
from portal.patients.errors import DelegationEnded, DelegationNotFound
from portal.patients.parental import Day, day_of

S = DelegationStatus
# What somebody is shown of what they were given: what is over is not theirs any more.
_SHOWN = frozenset({Standing.OFFERED, Standing.UPCOMING, Standing.ACTIVE})


@dataclass(frozen=True, slots=True)
class Charge:
    """A patient for whom somebody may act, or was offered to, and what of it there is today."""

    delegation: Delegation
    given_name: str
    family_name: str
    birth_date: date
    standing: Standing
    categories: frozenset[str]


def answer_offer(
    *, session: Session, actor: Actor, delegation_id: UUID, accept: bool, now: datetime
) -> Delegation:
    """Accept or decline what one was offered. The same answer twice changes nothing.

    Raises DelegationNotFound, DelegationEnded for one that was answered otherwise, revoked or left
    for too long.
    """
    delegation = delegating.lock(session, delegation_id)
    wanted = S.ACCEPTED if accept else S.DECLINED
    if delegation.status == wanted:
        return delegation
    if delegation.status != S.OFFERED or rules.has_lapsed(delegation.offered_at, now):
        raise DelegationEnded(status_now=delegation.status)
    delegating.move(session, as_delegate(actor), delegation, wanted, now)
    return delegation


def give_up(*, session: Session, actor: Actor, patient_id: UUID, now: datetime) -> None:
    """Stop acting for a patient, whoever gave the access. Raises DelegationNotFound."""
    for delegation in _own(session, actor, patient_id):
        wanted = S.DECLINED if delegation.status == S.OFFERED else S.REVOKED
        delegating.move(session, as_delegate(actor), delegation, wanted, now)


def choose_notices(
    *, session: Session, actor: Actor, patient_id: UUID, notify: bool, now: datetime
) -> None:
    """Whether one is told of what is new about a patient. Raises DelegationNotFound."""
    for delegation in _own(session, actor, patient_id):
        delegation.notify = notify
        delegating.record(session, as_delegate(actor), "choose_notices", delegation, now)


def _own(session: Session, actor: Actor, patient_id: UUID) -> list[Delegation]:
    """What the actor was given by a patient, locked. Raises DelegationNotFound."""
    mine = [one for one in queries.of_delegate(session, actor.id) if one.patient_id == patient_id]
    if not mine:
        raise DelegationNotFound("You don't act for this patient.")
    return [delegating.lock(session, one.id) for one in mine]


def as_delegate(actor: Actor) -> Actor:
    """The person as one who acts for others, and for nobody at the moment: patients are that too
    when they answer an offer."""
    return replace(actor, kind=ActorKind.DELEGATE, on_behalf_of=NOBODY)


def charges(*, session: Session, actor: Actor, now: datetime) -> list[Charge]:
    """For whom somebody may act, today or later, and what they were offered."""
    mine = queries.of_delegate(session, actor.id)
    whose = queries.delegators(session)
    days: dict[UUID, Day] = {}
    found = []
    for delegation in mine:
        row = whose.get(delegation.id)
        if row is None:  # revoked between the two looks
            continue
        day = days.get(row.clinic_id) or day_of(session, row.clinic_id, now)
        days[row.clinic_id] = day
        standing = rules.standing_of(delegation, row.birth_date, day.bounds, day.today, now)
        if standing not in _SHOWN:
            continue
        delegating.record(session, actor, "read", delegation, now)
        categories = rules.of_age(
            delegation.kind, delegation.categories, row.birth_date, day.bounds, day.today
        )
        found.append(
            Charge(
                delegation, row.given_name, row.family_name, row.birth_date, standing, categories
            )
        )
    return found
